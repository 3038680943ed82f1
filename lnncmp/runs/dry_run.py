"""Dry run: what a study would do, without doing it."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.cases.base import Described
from lnncmp.runs.estimate import Estimate, estimate
from lnncmp.runs.ready import Ready, Request, missing_runs
from lnncmp.runs.unit_costs import UnitCosts


class DryRun(BaseModel):
    """What a study would do: windows per split, total and missing runs, an estimate of time and memory.

    attrition: what was excluded at each step from raw data to windows. described: what else a case says of its data, as
    tables and sentences. ablations: the same of the studies that are run
    before it, with elapsed times withheld. Further counts of the data are extra fields.
    """

    model_config = ConfigDict(extra="allow")

    case: str
    source: str
    preset: str
    data_hash: str
    windows: dict[str, int]
    attrition: list[dict[str, Any]] = Field(default_factory=list)
    described: list[Described] = Field(default_factory=list)
    models: dict[str, dict[str, object]]
    runs: int
    runs_missing: int
    estimate: Estimate
    assumptions: dict[str, str]
    ablations: list["DryRun"] = Field(default_factory=list)


def dry_run(ready: Ready, request: Request, doing: Callable[[str], None] = lambda text: None) -> DryRun:
    """Return what `run_study` would do. Writes nothing into the output folder. doing: is told which model is timed."""
    plan, shape = ready.plan, ready.plan.shape
    units = UnitCosts(ready.store, ready.store.warn, doing)
    measured = [found for spec in plan.measurements if (found := units.of(spec)) is not None]
    missing = missing_runs(ready, request)
    return DryRun(
        case=ready.recipe.case,
        source=ready.recipe.source,
        preset=ready.recipe.preset,
        data_hash=shape.data_hash,
        windows={"train": shape.train_windows, "validation": shape.validation_windows, "test": shape.test_windows},
        attrition=[step.as_row() for step in ready.prepared.attrition],
        described=list(ready.prepared.described),
        models={spec.label: {"model": spec.model, **spec.arguments} for spec in plan.measurements},
        runs=len(plan.runs),
        runs_missing=len(missing),
        estimate=estimate(plan, missing, measured, request.jobs),
        assumptions=ready.recipe.assumptions,
        **ready.prepared.facts,
    )
