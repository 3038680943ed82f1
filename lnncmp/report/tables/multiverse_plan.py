"""The universes that a multiverse would run, as a document."""

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.report.tables.document import Document, Grid, Section, columns
from lnncmp.report.tables.numbers import UNKNOWN, significant


class PlannedLine(BaseModel):
    """One universe. differs: from the default. minutes: at most, after the universes before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    differs: str
    runs: int
    missing: int
    minutes: float
    trouble: str = ""


class MultiversePlan(BaseModel):
    """The universes of a case, the most informative first. possible: combinations in all; missing: runs, each once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: str
    possible: int
    seeds: list[int]
    universes: list[PlannedLine]
    missing: int
    notes: list[str] = Field(default_factory=list)


def document_of_plan(plan: MultiversePlan) -> Document:
    """Return a row for each universe with its minutes and those of all up to it."""
    lines = plan.universes
    title = f"{plan.case}: {len(lines)} of {plan.possible:,} universes, {len(plan.seeds)} seeds"
    sums, total = [], 0.0
    for line in lines:
        total += line.minutes
        sums.append(significant(total, 3))
    grid = Grid(
        title=title,
        corner="universe",
        labels=tuple(str(line.number) for line in lines),
        columns=columns(
            {
                "differs from the default in": [_differs(line) for line in lines],
                "runs\nto do": [f"{line.missing} of {line.runs}" for line in lines],
                "minutes\n(at most)": [significant(line.minutes, 3) if not line.trouble else UNKNOWN for line in lines],
                "in all": sums,
            }
        ),
        sections=(len(lines),),
    )
    facts = [
        f"{plan.missing:,} different runs are still to do; a run that several universes need counts once.",
        "Minutes are those of all epochs, one run at a time on each process: runs that stop early or are trained "
        "together take less.",
    ]
    rows = [line.model_dump() for line in lines]
    return Document([Section(title, [grid], notes={"Notes": [*facts, *plan.notes]})], rows, plan)


def _differs(line: PlannedLine) -> str:
    return f"{line.differs}\ncannot run: {line.trouble}" if line.trouble else line.differs
