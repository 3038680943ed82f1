"""Invented stays, small intensive care studies and predictors that know the truth, for tests."""

from pathlib import Path

import numpy as np

from lnncmp.cases.base import load_case
from lnncmp.cases.mimic3.features import Stay
from lnncmp.cases.mimic3.preparation import Preparation
from lnncmp.cases.mimic3.settings import Mimic3Settings
from lnncmp.data.recording import Recording
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.mimic3.variables import CORE, VARIABLES

CASE = load_case("mimic3")
C, V = len(CORE), len(VARIABLES)
MIDDLE = np.array([(variable.low + variable.high) / 2 for variable in VARIABLES])
FEW = {
    "context": 6,
    "stride": 1,
    "test_fraction": 0.3,
    "validation_fraction": 0.2,
    "noise_levels": (0.3,),
    "missing_levels": (0.5,),
    "replicates": 15,
}


def stay(values, observed=None, times=None):
    """A stay of (T, V) values, all seen and an hour apart unless said otherwise."""
    values = np.asarray(values, float)
    observed = np.ones(values.shape, bool) if observed is None else np.asarray(observed, bool)
    times = np.arange(len(values), dtype=float) if times is None else np.asarray(times, float)
    return Stay(values, observed, times, "somebody")


def charted(rng, hours):
    """Irregular times in hours, with bursts, exact hours and gaps of up to six hours."""
    gaps = rng.choice([0.05, 0.5, 1.0, 1.0, 1.0, 2.5, 6.0], size=6 * hours)
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    return times[times <= hours]


def random_stay(seed, columns=V, hours=30, event=False, share=0.6):
    """A stay of white noise of which a share was measured."""
    rng = np.random.default_rng(seed)
    times = charted(rng, hours) if event else np.arange(hours, dtype=float)
    values = rng.standard_normal((len(times), columns))
    return stay(values, rng.random(values.shape) < share, times)


def recording(rng, group, hours=24, event=False, share=0.7):
    """A random walk around the middle of each variable's range; unseen cells hold NaN."""
    times = charted(rng, hours) if event else np.arange(hours, dtype=float)
    values = MIDDLE + np.cumsum(rng.standard_normal((len(times), V)), axis=0)
    observed = rng.random(values.shape) < share
    return Recording(np.where(observed, values, np.nan), times, observed, group)


def cohort(subjects=20, each=2, seed=0, **how):
    """Recordings of so many subjects with so many stays each."""
    rng = np.random.default_rng(seed)
    return [recording(rng, f"subject-{n}", **how) for n in range(subjects) for _ in range(each)]


def changed(recordings, change):
    """The same recordings, each with the values that `change(recording)` returns."""
    return [Recording(change(r), r.times, r.observed, r.group) for r in recordings]


def settings(**changes):
    return Mimic3Settings(**{**FEW, **changes})


def made(recordings=None, horizon=4, **changes):
    return Preparation(cohort() if recordings is None else recordings, settings(**changes), horizon)


def source_of(recordings, asked=None):
    """A source of these recordings; the contexts it is asked with are appended to `asked`."""

    def load(context):
        if asked is not None:
            asked.append(context)
        return recordings

    return Source("stub", "", "", 1, load=load, fetch=None)


def prepare(recordings=None, horizon=4, **changes):
    source = source_of(cohort() if recordings is None else recordings)
    return CASE.prepare(source, SourceContext(cache=Path()), settings(**changes), horizon)


class Knows:
    """Predicts the truth with a fixed error on top, another one where predictions are fed back."""

    def __init__(self, error=0.0, free=None):
        self.error, self.free = error, error if free is None else free

    def predict(self, windows):
        return (windows.y + self.error).astype(np.float32)

    def roll_out(self, futures):
        return (futures.future + self.free).astype(np.float32)
