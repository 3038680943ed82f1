"""The output formats by name, and the one function that commands call."""

from collections.abc import Callable, Mapping

from lnncmp.errors import unknown_name
from lnncmp.report import console, csv_rows, json_document, latex, markdown
from lnncmp.table import Comparison

FORMATS: Mapping[str, Callable[[Comparison, int], str]] = {
    "table": console.render,
    "json": lambda comparison, width: json_document.render(comparison),
    "md": lambda comparison, width: markdown.render(comparison),
    "csv": lambda comparison, width: csv_rows.render(comparison),
    "latex": lambda comparison, width: latex.render(comparison),
}


def render(comparison: Comparison, format: str, width: int = 100) -> str:
    """Return `comparison` as text in one of FORMATS, ending with a newline. Only "table" heeds `width` (characters).

    Raises UsageError for an unknown format.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    return FORMATS[format](comparison, width)
