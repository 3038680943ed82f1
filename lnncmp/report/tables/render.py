"""The five output formats by name, and the one function that turns a document into text."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from lnncmp.common.text import csv_of_rows, visible
from lnncmp.errors import unknown_name
from lnncmp.report.tables import console, latex, markdown
from lnncmp.report.tables.document import Document

Write = Callable[[Document, int, bool], str]


def _table(document: Document, width: int, color: bool) -> str:
    return "\n".join(console.section(_visible(part), width, color) for part in document.sections)


def _visible(part: Any) -> Any:
    """Return a part of a document whose texts have no control characters: those in a terminal's table are its own."""
    if isinstance(part, str):
        return visible(part)
    if isinstance(part, Mapping):
        return {_visible(key): _visible(value) for key, value in part.items()}
    if isinstance(part, tuple | list):
        return type(part)(map(_visible, part))
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{one.name: _visible(getattr(part, one.name)) for one in fields(part)})
    return part


_WRITERS: Mapping[str, Write] = {
    "table": _table,
    "json": lambda document, width, color: visible(document.content.model_dump_json(indent=2)) + "\n",
    "md": lambda document, width, color: "\n".join(map(markdown.section, document.sections)),
    "latex": lambda document, width, color: latex.document(document.sections),
    "csv": lambda document, width, color: csv_of_rows(document.rows),
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
