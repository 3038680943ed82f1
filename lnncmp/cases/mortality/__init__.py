"""Death in hospital from the first 48 hours of intensive care, as the CfC paper asks it of the challenge's stays.

A window is a stay: rows of 41 parameters at irregular times, each with its latest value and whether it was measured in
that row; the outcome counts at the last row. Hasani et al., Closed-form continuous-time neural networks, Nature Machine
Intelligence 4, 2022, after Rubanova, Chen, Duvenaud, NeurIPS 2019.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lnncmp.cases.base import Case, Prepared, Target
from lnncmp.cases.mortality.preparation import OUTCOMES, Preparation, outcomes_hash
from lnncmp.cases.mortality.settings import MortalitySettings
from lnncmp.cases.mortality.windows import features_of
from lnncmp.common.cache import content_key
from lnncmp.data.encoding import Encoding, Quantity
from lnncmp.data.recording import AttritionStep, Recording, recordings_hash
from lnncmp.data.task import LOGIT
from lnncmp.errors import DataError
from lnncmp.records.class_metrics import class_metrics
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.mimic3.challenge2012.parameters import ALL

VERSION = 1
_WORDS = (
    "An input NAME is the latest measured value of that parameter, carried forward by the caller; NAME_measured is 1 "
    "in a row in which it was measured, else 0. Before the first measurement NAME is left empty. The logits of the last"
    " row are the prediction; times are in hours since admission.",
)


def prepare(source: Source, context: SourceContext, settings: MortalitySettings, horizon: int) -> Prepared:
    """Return splits by stay and perturbed test sets; there is no free-running prediction. Raises DataError."""
    del horizon
    asked = replace(context, options={**context.options, **_options(settings)})
    stays = source.load(asked)
    if len(settings.sets) == 1:
        context.warn(
            f"set {settings.sets.upper()} alone is a smaller cohort than the challenge has, {len(stays):,} of 12,000 "
            "stays: --set data.sets=abc takes all three sets"
        )
    lost: Sequence[AttritionStep] = source.attrition(asked) if source.attrition is not None else ()
    died = _died(source, asked, stays)
    key = {
        "case": ["mortality", VERSION],
        "source": [source.name, source.version],
        "recordings": recordings_hash(stays),
        "outcomes": outcomes_hash(died),
        "settings": settings.model_dump(mode="json"),
    }
    return Preparation(stays, died, settings).prepared(content_key(key), lost)


def _options(settings: MortalitySettings) -> Mapping[str, str]:
    """Return what the source is asked for: all parameters, at every time with any of them."""
    return {
        "variables": "all",
        "grid": "event",
        "sets": settings.sets,
        "quantum": repr(settings.quantum),
        "ranges": settings.ranges,
    }


def _died(source: Source, context: SourceContext, stays: Sequence[Recording]) -> np.ndarray:
    outcomes = source.outcomes(context) if source.outcomes is not None else {}
    without = sum(stay.group not in outcomes for stay in stays)
    if without:
        raise DataError(
            f"the outcome of {without:,} of {len(stays):,} stays is not known", "Check the files of outcomes."
        )
    return np.array([outcomes[stay.group] == 1 for stay in stays], bool)


def encoding(settings: MortalitySettings) -> Encoding:
    """Return how the parameters of a stay become values carried forward and masks."""
    del settings
    columns = [Quantity(parameter.name, parameter.unit) for parameter in ALL]
    masks = [Quantity(f"{parameter.name}_measured", "0 or 1") for parameter in ALL]
    return Encoding(columns, [*columns, *masks], features_of, _WORDS)


def sample() -> Prepared:
    """Return a few invented stays, in which a high first parameter is deadly; not measured on any patient."""
    rng = np.random.default_rng(0)
    made = [_stay(rng, number) for number in range(60)]
    died = {stay.group: int(stay.values[-1, 0] > 1.0) for stay in made}
    source = Source("sample", "", "", 1, load=lambda context: made, fetch=None, outcomes=lambda context: died)
    few = MortalitySettings(noise_levels=(0.3,), missing_levels=(0.5,), replicates=20)
    return prepare(source, SourceContext(cache=Path()), few, horizon=1)


def _stay(rng: np.random.Generator, number: int) -> Recording:
    rows = int(rng.integers(4, 12))
    observed = rng.random((rows, len(ALL))) < 0.3
    observed[[0, -1], 0] = True
    values = rng.standard_normal(observed.shape)
    values[:, 0] += 2.0 * (number % 3 == 0)
    times = np.cumsum(rng.integers(1, 12, rows) / 2) - 0.5
    return Recording(values, times, observed, f"stay-{number}")


def declared(settings: MortalitySettings) -> Case:
    """Return the case with the metrics beside the main error of the settings."""
    return replace(CASE, metrics=class_metrics(settings.main, OUTCOMES))


CASE: Case = Case(
    title="Death in hospital",
    summary="Predict from two days of intensive care whether a patient dies in hospital.",
    version=VERSION,
    sources={"challenge2012": "mimic3.challenge2012"},
    settings=MortalitySettings,
    step_unit="hour",
    targets=tuple(Target(name, LOGIT) for name in OUTCOMES),
    horizons=(),
    prepare=prepare,
    sample=sample,
    metrics=class_metrics("log_loss", OUTCOMES),
    data_seed="fold",
    encoding=encoding,
    private=True,
    declare=declared,
)
