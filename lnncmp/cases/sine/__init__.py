"""Case study 2: the next value of a damped sine wave from its past, clean or with noise.

Task: predict y(t + 1 step) of y = A exp(-g t) sin(w t + phi) from the samples so far. With noise, inputs and training
targets carry it, and every test error is measured against the clean wave, which no model reads.
"""

from pathlib import Path

from lnncmp.cases.base import Case, Option, Prepared, Target
from lnncmp.cases.sine.metrics import MEASURES
from lnncmp.cases.sine.noise_metrics import NOISE_MEASURES
from lnncmp.cases.sine.preparation import GAIN_LEVEL, Preparation
from lnncmp.cases.sine.settings import SineSettings
from lnncmp.common.cache import content_key
from lnncmp.errors import UsageError
from lnncmp.records.horizon_metrics import horizon_metrics
from lnncmp.records.metric import Metric
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.sine.generated import SOURCE

VERSION = 1
_HORIZONS = (1, 10, 25)


def prepare(source: Source, context: SourceContext, settings: SineSettings, horizon: int) -> Prepared:
    """Return splits, futures of `horizon` steps and shifted test sets. Raises UsageError for a horizon too long."""
    if context.data_dir is not None:
        raise UsageError("damped sine waves are made, not read: --data has no meaning here", "Leave --data out.")
    room = settings.samples - settings.context
    if horizon > room:
        raise UsageError(
            f"evaluate.horizon is {horizon} steps, longer than the wave: its {settings.samples} samples end {room} "
            f"steps after the context of {settings.context}",
            f"Use --set evaluate.horizon={max(room, 1)}, longer waves (data.samples) or a shorter data.context.",
        )
    made = Preparation(settings, context.warn)
    key = {
        "case": ["sine", VERSION],
        "source": [source.name, source.version],
        "settings": settings.model_dump(mode="json"),
        "horizon": horizon,
    }
    return Prepared(
        made.splits,
        made.futures(horizon),
        made.test_sets(),
        content_key(key),
        made.baselines,
        made.measure,
        made.example_windows(),
        resampling=made.resampling,
    )


def sample() -> Prepared:
    """Return a few short waves."""
    few = SineSettings(waves=20, validation_waves=6, test_waves=6, shifted_waves=4, noise_levels=(0.0, 0.1))
    return prepare(SOURCE, SourceContext(cache=Path()), few, horizon=10)


def _metrics() -> tuple[Metric, ...]:
    clean = f" Where inputs are clean, it is measured at noise of {GAIN_LEVEL:g} of the amplitude."
    noisy = {"noise_gain", *(measure.name for measure in NOISE_MEASURES)}
    return tuple(
        one.model_copy(update={"formula": one.formula + clean}) if one.name in noisy else one
        for one in (*MEASURES, *NOISE_MEASURES)
    )


CASE = Case(
    title="Damped sine",
    in_study=True,
    summary="Predict the next value of a damped sine wave from its past, clean or with noise.",
    version=VERSION,
    sources={"generated": "sine.generated"},
    settings=SineSettings,
    step_unit="sample",
    targets=(Target("y", "1"),),
    horizons=_HORIZONS,
    prepare=prepare,
    sample=sample,
    metrics=(*_metrics(), *horizon_metrics(_HORIZONS)),
    variants={
        "noise": "Add Gaussian noise to inputs and training targets, and score against the clean wave.",
        "irregular": "Sample at irregular times, in training too; also train without elapsed times.",
    },
    data_seed="seed",
    options=(
        Option(
            "--noise-std",
            "data.noise_std",
            "Standard deviation of the noise, as a share of each wave's amplitude (implies --noise).",
            "noise",
        ),
        Option(
            "--irregularity",
            "data.irregularity",
            "Share of a step by which elapsed times vary, below 1 (implies --irregular).",
            "irregular",
        ),
    ),
    tuned_variants=("noise",),
)
