"""Comparisons as documents: which tables are shown, and what several comparisons are in JSON."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.by_target import largest_share
from lnncmp.comparison.table import TABLE_SCHEMA_VERSION, ComparisonTable
from lnncmp.data.task import CLASS_ERRORS
from lnncmp.errors import DataError
from lnncmp.report.tables.brief import brief_section, study_section
from lnncmp.report.tables.comparison_rows import rows_of
from lnncmp.report.tables.document import Document, Grid, Section
from lnncmp.report.tables.energy_grid import energy_grid
from lnncmp.report.tables.grid import accuracy_grid, cost_grid, perturbation_grid
from lnncmp.report.tables.metric_grid import difference_grid, measure_grid
from lnncmp.report.tables.target_grid import target_grid


class Comparisons(BaseModel):
    """The frame around several comparisons."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")

    schema_version: int = TABLE_SCHEMA_VERSION
    comparisons: list[ComparisonTable]


class JudgedComparisons(Comparisons):
    """The same with the verdicts on their records."""

    claims: ClaimsTable


def document_of_comparison(comparison: ComparisonTable) -> Document:
    """Return accuracy and cost, then metrics, differences and perturbations as far as there are any, and the notes."""
    return Document([section_of_comparison(comparison)], rows_of(comparison), comparison)


def brief_of_comparison(comparison: ComparisonTable, rest: Sequence[str] = ()) -> Document:
    """Return one ranked table and the sentences that a reader needs first; `rest` says where everything else lies."""
    return Document([brief_section(comparison, rest)], rows_of(comparison), comparison)


def brief_of_study(made: Sequence[ComparisonTable], claims: ClaimsTable, rest: Sequence[str]) -> Document:
    """Return what several comparisons and their verdicts say together, in sentences."""
    return Document([study_section(made, claims, rest)], (), JudgedComparisons(comparisons=list(made), claims=claims))


def document_of_comparisons(comparisons: Sequence[ComparisonTable], claims: ClaimsTable | None = None) -> Document:
    """Return several comparisons as one document, in the order given; the verdicts enter its JSON only.

    Raises DataError without comparisons.
    """
    if not comparisons:
        raise DataError("no comparison to show", "Run a case first, or name a folder that holds records of runs.")
    made = list(comparisons)
    return Document(
        [section_of_comparison(comparison) for comparison in made],
        [row for comparison in made for row in rows_of(comparison)],
        JudgedComparisons(comparisons=made, claims=claims) if claims else Comparisons(comparisons=made),
    )


def section_of_comparison(comparison: ComparisonTable) -> Section:
    """Return what is shown of a comparison in any format but CSV and JSON."""
    made = [measure_grid(comparison), difference_grid(comparison), perturbation_grid(comparison)]
    made.append(energy_grid(comparison))
    grids, details = [accuracy_grid(comparison), cost_grid(comparison)], [grid for grid in made if grid is not None]
    rest: list[Grid] = []
    targets = target_grid(comparison)
    if targets is not None:
        # Which target makes the error is the first thing to know where it is one alone; classes are seldom many.
        alone = largest_share(comparison.rows, comparison.error) is not None
        (grids if alone else details if comparison.error.name in CLASS_ERRORS else rest).append(targets)
    return Section(
        title=comparison.title,
        grids=grids,
        details=details,
        rest=rest,
        notes={"Notes": comparison.notes},
    )
