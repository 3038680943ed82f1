"""Records of runs before their end: what is known of a run from its specification alone. Needs no torch."""

from collections.abc import Sequence
from typing import Any

from lnncmp.cases.base import load_case, packages_of_case
from lnncmp.common.code_version import code_version
from lnncmp.common.provenance import provenance
from lnncmp.common.seeding import streams
from lnncmp.models.base import packages_of_model
from lnncmp.recipe.recipe import parse
from lnncmp.records.schema import Parameters, RunRecord, Seeds
from lnncmp.records.store import Store
from lnncmp.runs.listener import RunListener, task_name
from lnncmp.runs.plan import RunBatch, RunSpec


def begun(spec: RunSpec, jobs: int) -> dict[str, Any]:
    """Return the fields of a run's record before its model is built."""
    return {
        **spec.model_dump(exclude={"label", "seed"}),
        "model": spec.label,
        "seeds": _seeds(spec),
        "implementation": "unknown",
        "parameters": Parameters(trainable=0, active=0, total=0),
        "provenance": _provenance(spec, jobs),
    }


def stopped(spec: RunSpec, jobs: int, reason: str) -> RunRecord:
    """Return the record of a run that was stopped from outside; it counts as missing, and its checkpoint stays."""
    return RunRecord(**begun(spec, jobs), status="stopped", reason=reason)


def give_up(missing: Sequence[RunSpec], reason: str, store: Store, jobs: int, listener: RunListener) -> list[RunBatch]:
    """Return the runs of a batch that was stopped, to be tried one by one; one alone is recorded as stopped.

    This process must have the locks of the runs.
    """
    if len(missing) > 1:
        listener.warn(
            f"{task_name(RunBatch(runs=tuple(missing)))} was stopped: {reason}; its runs are tried one by one"
        )
        return [RunBatch(runs=(run,)) for run in missing]
    for run in missing:
        store.write_run(stopped(run, jobs, reason))
        listener.finished(run, "stopped", reason)
    return []


def _seeds(spec: RunSpec) -> Seeds:
    derived = streams(spec.seed)
    settings = parse(load_case(spec.case).settings, spec.recipe.data, "data")
    return Seeds(
        root=spec.seed,
        model=derived.model,
        wiring=derived.wiring,
        batches=derived.batches,
        data=settings.data_seed,
    )


def _provenance(spec: RunSpec, jobs: int) -> dict[str, Any]:
    """Return code, packages and machine; also the packages that the case, the source or the model come from."""
    made = provenance(threads=spec.recipe.threads, device=spec.recipe.device, jobs=jobs)
    added = {**packages_of_case(spec.case, spec.source), **packages_of_model(spec.recipe.model.name)}
    return {**made, "code": code_version(), "packages": {**made["packages"], **added}}
