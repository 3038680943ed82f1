"""Flags that a case study adds to its command: one per variant, and its own options."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from lnncmp.cases.base import Case
from lnncmp.errors import UsageError


def with_own_options(command: Callable[..., None], case: Case) -> Callable[..., None]:
    """Return `command` with a signature that includes a flag per variant of the case and the case's own options."""
    shared = [p for p in signature(command).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    kinds: list[tuple[str, object, object, object]] = [
        (name, bool, False, typer.Option(f"--{name}", help=text)) for name, text in case.variants.items()
    ]
    kinds += [(_word(o.flag), float | None, None, typer.Option(o.flag, help=o.help)) for o in case.options]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
        for name, kind, default, option in kinds
    ]
    command.__signature__ = signature(command).replace(parameters=[*shared, *added])  # type: ignore[attr-defined]
    return command


def _word(flag: str) -> str:
    """Return the parameter name of a flag."""
    return flag.strip("-").replace("-", "_")


def own_choices(case: Case, given: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Return the variant and the recipe changes selected by the case's own flags.

    Raises UsageError if they select two variants.
    """
    chosen = {option: given[_word(option.flag)] for option in case.options if given[_word(option.flag)] is not None}
    implied = [option.variant for option in chosen if option.variant is not None]
    wanted = list(dict.fromkeys([name for name in case.variants if given[name]] + implied))
    if len(wanted) > 1:
        raise UsageError(f"--{wanted[0]} and --{wanted[1]} are two comparisons", "Run them one after another.")
    return wanted[0] if wanted else None, [f"{option.key}={value!r}" for option, value in chosen.items()]
