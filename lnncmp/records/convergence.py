"""Whether a training run had converged when it ended: a pure function of its history, for records old and new."""

from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

CONVERGED_GAIN = 0.02
"""A run counts as converged if its lowest validation loss fell by at most this share over the last quarter."""


class Convergence(BaseModel):
    """How the training of a run ended.

    gain: by which share the lowest validation loss fell over the last quarter of the epochs (rounded up to whole
    epochs), 0 = not at all. best_is_last: whether the last epoch was the best. rate_left: last learning rate as a share
    of the first. plateau: whether training was stopped on a plateau, before its ceiling of epochs.
    converged: stopped on a plateau, or a gain of at most `CONVERGED_GAIN`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int
    gain: float
    best_is_last: bool
    rate_left: float
    plateau: bool
    converged: bool


def convergence_of(
    validation_losses: Sequence[float], learning_rates: Sequence[float], plateau: bool = False
) -> Convergence | None:
    """Return how a training ended, from one validation loss and one learning rate per epoch; None without epochs.

    Example: losses 4, 3, 2, 1 gain 1 - 1/2 = 0.5 over the last quarter (one epoch): not converged.
    """
    count = len(validation_losses)
    if not count:
        return None
    lowest = list(accumulate(validation_losses, min))
    before = lowest[max(count - -(-count // 4) - 1, 0)] if count > 1 else float("inf")
    gain = 1.0 if before == float("inf") else 1 - lowest[-1] / before if before > 0 else 0.0
    return Convergence(
        epochs=count,
        gain=gain,
        best_is_last=validation_losses[-1] <= lowest[-1] and (count == 1 or lowest[-1] < lowest[-2]),
        rate_left=learning_rates[-1] / learning_rates[0],
        plateau=plateau,
        converged=plateau or gain <= CONVERGED_GAIN,
    )


def on_plateau(validation_losses: Sequence[float], patience: int | None, min_gain: float) -> bool:
    """Tell whether the lowest loss fell by less than the share `min_gain` over the last `patience` epochs.

    False without a patience, and before more than `patience` epochs are done.
    """
    if patience is None or len(validation_losses) <= patience:
        return False
    before = min(validation_losses[:-patience])
    return min(validation_losses) > before * (1 - min_gain)
