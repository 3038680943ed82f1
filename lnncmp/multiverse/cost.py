"""What universes will take: training steps measured once for each model and shape, times batches and epochs."""

from collections.abc import Sequence

from lnncmp.multiverse.plan import PlannedUniverse
from lnncmp.records.store import Store
from lnncmp.runs.estimate import run_seconds
from lnncmp.runs.plan import Plan, RunSpec
from lnncmp.runs.ready import StudyListener
from lnncmp.runs.unit_costs import UnitCosts


class CostEstimator:
    """Estimates the seconds of universes, at most: an early stop of training is not foreseen."""

    def __init__(self, store: Store, jobs: int, listener: StudyListener) -> None:
        self.store, self.jobs, self.listener = store, jobs, listener
        self._units = UnitCosts(store)

    def seconds(self, planned: PlannedUniverse, counted: set[str]) -> float:
        """Return what the runs take that are neither stored nor in `counted`, into which they are put."""
        total = 0.0
        for plan in planned.plans.values():
            for run in plan.runs:
                if run.run_id not in counted and self.store.finished(run.run_id) is None:
                    total += self._run_seconds(run, plan)
                counted.add(run.run_id)
        return total / self.jobs

    def all_seconds(self, planned: Sequence[PlannedUniverse]) -> list[float]:
        """Return the seconds of each universe after those before it."""
        counted: set[str] = set()
        found = []
        for number, one in enumerate(planned):
            self.listener.data("Measuring training steps", number, len(planned))
            found.append(self.seconds(one, counted))
        self.listener.data("Measuring training steps", len(planned), len(planned))
        return found

    def _run_seconds(self, run: RunSpec, plan: Plan) -> float:
        measured = self._units.of(plan.measurement_of(run))
        return 0.0 if measured is None else run_seconds(run, plan.shape, [measured])
