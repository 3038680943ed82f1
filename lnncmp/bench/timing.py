"""Times of actions that take turns: what slows the machine down for a while slows all of them."""

import gc
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)
Action = Callable[[], object]


@dataclass(frozen=True)
class Samples:
    """Seconds that a call took, one figure a round: on the clock, and of the processor in all threads."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def quartiles(self) -> tuple[float, float, float]:
        """Return first quartile, median and third quartile of the wall times."""
        low, middle, high = np.quantile(self.wall, [0.25, 0.5, 0.75])
        return float(low), float(middle), float(high)

    def each_of(self, calls: int) -> "Samples":
        """Return the times of one call where an action was so many."""
        return Samples([wall / calls for wall in self.wall], [cpu / calls for cpu in self.cpu])

    def cpu_median(self) -> float:
        """Return the median processor time."""
        return float(np.median(self.cpu))


@dataclass(frozen=True)
class Turns:
    """In how many rounds an action takes part, and how often it is called in each."""

    rounds: int
    calls: int = 1


@dataclass(frozen=True)
class Effort:
    """How long an action may be measured: at least `least` rounds and at most `most`.

    seconds: what all rounds of one action may take together, as far as `least` rounds allow. few: as `least`, for an
    action of more than `long` seconds. turn: seconds that a round lasts for a short action, which is called again and
    again: a single call would find the caches full of what the others left there. rounds: if given, exactly so many.
    """

    seconds: float = 3.0
    turn: float = 0.02
    most: int = 25
    least: int = 5
    few: int = 3
    long: float = 1.5
    rounds: int | None = None

    def turns(self, expected: float) -> Turns:
        """Return the turns of an action of `expected` seconds."""
        calls = max(1, min(100, round(self.turn / max(expected, 1e-9))))
        if self.rounds is not None:
            return Turns(self.rounds, calls)
        least = self.few if expected > self.long else self.least
        return Turns(max(least, min(self.most, int(self.seconds / max(calls * expected, 1e-9)))), calls)


def warm_up(action: Action, calls: int = 3, budget: float = 2.0) -> float:
    """Call `action` up to so often, at least twice, until `budget` seconds are used; return what the last one took.

    That is the lesser of wall and processor time: where others use the machine, about what it would take without them.
    """
    used, last, done = 0.0, 0.0, 0
    while done < 2 or (done < calls and used < budget):
        wall, cpu = timed(action)
        used, last, done = used + wall, min(wall, cpu), done + 1
    return last


def timed(action: Action, calls: int = 1) -> tuple[float, float]:
    """Return the seconds that one of so many calls of `action` takes: wall, processor."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        action()
    return (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls


def interleaved(
    actions: Mapping[Key, Action], turns: Mapping[Key, Turns], after_round: Callable[[int, int], None]
) -> dict[Key, Samples]:
    """Return samples of all actions, taken in turns (A B C A B C) as `turns` says; each is the mean of a turn's calls.

    An action with fewer rounds than others sits out some of them, evenly. Python's garbage collector runs between the
    rounds only. `after_round` is told how many rounds are done, and of how many.
    """
    samples = {key: Samples() for key in actions}
    total = max((own.rounds for own in turns.values()), default=0)
    collecting = gc.isenabled()
    gc.disable()
    gc.collect()
    gc.freeze()  # what was there before need not be looked through after every round
    try:
        for number in range(total):
            for key, action in actions.items():
                own = turns[key]
                if (number + 1) * own.rounds // total > number * own.rounds // total:
                    wall, cpu = timed(action, own.calls)
                    samples[key].wall.append(wall)
                    samples[key].cpu.append(cpu)
            gc.collect()
            after_round(number + 1, total)
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
    return samples


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
