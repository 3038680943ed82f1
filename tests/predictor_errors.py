"""The error of a predictor on some windows, target by target."""

from lnncmp.evaluation.errors import one_step
from lnncmp.evaluation.metrics import squared_error


def one_step_error(predictor, windows, splits):
    """Return the mean squared one-step error per target (O,) in raw units, over all valid, observed steps."""
    found = one_step(predictor, windows, splits)
    return squared_error(found.values, found.truth, found.counted)
