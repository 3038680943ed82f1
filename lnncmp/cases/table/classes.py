"""How often each class is a target, and what follows from it: the main error, weights in the training loss."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table.parts import PARTS, Parts
from lnncmp.cases.table.windows import Frame
from lnncmp.errors import DataError, UsageError

RARE = 0.1
"""Share of the training targets under which a class is rare: all errors of it would hardly change the error rate."""


def counts(parts: Parts, frame: Frame) -> NDArray[np.intp]:
    """Return how often each class is a target of the windows of each part (3, classes)."""
    found = np.zeros((len(PARTS), frame.classes), np.intp)
    for part, places in enumerate(parts.places):
        for place in places:
            found[part] += (frame.targets_of(parts.pieces, place) == 1).sum(axis=0)
    return found


def require_classes(found: NDArray[np.intp], names: Sequence[str], target: str) -> list[str]:
    """Return sentences on classes that are not in all parts. Raises DataError unless training has two of them."""
    seen = found > 0
    if seen[0].sum() < 2:
        raise DataError(
            f"the training windows hold {seen[0].sum()} of the {len(names)} classes of '{target}': "
            "nothing can be learnt",
            "Use another --split, e.g. --split group or random, or a column of your own.",
        )
    said = []
    for number, name in enumerate(names):
        without = [part for part, has in zip(PARTS, seen[:, number], strict=True) if not has]
        if without and seen[:, number].any():
            said.append(f"class '{name}' of '{target}' is in no target of {' and '.join(without)}")
    return said


def main_error(found: NDArray[np.intp]) -> str:
    """Return the error that ranks models: the balanced one where a class is rare in training."""
    counted = found[0][found[0] > 0]
    return "balanced_error_rate" if counted.min() < RARE * counted.sum() else "error_rate"


def weights_of(asked: str | tuple[float, ...], found: NDArray[np.intp], names: Sequence[str]) -> tuple[float, ...]:
    """Return the weight of each class in the training loss, () for equal ones. Raises UsageError."""
    if asked == "none":
        return ()
    if asked == "balanced":
        # A class that training lacks has no weight to speak of.
        return tuple(float(found[0].sum() / (len(names) * max(count, 1))) if count else 1.0 for count in found[0])
    if len(asked) != len(names):
        raise UsageError(
            f"data.class_weights has {len(asked)} weights for {len(names)} classes: {', '.join(names)}",
            "Give one for each, in this order, or 'balanced'.",
        )
    return tuple(float(weight) for weight in asked)
