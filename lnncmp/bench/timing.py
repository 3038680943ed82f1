"""Interleaved timing of actions: anything that slows the machine down for a while affects all of them."""

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
    """Wall and processor seconds (all threads) of one call, one value per round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def quartiles(self) -> tuple[float, float, float]:
        """Return the first quartile, the median and the third quartile of the wall times."""
        low, middle, high = np.quantile(self.wall, [0.25, 0.5, 0.75])
        return float(low), float(middle), float(high)

    def per_call(self, calls: int) -> "Samples":
        """Return the times of one call, for actions that make `calls` calls."""
        return Samples([wall / calls for wall in self.wall], [cpu / calls for cpu in self.cpu])

    def cpu_median(self) -> float:
        """Return the median processor time."""
        return float(np.median(self.cpu))


@dataclass(frozen=True)
class Turns:
    """The number of rounds of an action, and of calls in each round."""

    rounds: int
    calls: int = 1


@dataclass(frozen=True)
class Effort:
    """How long an action is measured: at least `least` rounds and at most `most`.

    seconds: time limit of all rounds of one action, unless `least` rounds take longer. few: replaces `least` for an
    action of more than `long` seconds. turn: seconds per round of a short action, which is called repeatedly because
    a single call would run with caches filled by the others. rounds: if given, exactly this number of rounds.
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
    """Call `action` at most `calls` times, at least twice, until `budget` seconds are used; return its last time.

    The time is the smaller of wall and processor time: on a shared machine, about the time without other load.
    """
    used, last, done = 0.0, 0.0, 0
    while done < 2 or (done < calls and used < budget):
        wall, cpu = timed(action)
        used, last, done = used + wall, min(wall, cpu), done + 1
    return last


def timed(action: Action, calls: int = 1) -> tuple[float, float]:
    """Return (wall, processor) seconds per call, averaged over `calls` calls of `action`."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        action()
    return (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls


def interleaved(
    actions: Mapping[Key, Action], turns: Mapping[Key, Turns], after_round: Callable[[int, int], None]
) -> dict[Key, Samples]:
    """Return samples of all actions, interleaved (A B C A B C); each sample is the mean of the calls in one round.

    An action with fewer rounds than others skips some rounds, evenly spaced. Python's garbage collector runs only
    between rounds. `after_round(done, total)` is called after each round.
    """
    samples = {key: Samples() for key in actions}
    total = max((own.rounds for own in turns.values()), default=0)
    collecting = gc.isenabled()
    gc.disable()
    gc.collect()
    gc.freeze()  # older objects need not be scanned after every round
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
"""Threshold of a warning: interquartile range over median of the times of the fixed work."""
MOST_WAITING = 1.10
"""Threshold of a warning: wall time over processor time of one thread."""


def fixed_work() -> int:
    """Run a constant workload: a few milliseconds in the interpreter, one thread, data in the L1 cache."""
    total = 0
    for number in range(60_000):
        total += number & 7
    return total


@dataclass(frozen=True)
class Noise:
    """Noise in the times of the fixed work: spread = interquartile range / median, waiting = wall / processor time."""

    spread: float
    waiting: float

    @classmethod
    def of(cls, samples: Samples) -> "Noise":
        """Return the noise in samples of `fixed_work`."""
        low, middle, high = samples.quartiles()
        return cls((high - low) / middle, sum(samples.wall) / max(sum(samples.cpu), 1e-9))


def noise_warnings(found: Iterable[tuple[str, Noise]]) -> list[str]:
    """Return a sentence for each named workload that should be measured again on a quieter machine."""
    warnings = []
    for name, noise in found:
        signs = []
        if noise.spread > MOST_SPREAD:
            signs.append(f"times of a fixed loop spread by {noise.spread:.0%} of their median")
        if noise.waiting > MOST_WAITING:
            signs.append(f"it waited for the processor {1 - 1 / noise.waiting:.0%} of the time")
        if signs:
            warnings.append(
                f"{name}: the machine was too busy to trust small differences: {' and '.join(signs)}. "
                "Repeat the measurement on an idle machine; until then, processor times (cpu_*) are more reliable."
            )
    return warnings
