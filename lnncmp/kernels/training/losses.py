"""The losses of lnncmp.training.losses at one step, with their gradients.

Each writes the gradient of the step's loss, times `scale`, to d from `at` on, where y has the outputs, and returns the
loss. What is not counted is 0. targets (steps, O), counted (steps, C) or empty. Legend: O outputs, C counted cells of a
step; all arrays are flat.
"""

import math

import numpy as np

from lnncmp.kernels.common.compiling import Array, inlined, lean
from lnncmp.kernels.common.lane_sums import total
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store


@inlined
def value_loss(
    y: Array, at: int, outputs: int, targets: Array, step: int, counted: Array, weights: Array, scale: float, d: Array
) -> float:
    """Return the sum of squared errors; C = O, `weights` are not used."""
    summed, cell, o = 0.0, step * outputs, 0
    if counted.size == 0:
        together, lanes = fill_narrow(y, 0.0), narrow_lanes(y)
        while o + lanes <= outputs:
            errors = load_narrow(y, at + o) - load_narrow(targets, cell + o)
            store(d, at + o, errors * (2.0 * scale))
            together = together + errors * errors
            o += lanes
        summed = np.float64(total(together))
    while o < outputs:
        d[at + o] = 0.0
        if counted.size == 0 or counted[cell + o]:
            error = y[at + o] - targets[cell + o]
            d[at + o] = error * (2.0 * scale)
            summed += np.float64(error) * np.float64(error)
        o += 1
    return summed


@lean
def class_loss(
    y: Array, at: int, outputs: int, targets: Array, step: int, counted: Array, weights: Array, scale: float, d: Array
) -> float:
    """Return the cross-entropy with a one-hot target; C = 1, weights (O) of the classes or empty."""
    if counted.size > 0 and not counted[step]:
        for o in range(outputs):
            d[at + o] = 0.0
        return 0.0
    peak, cell = y[at], step * outputs
    for o in range(outputs):
        peak = max(peak, y[at + o])
    summed = 0.0
    for o in range(outputs):
        summed += math.exp(np.float64(y[at + o]) - peak)
    level = math.log(summed) + peak
    loss = whole = 0.0
    for o in range(outputs):
        chosen = targets[cell + o] * (weights[o] if weights.size > 0 else 1.0)
        loss -= chosen * (y[at + o] - level)
        whole += chosen
    for o in range(outputs):
        chosen = targets[cell + o] * (weights[o] if weights.size > 0 else 1.0)
        d[at + o] = (whole * math.exp(y[at + o] - level) - chosen) * scale
    return loss


@lean
def _largest(numbers: Array, at: int, count: int) -> int:
    """Return the place of the largest of `count` numbers; NaN counts as the largest, as in torch."""
    best = 0
    for o in range(1, count):
        value, most = numbers[at + o], numbers[at + best]
        if value > most or (value != value and most == most):
            best = o
    return best


@lean
def mistake(
    y: Array, at: int, outputs: int, targets: Array, step: int, counted: Array, weights: Array, scale: float, d: Array
) -> float:
    """Return 1 if another class than the true one has the largest output, else 0; C = 1. It has no gradient."""
    if counted.size > 0 and not counted[step]:
        return 0.0
    return 1.0 if _largest(y, at, outputs) != _largest(targets, step * outputs, outputs) else 0.0
