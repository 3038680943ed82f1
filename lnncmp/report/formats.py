"""The output formats by name, and the one function that commands call."""

from collections.abc import Callable, Mapping

from lnncmp.errors import unknown_name
from lnncmp.report import console, csv_rows, json_document, latex, markdown
from lnncmp.table import Comparison

FORMATS: Mapping[str, Callable[[Comparison, int, bool], str]] = {
    "table": console.render,
    "json": lambda comparison, width, color: json_document.render(comparison),
    "md": lambda comparison, width, color: markdown.render(comparison),
    "csv": lambda comparison, width, color: csv_rows.render(comparison),
    "latex": lambda comparison, width, color: latex.render(comparison),
}


def render(comparison: Comparison, format: str, width: int = 100, color: bool = False) -> str:
    """Return `comparison` as text in one of FORMATS, ending with a newline.

    Only "table" heeds `width` (characters) and `color` (ANSI bold for the best value).
    Raises UsageError for an unknown format.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    return FORMATS[format](comparison, width, color)
