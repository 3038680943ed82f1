"""The report as one HTML page: verdicts first, then each comparison, then how it was measured."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lnncmp.claims.schema import Verdict
from lnncmp.common.text import visible
from lnncmp.report.figures.style import scheme_css
from lnncmp.report.page.content import Report, ReportFigure, ReportStudy
from lnncmp.report.page.html_tables import TableView, table_view
from lnncmp.report.page.words import (
    EFFECTS,
    JUDGEMENTS,
    conditions,
    counted,
    other_conditions,
    outcome_sentence,
    unconverged,
)
from lnncmp.report.tables.claims import changed, effect_cell
from lnncmp.report.tables.grid import accuracy_grid, cost_grid, perturbation_grid
from lnncmp.report.tables.metric_grid import difference_grid, measure_grid
from lnncmp.report.tables.multiverse import claims_grid
from lnncmp.report.tables.numbers import p_value, significant
from lnncmp.report.tables.target_grid import target_grid

MAX_BYTES = 5_000_000
"""How large a page may become."""

_MARKS = {
    "supported": "✓",
    "true but negligible": "≈",
    "not shown": "?",
    "opposite": "✗",
    "depends": "±",
    "not testable here": "-",
}
_CHAPTERS = (
    ("free_running", "Error accumulation"),
    ("forecast", "Forecasts"),
    ("robustness", "Robustness"),
    ("cost", "Accuracy against cost"),
    ("training", "Training"),
    ("wiring", "Wiring"),
    ("fit", "Test waves"),
)


def render(report: Report) -> str:
    """Return the page. What records hold enters it as text only, never as markup."""
    environment = Environment(
        loader=PackageLoader("lnncmp.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    counts = Counter[str](row.verdict for row in report.claims.rows)
    page = environment.get_template("page.html.j2").render(
        report=report,
        counts=[(word, counts[word]) for word in JUDGEMENTS if counts[word]],
        judgements=JUDGEMENTS,
        effects=EFFECTS,
        marks=_MARKS,
        chapters=[_chapters(study) for study in report.studies],
        readings=[table_view(claims_grid(one.found, one.heading)) for one in report.multiverses],
        light=Markup(scheme_css(dark=False)),
        dark=Markup(scheme_css(dark=True)),
    )
    return visible(page.rstrip()) + "\n"


def _chapters(study: ReportStudy) -> list[dict[str, Any]]:
    """Return the chapters of a comparison: title, tables, figures. Those without either are left out."""
    table = study.comparison
    own = [grid for grid in (measure_grid(table), difference_grid(table)) if grid is not None]
    perturbed, targets = perturbation_grid(table), target_grid(table)
    tables: dict[str, list[TableView]] = {
        "robustness": [] if perturbed is None else [table_view(perturbed)],
    }
    made = [_chapter("Accuracy", [table_view(accuracy_grid(table), "Test error by model")], ())]
    if targets is not None:
        made.append(_chapter(targets.title.partition(":")[0], [table_view(targets)], ()))
    made.append(_chapter("Metrics of this case", [table_view(grid) for grid in own], ()))
    for kind, title in _CHAPTERS:
        figures = [figure for figure in study.figures if figure.kind == kind]
        made.append(_chapter(title, tables.get(kind, []), figures))
    made.append(_chapter("Cost", [table_view(cost_grid(table), "Cost by model")], ()))
    return [chapter for chapter in made if chapter["tables"] or chapter["figures"]]


def _chapter(title: str, tables: Sequence[TableView], figures: Sequence[ReportFigure]) -> dict[str, Any]:
    return {"title": title, "tables": tables, "figures": figures}


def _least(row: Verdict) -> str:
    """Return the smallest effect of interest, as effects are written."""
    return effect_cell(row.model_copy(update={"effect": row.smallest_difference, "ci95": None}))


def _svg(figure: ReportFigure) -> Markup:
    """Return the inside of the picture, which this package drew itself from outlines of letters and lines."""
    return Markup(figure.svg.body if figure.svg else "")


_FILTERS = {
    "significant": significant,
    "p_value": p_value,
    "counted": counted,
    "conditions": conditions,
    "changed": changed,
    "other_conditions": other_conditions,
    "unconverged": unconverged,
    "effect": effect_cell,
    "least": _least,
    "outcomes": outcome_sentence,
    "svg": _svg,
}
