"""The report as one HTML page: the answer first, then the claims, then each comparison, then how it was measured."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lnncmp.cases.base import case_names, load_case
from lnncmp.common.text import visible
from lnncmp.report.answers.study import verdict_counts
from lnncmp.report.figures.style import scheme_css
from lnncmp.report.page.chapters import StudyView, study_view
from lnncmp.report.page.claim_words import direction_words, smallest_effect, would_change
from lnncmp.report.page.claims import by_case, by_verdict
from lnncmp.report.page.content import Report
from lnncmp.report.page.html_tables import table_view
from lnncmp.report.page.words import (
    EFFECTS,
    JUDGEMENTS,
    QUESTION,
    conditions,
    counted,
    other_conditions,
    outcome_sentence,
    unconverged,
)
from lnncmp.report.tables.claims import changed, effect_cell
from lnncmp.report.tables.multiverse import claims_grid
from lnncmp.report.tables.numbers import p_value, significant

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
    views = [study_view(study) for study in report.studies]
    page = environment.get_template("page.html.j2").render(
        report=report,
        question=QUESTION,
        counts=verdict_counts(report.verdicts),
        cases=by_case(report.claims),
        named=by_verdict(report.claims),
        judgements=JUDGEMENTS,
        effects=EFFECTS,
        marks=_MARKS,
        views=views,
        overview=_overview(views),
        readings=[table_view(claims_grid(one.found, one.heading)) for one in report.multiverses],
        light=Markup(scheme_css(dark=False)),
        dark=Markup(scheme_css(dark=True)),
    )
    return visible(page.rstrip()) + "\n"


def _overview(views: Sequence[StudyView]) -> list[StudyView]:
    """Return the first comparison of each case that has a ranking."""
    found: dict[str, StudyView] = {}
    for view in views:
        if view.small:
            found.setdefault(view.study.comparison.case, view)
    return list(found.values())


def _case_title(name: str) -> str:
    return load_case(name).title if name in case_names() else name


_FILTERS = {
    "significant": significant,
    "p_value": p_value,
    "counted": counted,
    "conditions": conditions,
    "changed": changed,
    "other_conditions": other_conditions,
    "unconverged": unconverged,
    "effect": effect_cell,
    "least": smallest_effect,
    "direction": direction_words,
    "would_change": would_change,
    "outcomes": outcome_sentence,
    "case_title": _case_title,
    "drawn": Markup,  # only for what this package drew itself from lines and outlines of letters
}
