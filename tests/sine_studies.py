"""Small damped sine studies for tests, and a predictor that knows the truth."""

from pathlib import Path

from lnncmp.cases.base import load_case
from lnncmp.cases.sine.preparation import Preparation
from lnncmp.cases.sine.settings import SineSettings
from lnncmp.sources.base import SourceContext
from lnncmp.sources.sine.generated import SOURCE

CASE = load_case("sine")
FEW = {"waves": 30, "validation_waves": 10, "test_waves": 20, "shifted_waves": 12, "noise_levels": (0.0, 0.1, 0.5)}


def settings(**changes):
    return SineSettings(**{**FEW, **changes})


def prepare(horizon=25, **changes):
    return CASE.prepare(SOURCE, SourceContext(cache=Path()), settings(**changes), horizon)


def made(**changes):
    warnings = []
    return Preparation(settings(**changes), warnings.append), warnings


def raw(splits, values):
    return splits.input_scaler.unscale(values)[..., 0]


def windows_of(prepared, name):
    (found,) = [one for one in prepared.test_sets if one.name == name]
    return found.make()


class Knows:
    """Predicts the clean truth of the test windows, with a fixed error on top."""

    def __init__(self, preparation, error=0.0):
        self.preparation, self.error = preparation, error

    def predict(self, windows):
        truth = self.preparation.clean_test.truth[..., None] + self.error
        return self.preparation.scaler.scale(truth)
