"""What a case study adds to its command: files that it reads, one flag per variant, its own options."""

import json
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from lnncmp.cases.base import Case
from lnncmp.errors import UsageError

_FILES = "files"
"""Name of the argument of files."""


def with_own_options(command: Callable[..., None], case: Case) -> Callable[..., None]:
    """Return `command` with a signature that includes what the case adds: files, a flag per variant, options."""
    shared = [p for p in signature(command).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    kinds: list[tuple[str, object, object, object]] = [(_FILES, list[Path] | None, None, _files())] * case.reads_files
    kinds += [(name, bool, False, typer.Option(f"--{name}", help=text)) for name, text in case.variants.items()]
    kinds += [
        (_word(o.flag), o.kind | None, None, typer.Option(o.flag, help=o.help, metavar=o.metavar)) for o in case.options
    ]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
        for name, kind, default, option in kinds
    ]
    command.__signature__ = signature(command).replace(parameters=[*shared, *added])  # type: ignore[attr-defined]
    return command


def _word(flag: str) -> str:
    """Return the parameter name of a flag."""
    return flag.strip("-").replace("-", "_")


def _files() -> Any:
    return typer.Argument(metavar="FILE|DIR...", help="Your own table: files, or a folder of them.", show_default=False)


def own_files(given: dict[str, Any]) -> tuple[Path, ...]:
    """Return the user's own files that the command was given."""
    return tuple(given.get(_FILES) or ())


def own_choices(case: Case, given: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Return the variant and the recipe changes selected by the case's own flags.

    Raises UsageError if they select two variants.
    """
    chosen = {option: given[_word(option.flag)] for option in case.options if given[_word(option.flag)] is not None}
    implied = [option.variant for option in chosen if option.variant is not None]
    wanted = list(dict.fromkeys([name for name in case.variants if given[name]] + implied))
    if len(wanted) > 1:
        raise UsageError(f"--{wanted[0]} and --{wanted[1]} are two comparisons", "Run them one after another.")
    return wanted[0] if wanted else None, [f"{option.key}={_toml(value)}" for option, value in chosen.items()]


def _toml(value: float | int | str) -> str:
    """Return a value as TOML writes it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
