"""The five output formats by name, and the one function that turns a document into text."""

import csv
import io
from collections.abc import Callable, Mapping

from lnncmp.errors import unknown_name
from lnncmp.report.tables import console, latex, markdown
from lnncmp.report.tables.document import Document

Write = Callable[[Document, int, bool], str]


def _json(document: Document, width: int, color: bool) -> str:
    return document.content.model_dump_json(indent=2) + "\n"


def _csv(document: Document, width: int, color: bool) -> str:
    """Return one header with the columns of all rows, in order of appearance, and a line for each row."""
    stream = io.StringIO()
    writer = csv.DictWriter(
        stream, list(dict.fromkeys(name for row in document.rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(document.rows)
    return stream.getvalue()


_WRITERS: Mapping[str, Write] = {
    "table": lambda document, width, color: "\n".join(
        console.section(part, width, color) for part in document.sections
    ),
    "json": _json,
    "md": lambda document, width, color: "\n".join(map(markdown.section, document.sections)),
    "latex": lambda document, width, color: latex.document(document.sections),
    "csv": _csv,
}

FORMATS = tuple(_WRITERS)
"""The names of the output formats, the only list of them."""
TEXTS = ("table", "md")
"""The formats whose texts can follow one another; in the others several results are one document."""


def render(document: Document, format: str, width: int = 100, color: bool = False) -> str:
    """Return the document as text in one of FORMATS, ending with a newline.

    Only "table" heeds `width` (characters) and `color` (ANSI bold for the best value). "json": the content with its
    fields as keys, unknown or infinite numbers as null. "csv": the rows, empty cells for what is not known. "latex":
    needs the package booktabs. Raises UsageError for an unknown format.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    return _WRITERS[format](document, width, color)
