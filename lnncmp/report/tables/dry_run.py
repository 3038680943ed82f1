"""A plan as a document of sentences, with the tables that a case has of its data."""

from typing import TYPE_CHECKING

from lnncmp.report.tables.document import Column, Document, Grid, Section
from lnncmp.report.tables.numbers import seconds, size

if TYPE_CHECKING:
    from lnncmp.cases.base import Described
    from lnncmp.runs.dry_run import DryRun


def document_of_dry_run(plan: "DryRun") -> Document:
    """Return windows, runs and an estimate, then how the data were selected, the models, and what is assumed."""
    return Document([_section(plan), *(_section(one, "elapsed times withheld") for one in plan.ablations)], [], plan)


def _section(plan: "DryRun", ablation: str = "") -> Section:
    title = f"{plan.case} ({plan.source}), preset {plan.preset}, data {plan.data_hash}"
    windows = ", ".join(f"{count:,} {split}" for split, count in plan.windows.items())
    facts = [
        f"Windows: {windows}",
        *(f"{name.replace('_', ' ').capitalize()}: {count:,}" for name, count in (plan.model_extra or {}).items()),
        f"Runs: {plan.runs}, of which {plan.runs_missing} are still to do",
        f"Estimate: {seconds(plan.estimate.seconds)}, {size(plan.estimate.memory_bytes)} of memory",
    ]
    if ablation:
        return Section(notes={f"{title}, {ablation}": facts})
    notes = {
        **{one.title: one.notes for one in plan.described},
        title: facts,
        "From tables to windows, left after each step": _attrition(plan),
        "Models": [
            f"{label}: {', '.join(f'{key}={value}' for key, value in arguments.items())}"
            for label, arguments in plan.models.items()
        ],
        "Assumed (unspecified in the paper)": [f"{key}: {reason}" for key, reason in plan.assumptions.items()],
    }
    return Section(grids=[_grid(one) for one in plan.described if one.rows], notes=notes)


def _grid(one: "Described") -> Grid:
    columns = tuple(
        Column(heading, tuple(_cell(row[number]) for row in one.rows))
        for number, heading in enumerate(one.headings[1:], 1)
    )
    return Grid(one.title, one.headings[0], tuple(_cell(row[0]) for row in one.rows), columns, (len(one.rows),))


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,}"


def _attrition(plan: "DryRun") -> list[str]:
    """Return a sentence for each step from raw tables to windows, with what is left after it."""
    kinds = ("rows", "recordings", "groups")
    made = []
    for step in plan.attrition:
        left = ", ".join(f"{step[kind]:,} {kind}" for kind in kinds if step[kind] is not None)
        made.append(f"{step['step']}: {left} ({step['reason']})")
    return made
