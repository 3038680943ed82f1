"""How many steps of a sequence can be measured: all, unless memory or patience would give out first."""

from lnncmp.bench.limits import Limits
from lnncmp.bench.steps import training_step
from lnncmp.bench.timing import warm_up
from lnncmp.bench.workload import Workload
from lnncmp.cells.base import SequenceModel

PROBED = 8
"""Steps of the sequence that time and memory are foretold from."""
PEAK_OVER_SAVED = 2.0
"""Peak memory of a training step over the bytes saved for its backward pass; 1.7 was measured for ncps's LTC."""


def measurable_steps(model: SequenceModel, workload: Workload, limits: Limits) -> int:
    """Return the steps of the workload's sequences that a training step of `model` is measured at.

    They are all steps, or a half, a quarter ... of them, at least PROBED. Takes some training steps of PROBED steps.
    """
    if workload.steps <= PROBED:
        return workload.steps
    probe = training_step(model, workload, PROBED)
    seconds = warm_up(probe, calls=3, budget=0.5)
    return shortened(workload.steps, seconds / PROBED, PEAK_OVER_SAVED * probe.saved_bytes() / PROBED, limits)


def shortened(steps: int, seconds_per_step: float, bytes_per_step: float, limits: Limits) -> int:
    """Return the steps to measure where each is foretold to take so much time and memory.

    >>> shortened(512, 0.001, 1e6, Limits(bytes=1e9)), shortened(512, 0.001, 4e6, Limits(bytes=1e9))
    (512, 128)
    """
    if steps * seconds_per_step <= limits.seconds and steps * bytes_per_step <= limits.bytes:
        return steps
    fewer = steps
    while fewer // 2 >= PROBED and (fewer * seconds_per_step > limits.shorter or fewer * bytes_per_step > limits.bytes):
        fewer //= 2
    return fewer
