"""Whether the machine is quiet enough: a fixed piece of work, timed in every round between the others."""

from collections.abc import Iterable
from dataclasses import dataclass

from lnncmp.bench.timing import Samples

MOST_SPREAD = 0.10
"""Interquartile range over median of the fixed work's times, above which there is a warning."""
MOST_WAITING = 1.10
"""Wall time over processor time of one thread, above which there is a warning."""


def fixed_work() -> int:
    """Do the work: some milliseconds in the interpreter, always the same, in one thread, within the fastest cache."""
    total = 0
    for number in range(60_000):
        total += number & 7
    return total


@dataclass(frozen=True)
class Noise:
    """spread: interquartile range over median of the fixed work. waiting: its wall time over its processor time."""

    spread: float
    waiting: float

    @classmethod
    def of(cls, samples: Samples) -> "Noise":
        """Return the noise that samples of `fixed_work` show."""
        low, middle, high = samples.quartiles()
        return cls((high - low) / middle, sum(samples.wall) / max(sum(samples.cpu), 1e-9))


def noise_warnings(found: Iterable[tuple[str, Noise]]) -> list[str]:
    """Return a sentence for each workload, by name, whose measurements should be repeated on a quieter machine."""
    told = []
    for name, noise in found:
        signs = []
        if noise.spread > MOST_SPREAD:
            signs.append(f"times of a fixed loop spread by {noise.spread:.0%} of their median")
        if noise.waiting > MOST_WAITING:
            signs.append(f"it waited for the processor {1 - 1 / noise.waiting:.0%} of the time")
        if signs:
            told.append(
                f"{name}: the machine was too busy to trust small differences: {' and '.join(signs)}. "
                "Repeat it when nothing else runs; until then processor times (cpu_*) tell more."
            )
    return told
