"""The report as an HTML page: the answer first, then the claims, then each comparison, then how it was measured.

Comparisons that would make the page too large have pages of their own, and a few words on the page.
"""

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
_OTHER_BYTES = 1_200_000
"""What a page has left for claims, style and the words around comparisons."""
_WHOLE_BYTES = 2_000_000
"""How much text of comparisons one page may have; with more, each comparison has a page of its own."""

_MARKS = {
    "supported": "✓",
    "true but negligible": "≈",
    "not shown": "?",
    "opposite": "✗",
    "depends": "±",
    "not testable here": "-",
}


def render(report: Report, name: str) -> dict[str, str]:
    """Return the page `name` and, where the report says so, a page for each comparison; by name.

    What records hold enters a page as text only, never as markup.
    """
    environment = Environment(
        loader=PackageLoader("lnncmp.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    environment.globals.update(
        report=report,
        question=QUESTION,
        light=Markup(scheme_css(dark=False)),
        dark=Markup(scheme_css(dark=True)),
    )
    views = [study_view(study) for study in report.studies]
    pages = {name: _main_page(environment, report, views)}
    if report.apart:
        template, home = environment.get_template("comparison.html.j2"), "../" * report.apart.count("/") + name
        for view in views:
            pages[f"{report.apart}{view.study.folder}.html"] = template.render(view=view, home=home)
    return {name: visible(page.rstrip()) + "\n" for name, page in pages.items()}


def rooms_for_pictures(texts: Sequence[int]) -> list[int]:
    """Return the bytes that pictures may take: of one page for all comparisons, or of one page for each.

    texts: bytes of text of each comparison.
    """
    whole = sum(texts)
    pages = [whole] if whole <= _WHOLE_BYTES or len(texts) == 1 else list(texts)
    return [max(0, MAX_BYTES - _OTHER_BYTES - text) for text in pages]


def _main_page(environment: Environment, report: Report, views: Sequence[StudyView]) -> str:
    return environment.get_template("page.html.j2").render(
        counts=verdict_counts(report.verdicts),
        cases=by_case(report.claims),
        named=by_verdict(report.claims),
        judgements=JUDGEMENTS,
        effects=EFFECTS,
        marks=_MARKS,
        views=views,
        overview=_overview(views),
        readings=[table_view(claims_grid(one.found, one.heading)) for one in report.multiverses],
    )


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
