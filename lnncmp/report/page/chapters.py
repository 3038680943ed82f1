"""The chapters of a comparison on the page: what is shown at once, and what is folded under a name."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.page.content import ReportFigure, ReportStudy
from lnncmp.report.page.html_tables import TableView, table_view, turned
from lnncmp.report.page.ranked import ranked_svg
from lnncmp.report.tables.document import Better, Grid
from lnncmp.report.tables.energy_grid import energy_grid
from lnncmp.report.tables.grid import accuracy_grid, cost_grid, perturbation_grid
from lnncmp.report.tables.metric_grid import difference_grid, measure_grid
from lnncmp.report.tables.target_grid import target_grid

_RANKED = "ranked"
_ONE_BY_ONE = ("wiring", "fit")
"""Kinds of figures of which a reader looks at one at a time."""
_BETTER: dict[str, Better] = {"lower": "lower", "higher": "higher"}


@dataclass(frozen=True)
class Chapter:
    """One chapter. one_by_one: whether its figures are chosen from a list."""

    title: str
    tables: Sequence[TableView]
    figures: Sequence[ReportFigure]
    one_by_one: bool = False


@dataclass(frozen=True)
class StudyView:
    """One comparison. small: its ranking as a small picture. ranked: the same as figures, if there are any.

    shown: tables that are seen at once. folded: the rest.
    """

    study: ReportStudy
    small: Markup
    ranked: Sequence[ReportFigure]
    shown: Sequence[Chapter]
    folded: Sequence[Chapter]


def study_view(study: ReportStudy) -> StudyView:
    """Return what the page shows of a comparison, without chapters that have neither tables nor figures."""
    table = study.comparison
    shown = [
        Chapter("Accuracy", [table_view(accuracy_grid(table), "Test error by model")], ()),
        Chapter("Cost", [table_view(cost_grid(table), "Cost by model")], ()),
    ]
    folded = [
        _tables(_title(target_grid(table)), [target_grid(table)]),
        _tables("Metrics of this case", [_metrics(table)]),
        _tables(f"Differences to {table.reference}", [_differences(table)]),
        _figures(study, "Error accumulation", "free_running"),
        _figures(study, "Forecasts", "forecast"),
        _figures(study, "Robustness", "robustness", [_perturbations(table)]),
        _figures(study, "Accuracy against cost", "cost"),
        _tables("Operations and energy", [energy_grid(table)]),
        _figures(study, "Training", "training"),
        _figures(study, "Wiring", "wiring"),
        _figures(study, "Test waves", "fit"),
    ]
    ranked = [figure for figure in study.figures if figure.kind == _RANKED]
    kept = [chapter for chapter in folded if chapter.tables or chapter.figures]
    return StudyView(study, ranked_svg(table), ranked, shown, kept)


def grids_of(table: ComparisonTable) -> list[Grid | None]:
    """Return every table that the page shows of a comparison."""
    accuracy = [accuracy_grid(table), cost_grid(table), target_grid(table), _metrics(table), _differences(table)]
    return [*accuracy, _perturbations(table), energy_grid(table)]


def _tables(title: str, grids: Sequence[Grid | None]) -> Chapter:
    return Chapter(title, [table_view(grid) for grid in grids if grid is not None], ())


def _figures(study: ReportStudy, title: str, kind: str, grids: Sequence[Grid | None] = ()) -> Chapter:
    figures = [figure for figure in study.figures if figure.kind == kind]
    tables = [table_view(grid) for grid in grids if grid is not None]
    return Chapter(title, tables, figures, kind in _ONE_BY_ONE and len(figures) > 1)


def _title(grid: Grid | None) -> str:
    return "" if grid is None else grid.title.partition(":")[0]


def _metrics(table: ComparisonTable) -> Grid | None:
    """Return the metrics of the case with a row for each model, so that a page can sort them."""
    grid = measure_grid(table)
    better = [_BETTER.get(metric.better, "") for metric in table.measures if not metric.detail]
    return None if grid is None else turned(grid, len(table.rows), "model", better)


def _differences(table: ComparisonTable) -> Grid | None:
    grid = difference_grid(table)
    return None if grid is None else turned(grid, len(grid.columns), "model")


def _perturbations(table: ComparisonTable) -> Grid | None:
    grid = perturbation_grid(table)
    better: list[Better] = [] if grid is None else ["lower"] * len(grid.labels)
    return None if grid is None else turned(grid, len(table.rows), "model", better)
