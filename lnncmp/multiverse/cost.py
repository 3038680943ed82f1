"""What universes will take: training steps measured once for each model and shape, times batches and epochs."""

from collections.abc import Sequence
from statistics import median

from lnncmp.common.cache import content_key
from lnncmp.errors import LnncmpError
from lnncmp.multiverse.plan import PlannedUniverse
from lnncmp.records.store import Store
from lnncmp.runs.plan import MeasureSpec, Plan, RunSpec
from lnncmp.runs.ready import StudyListener

_EVALUATION_FACTOR = 1.25
"""Time of a run over that of its training steps (measured: 1.15 to 1.35)."""


class CostEstimator:
    """Estimates the seconds of universes, at most: an early stop of training is not foreseen."""

    def __init__(self, store: Store, jobs: int, listener: StudyListener) -> None:
        self.store, self.jobs, self.listener = store, jobs, listener
        self._steps: dict[str, float] = {}

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
        spec = next(one for one in plan.measurements if one.measurement_id == run.measurement_id)
        batches = -(-plan.shape.train_windows // run.recipe.train.batch_size)
        return self._step_seconds(spec) * batches * run.recipe.train.epochs * _EVALUATION_FACTOR

    def _step_seconds(self, spec: MeasureSpec) -> float:
        """Return the seconds of a training step; 0 for a model whose step fails, as its runs will."""
        key = content_key(spec.model_dump(mode="json", exclude={"measurement_id", "label"}))
        if key not in self._steps:
            from lnncmp.runs.measure_cost import probe

            try:
                self._steps[key] = median(probe(spec).step_seconds)
            except LnncmpError:
                raise
            except Exception:  # a model may raise anything; its runs record why
                self._steps[key] = 0.0
        return self._steps[key]
