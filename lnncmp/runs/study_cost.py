"""What studies would take: processor time, memory and storage of the runs that are not stored."""

from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.records.schema import MeasurementRecord
from lnncmp.records.store import Store
from lnncmp.runs.estimate import run_seconds, task_bytes
from lnncmp.runs.plan import Plan, RunSpec
from lnncmp.runs.unit_costs import UnitCosts

_RECORD_BYTES = 32_000
"""A run record of a hundred epochs (measured: 12 to 60 KB), where the folder holds none yet."""

_CHECKPOINT_COPIES = 5
"""A checkpoint over the weights: weights, the best ones so far, two moments of Adam, and the generators' states."""


class StudyCost(BaseModel):
    """What the missing runs of a study take at most, as an early stop of training is not foreseen.

    core_seconds: of all missing runs, times their threads. longest_seconds: of the longest of them, which no number of
    processes shortens. process_bytes: peak memory of a process that trains the largest model, data left out.
    stored_bytes: records and weights of the missing runs. checkpoint_bytes: the largest, one for each run in progress.
    unknown: models whose training step fails; they count as nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    models: int
    runs: int
    missing: int
    core_seconds: float = 0
    longest_seconds: float = 0
    process_bytes: int = 0
    stored_bytes: int = 0
    checkpoint_bytes: int = 0
    unknown: list[str] = Field(default_factory=list)

    def seconds_on(self, processes: int) -> float:
        """Return the wall-clock seconds on this many processes of one thread, at best."""
        return max(self.core_seconds / processes, self.longest_seconds)


def study_cost(
    name: str, plans: Sequence[Plan], store: Store, units: UnitCosts | None, keep_weights: bool
) -> StudyCost:
    """Return what the missing runs of some plans take, a run of several plans once; without `units`, their number."""
    runs = {run.run_id: (run, plan) for plan in plans for run in plan.runs}
    missing = [pair for run_id, pair in runs.items() if store.finished(run_id) is None]
    models = len({run.label for run, _ in runs.values()})
    counts = {"study": name, "models": models, "runs": len(runs), "missing": len(missing)}
    if units is None:
        return StudyCost(**counts)
    specs = {run.run_id: plan.measurement_of(run) for run, plan in missing}
    measured = {run_id: units.of(spec) for run_id, spec in specs.items()}
    seconds = [_seconds(run, plan, measured[run.run_id]) for run, plan in missing]
    weights = [units.weights_bytes(spec) for spec in specs.values()]
    return StudyCost(
        **counts,
        core_seconds=sum(own * run.recipe.threads for own, (run, _) in zip(seconds, missing, strict=True)),
        longest_seconds=max(seconds, default=0.0),
        process_bytes=task_bytes([one for one in measured.values() if one is not None]) if missing else 0,
        stored_bytes=len(missing) * _record_bytes(store) + (sum(weights) if keep_weights else 0),
        checkpoint_bytes=_CHECKPOINT_COPIES * max(weights, default=0),
        unknown=sorted({run.label for run, _ in missing if measured[run.run_id] is None}),
    )


def _seconds(run: RunSpec, plan: Plan, measured: MeasurementRecord | None) -> float:
    return 0.0 if measured is None else run_seconds(run, plan.shape, [measured])


def _record_bytes(store: Store) -> int:
    """Return the bytes of a typical run record: the median of those stored."""
    stored = [path.stat().st_size for path in (store.out / "records").glob("*.json")]
    return round(median(stored)) if stored else _RECORD_BYTES
