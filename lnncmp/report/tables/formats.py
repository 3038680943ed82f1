"""The output formats by name, and the functions that commands call: for one comparison, or for several at once."""

from collections.abc import Callable, Mapping, Sequence

from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.table import ComparisonTable
from lnncmp.errors import DataError, unknown_name
from lnncmp.report.tables import console, csv_rows, json_document, latex, markdown

FORMATS: Mapping[str, Callable[[ComparisonTable, int, bool], str]] = {
    "table": console.render,
    "json": lambda comparison, width, color: json_document.render(comparison),
    "md": lambda comparison, width, color: markdown.render(comparison),
    "csv": lambda comparison, width, color: csv_rows.render(comparison),
    "latex": lambda comparison, width, color: latex.render(comparison),
}


ONE_DOCUMENT: Mapping[str, Callable[[Sequence[ComparisonTable], ClaimsTable | None], str]] = {
    "json": json_document.render_all,
    "csv": lambda comparisons, claims: csv_rows.render_all(comparisons),
    "latex": lambda comparisons, claims: latex.render_all(comparisons),
}
"""The formats whose documents cannot just follow one another: several comparisons become one document."""


def render(comparison: ComparisonTable, format: str, width: int = 100, color: bool = False) -> str:
    """Return `comparison` as text in one of FORMATS, ending with a newline.

    Only "table" heeds `width` (characters) and `color` (ANSI bold for the best value).
    Raises UsageError for an unknown format.
    """
    return _named(format)(comparison, width, color)


def render_all(
    comparisons: Sequence[ComparisonTable],
    format: str,
    width: int = 100,
    color: bool = False,
    claims: ClaimsTable | None = None,
) -> str:
    """Return several comparisons as one text, in the order given, and the verdicts on their records if given.

    "json": one document {"schema_version", "comparisons": [...], "claims"}, also of a single comparison; "csv": one
    table with the columns of all, without verdicts; the others: what `render` gives of each, with an empty
    line between.
    Raises UsageError for an unknown format, DataError without comparisons.
    """
    one = _named(format)
    if not comparisons:
        raise DataError("no comparison to show", "Run a case first, or name a folder that holds records of runs.")
    if format in ONE_DOCUMENT:
        return ONE_DOCUMENT[format](comparisons, claims)
    return "\n".join(one(comparison, width, color) for comparison in comparisons)


def _named(format: str) -> Callable[[ComparisonTable, int, bool], str]:
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    return FORMATS[format]
