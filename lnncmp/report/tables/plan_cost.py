"""What studies would take, as a document."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from lnncmp.report.tables.document import Document, Grid, Section, columns
from lnncmp.report.tables.numbers import UNKNOWN, seconds, significant, size
from lnncmp.runs.study_cost import StudyCost

_PROCESSES = (1, 16, 256)
"""Numbers of processes that the last sentences name, beside the one asked for."""


class PlanCost(BaseModel):
    """Studies and what they take. jobs: number of processes asked for. measured: whether costs are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    studies: list[StudyCost]
    jobs: int
    measured: bool


def document_of_plan_cost(plan: PlanCost) -> Document:
    """Return a row for each study and one for all; without costs, the runs alone."""
    all_of = (*plan.studies, _together(plan.studies)) if len(plan.studies) > 1 else tuple(plan.studies)
    cells = {
        "models": [f"{one.models}" for one in all_of],
        "runs\nto do": [f"{one.missing:,} of {one.runs:,}" for one in all_of],
    }
    if plan.measured:
        cells |= {
            "core\nhours": [significant(one.core_seconds / 3600, 3) for one in all_of],
            "longest\nrun": [seconds(one.longest_seconds) for one in all_of],
            "memory a\nprocess": [size(one.process_bytes) if one.missing else UNKNOWN for one in all_of],
            "records,\nweights": [size(one.stored_bytes) for one in all_of],
            "checkpoint\na process": [size(one.checkpoint_bytes) for one in all_of],
        }
    sections = (len(plan.studies), 1) if len(plan.studies) > 1 else (1,)
    grid = Grid("Plan", "study", tuple(one.study for one in all_of), columns(cells), sections)
    notes = {"Notes": _notes(plan, all_of[-1])}
    return Document([Section("Plan", [grid], notes=notes)], [one.model_dump() for one in plan.studies], plan)


def _together(studies: Sequence[StudyCost]) -> StudyCost:
    return StudyCost(
        study="all",
        models=max(one.models for one in studies),
        runs=sum(one.runs for one in studies),
        missing=sum(one.missing for one in studies),
        core_seconds=sum(one.core_seconds for one in studies),
        longest_seconds=max(one.longest_seconds for one in studies),
        process_bytes=max(one.process_bytes for one in studies),
        stored_bytes=sum(one.stored_bytes for one in studies),
        checkpoint_bytes=max(one.checkpoint_bytes for one in studies),
        unknown=sorted({label for one in studies for label in one.unknown}),
    )


def _notes(plan: PlanCost, total: StudyCost) -> list[str]:
    if not plan.measured:
        return ["Add --cost for core-hours, memory and storage, which measures a training step of each model."]
    times = {number: total.seconds_on(number) for number in sorted({*_PROCESSES, plan.jobs})}
    found = [
        "At most, at full epochs, one run at a time on each process: runs that stop early or are trained together take "
        "less. Measuring costs for the tables, drawing and statistics come on top, a few minutes a study.",
        "On " + ", ".join(f"{number}: {seconds(time)}" for number, time in times.items()) + " (processes of one thread "
        "on cores like these; never less than the longest run).",
        f"Memory on this machine with {plan.jobs} processes: {size(plan.jobs * total.process_bytes)}, and the data.",
    ]
    if total.unknown:
        found.append(f"Not counted, because their training step fails: {', '.join(total.unknown)}.")
    return found
