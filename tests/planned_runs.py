"""Runs as a plan has them, with no more than what progress is told of."""

from lnncmp.runs.plan import MeasureRepeat, MeasureSpec, RunBatch, RunSpec


def runs(label: str, count: int = 1, protocol: str = "p") -> list[RunSpec]:
    """Return runs of one model that differ in their seed."""
    return [
        RunSpec.model_construct(run_id=f"{protocol}-{label}-{seed}", protocol_id=protocol, label=label, seed=seed)
        for seed in range(count)
    ]


def batch(found: list[RunSpec]) -> RunBatch:
    """Return runs as one task."""
    return RunBatch.model_construct(runs=tuple(found))


def measuring(*labels: str) -> MeasureRepeat:
    """Return the first repeat of the measurements of models."""
    specs = [MeasureSpec.model_construct(measurement_id=label, label=label) for label in labels]
    return MeasureRepeat.model_construct(specs=tuple(specs), number=0)
