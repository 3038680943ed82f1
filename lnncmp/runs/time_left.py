"""The time that the runs of a command still take, estimated from those that have ended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from lnncmp.runs.plan import RunSpec


@dataclass(frozen=True)
class Running:
    """A batch of runs under way. share: how much of it is done, from 0 to 1."""

    runs: Sequence[RunSpec]
    seconds: float
    share: float = 0.0


@dataclass
class TimeLeft:
    """What runs took and should take.

    A run takes what runs of its model in its study took, else what the measured cost of its training steps says,
    corrected by how far that was off so far, else the mean of all runs.
    """

    waiting: dict[str, RunSpec] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    took: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def plan(self, runs: Iterable[RunSpec]) -> None:
        """Add runs that are to be made."""
        self.waiting.update({run.run_id: run for run in runs})

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Take what runs should take, by run id; 0 is unknown."""
        self.expected.update({run_id: value for run_id, value in seconds.items() if value > 0})

    def ended(self, run: RunSpec) -> None:
        """Take note that a run has a record."""
        self.waiting.pop(run.run_id, None)

    def record(self, runs: Sequence[RunSpec], seconds: float) -> None:
        """Take what a batch of runs took together."""
        for run in runs:
            self.took.setdefault(_kind(run), []).append(seconds / len(runs))
            if run.run_id in self.expected:
                self.pairs.append((seconds / len(runs), self.expected[run.run_id]))

    def seconds(self, running: Sequence[Running], unplanned: int, jobs: int) -> float | None:
        """Return the seconds until all is done on `jobs` processes, None if nothing tells.

        unplanned: how many runs there are beside those that are planned.
        """
        projected = [one.seconds / one.share / len(one.runs) for one in running if one.share > 0]
        of = self._estimator(projected)
        busy = {run.run_id for one in running for run in one.runs}
        rest = [of(run) for run in list(self.waiting.values()) if run.run_id not in busy]
        rest += [of(None)] * max(unplanned, 0)
        lanes = [_lane(one, of) for one in running]
        known = [value for value in (*rest, *lanes) if value is not None]
        if len(known) < len(rest) + len(lanes):
            return None
        return max(sum(known) / jobs, max((value for value in lanes if value is not None), default=0.0))

    def _estimator(self, projected: Sequence[float]) -> Callable[[RunSpec | None], float | None]:
        """Return a function that gives the seconds of a run; None stands for a run that is not planned yet."""
        took = {kind: fmean(values) for kind, values in list(self.took.items())}
        pairs = list(self.pairs)
        pace = sum(seconds for seconds, _ in pairs) / sum(expected for _, expected in pairs) if pairs else 1.0
        every = [value for values in list(self.took.values()) for value in values]
        found = every or projected or list(self.expected.values())
        usual = fmean(found) if found else None

        def seconds(run: RunSpec | None) -> float | None:
            if run is None:
                return usual
            if _kind(run) in took:
                return took[_kind(run)]
            return self.expected[run.run_id] * pace if run.run_id in self.expected else usual

        return seconds


def _lane(one: Running, of: Callable[[RunSpec | None], float | None]) -> float | None:
    """Return the seconds that a batch still takes."""
    if one.share > 0:
        return one.seconds * (1 - one.share) / one.share
    parts = [of(run) for run in one.runs]
    known = [part for part in parts if part is not None]
    return max(sum(known) - one.seconds, 0.0) if len(known) == len(parts) else None


def _kind(run: RunSpec) -> tuple[str, str]:
    """Return what runs that take the same time have in common."""
    return run.protocol_id, run.label
