"""`lnncmp models`: the available models. How lists are printed."""

import io
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lnncmp.cli import complete
from lnncmp.cli.options import check_choice
from lnncmp.cli.terminal import note, print_rendered, print_result
from lnncmp.common.registry import usable
from lnncmp.common.text import visible
from lnncmp.models.base import load_model, model_names, refused_models
from lnncmp.report.tables.render import FORMATS

_LONG = 300
"""Rows beyond which a table has no frame: to draw one of thousands takes longer than all else."""
LIST_FORMATS = FORMATS[:2]
ListFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="|".join(LIST_FORMATS),
        autocompletion=complete.one_of(LIST_FORMATS),
        help="How to print the list.",
    ),
]


def print_listing(title: str, rows: list[dict[str, Any]], format: str, whole: Sequence[str] = ()) -> None:
    """Print `rows`, which have the same keys, as a table or as JSON; cells of the columns `whole` stay on one line.

    Raises UsageError for another format.
    """
    check_choice("format", format, LIST_FORMATS)
    if format == "json":
        print_result(json.dumps(rows, indent=2))
        return
    if len(rows) > _LONG:
        print_result("\n".join([title, *_aligned(rows)]))
        return
    table = Table(title=_text(title), title_justify="left")
    for key in rows[0] if rows else ():
        table.add_column(_text(key.replace("_", " ")), overflow="fold", no_wrap=key in whole)
    for row in rows:
        table.add_row(*map(_text, row.values()))
    text = io.StringIO()
    stdout = Console()
    Console(file=text, width=stdout.width, force_terminal=stdout.is_terminal, no_color=stdout.no_color).print(table)
    print_rendered(text.getvalue())


def _aligned(rows: list[dict[str, Any]]) -> list[str]:
    """Return a list as lines of columns without a frame."""
    cells = [[key.replace("_", " ") for key in rows[0]], *(list(map(_one_line, row.values())) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _one_line(value: Any) -> str:
    return " ".join(visible(str(value)).split())


def _text(value: Any) -> Text:
    """Return a value as text: never markup, never a terminal's escape."""
    return Text(visible(str(value)))


def models(
    name: Annotated[
        str | None,
        typer.Argument(autocompletion=complete.model, help="A model to explain (default: list all)."),
    ] = None,
    format: ListFormat = "table",
) -> None:
    """List the models, or explain one: equation, source, deviations, arguments and their ranges."""
    if name is not None:
        _explain_model(name, format)
        return
    found = usable(model_names(), load_model, note)
    for sentence in refused_models():
        note(sentence)
    rows = [
        {"model": one, "group": spec.group, "what_it_is": spec.summary, "uses_elapsed_time": spec.uses_dt}
        for one, spec in found.items()
    ]
    print_listing("Models", rows, format)


def _explain_model(name: str, format: str) -> None:
    check_choice("format", format, LIST_FORMATS)
    spec = load_model(name)
    schema = spec.arguments.model_json_schema()["properties"]
    rows = [{"argument": key, "default": value.get("default"), "valid": _valid(value)} for key, value in schema.items()]
    if format == "json":
        about = {"model": name, "summary": spec.summary, "citation": spec.citation, "equation": spec.equation}
        print_result(json.dumps({**about, "deviations": spec.deviations, "arguments": rows}, indent=2))
        return
    for title, text in (("", spec.summary), ("Equation", spec.equation), ("Source", spec.citation)):
        print_result(f"{title}: {text}" if title else f"{name}: {text}")
    print_result(f"Deviations: {spec.deviations}")
    print_listing("Arguments (set them with --set models.NAME.arguments.KEY=VALUE)", rows, format)


def _valid(schema: dict[str, Any]) -> str:
    """Describe the valid values of one argument."""
    options = schema.get("anyOf", [schema])
    return " or ".join(_one(option) for option in options)


def _one(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[key]:g}" for key, sign in bounds.items() if key in schema]
    kind = {"null": "unset", "boolean": "true or false"}.get(schema.get("type", ""), schema.get("type", ""))
    return f"{kind} {', '.join(limits)}".strip()
