"""Case study 3: the next hours of an intensive care patient's state.

Task: predict seven vital signs one hour ahead from the hours so far, and by feeding predictions back, up to twelve.
Both families of models get the same inputs: values carried forward, masks, hours since measured, elapsed times.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from lnncmp.cases.base import Case, Prepared, Target
from lnncmp.cases.mimic3.features import features_of
from lnncmp.cases.mimic3.metrics import metrics
from lnncmp.cases.mimic3.preparation import Preparation
from lnncmp.cases.mimic3.settings import Mimic3Settings
from lnncmp.common.cache import content_key
from lnncmp.data.encoding import Encoding, Quantity
from lnncmp.data.recording import AttritionStep, Recording, recordings_hash
from lnncmp.records.horizon_metrics import horizon_metrics
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.mimic3.variables import CORE, VARIABLES

VERSION = 1
_HORIZONS = (1, 6, 12)
_CARRIED = (
    "An input NAME is the latest measured value of that quantity, carried forward by the caller; NAME_measured is 1 in "
    "a step in which it was measured, else 0; NAME_age is the time since it was last measured, at most 24 hours. "
    "Before the first measurement NAME is its mean, NAME_measured 0 and NAME_age 24.",
)


def prepare(source: Source, context: SourceContext, settings: Mimic3Settings, horizon: int) -> Prepared:
    """Return splits by subject, futures of `horizon` hours and shifted test sets. Raises DataError."""
    wanted = {"grid": settings.grid, "sets": settings.sets} | (
        {"records": settings.records} if settings.records else {}
    )
    asked = replace(context, options={**context.options, **wanted})
    recordings = source.load(asked)
    lost: Sequence[AttritionStep] = source.attrition(asked) if source.attrition is not None else ()
    made = Preparation(recordings, settings, horizon)
    unscored = made.unscored
    if unscored:
        context.warn(
            f"{' and '.join(unscored)} cannot be scored, having no value in training or in test stays: means over the "
            f"variables cover {len(CORE) - len(unscored)} of {len(CORE)}"
        )
    key = {
        "case": ["mimic3", VERSION],
        "source": [source.name, source.version],
        "recordings": recordings_hash(recordings),
        # The subjects' names decide the split, and names are not in the hash above.
        "split": made.membership,
        "settings": settings.model_dump(mode="json"),
        "horizon": horizon,
    }
    if not made.frame.fed_back.all():  # else the key stays that of runs of before
        key["fed_back"] = made.frame.fed_back.tolist()
    counts = [len(part) for part in (made.splits.train, made.splits.validation, made.splits.test)]
    windows = AttritionStep("windows", f"training windows every {settings.stride} rows", rows=sum(counts))
    return Prepared(
        made.splits,
        made.futures,
        made.test_sets(),
        content_key(key),
        made.baselines,
        made.measure,
        example_futures=[made.course()] if source.invented else (),
        attrition=[*lost, *made.attrition, windows],
        facts=made.facts,
        raw_scalers=made.raw_scalers,
        described=made.described,
    )


def encoding(settings: Mimic3Settings) -> Encoding:
    """Return how the variables of a stay become values carried forward, masks and ages in hours."""
    variables = CORE if settings.variables == "core" else VARIABLES
    features = [
        Quantity(variable.name + ending, unit or variable.unit)
        for group in (variables[: len(CORE)], variables[len(CORE) :])
        for ending, unit in (("", ""), ("_measured", "0 or 1"), ("_age", "h"))
        for variable in group
    ]
    columns = [Quantity(variable.name, variable.unit) for variable in variables]
    return Encoding(columns, features, partial(features_of, core=len(CORE)), _CARRIED)


def sample() -> Prepared:
    """Return a few invented stays: slow random walks with gaps, not measured on any patient."""
    rng = np.random.default_rng(0)
    recordings = [_walk(rng, f"subject-{n // 2}") for n in range(24)]
    nowhere = Path()
    source = Source("sample", "", "", 1, load=lambda context: recordings, fetch=None)
    few = Mimic3Settings(context=12, noise_levels=(0.3,), missing_levels=(0.5,), replicates=20)
    return prepare(source, SourceContext(cache=nowhere), few, horizon=6)


def _walk(rng: np.random.Generator, group: str, hours: int = 40) -> Recording:
    middle = np.array([(variable.low + variable.high) / 2 for variable in VARIABLES])
    walk = np.cumsum(rng.standard_normal((hours, len(VARIABLES))), axis=0)
    observed = rng.random(walk.shape) < np.where(np.arange(len(VARIABLES)) == len(CORE) - 1, 0.3, 0.9)
    observed[0] = observed[-1] = True
    return Recording(middle + walk, np.arange(hours, dtype=np.float64), observed, group)


CASE = Case(
    title="MIMIC-III",
    in_study=True,
    summary="Predict the next hours of an intensive care patient's vital signs.",
    version=VERSION,
    sources={
        "auto": "mimic3.auto",
        "clinical": "mimic3.clinical",
        "challenge2012": "mimic3.challenge2012",
        "demo": "mimic3.demo",
        "waveforms": "mimic3.waveforms",
        "synthetic": "mimic3.synthetic",
    },
    settings=Mimic3Settings,
    step_unit="hour",
    targets=tuple(Target(variable.name, "sd") for variable in CORE),
    horizons=_HORIZONS,
    prepare=prepare,
    sample=sample,
    metrics=(*metrics(), *horizon_metrics(_HORIZONS)),
    encoding=encoding,
    private=True,
)
