"""Reading TOML files that users write: recipes, claims, open choices."""

import tomllib
from pathlib import Path
from typing import Any

from lnncmp.common.small_files import RefusedFileError, read_small
from lnncmp.errors import DataError, UsageError

MAX_BYTES = 1_000_000
_MAX_DEPTH = 50
"""Tables and lists in one another."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the table of a TOML file. what: it is, for sentences, e.g. "the recipe".

    Raises DataError if it cannot be read, UsageError if it is no TOML file, no regular one, or larger than MAX_BYTES.
    """
    try:
        content = read_small(path, MAX_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {what} in {path}: {error.strerror}") from error
    except RefusedFileError as reason:
        raise UsageError(f"{path.name} is {reason}: it cannot be {what}") from None
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
        _check_depth(table)
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise UsageError(f"{path.name} is no TOML file: {error}") from error
    except RecursionError:
        raise UsageError(f"{path.name} cannot be {what}: its values are nested too deeply") from None
    return table


def _check_depth(table: dict[str, Any]) -> None:
    """Raise RecursionError if tables and lists are nested more deeply than any such file needs."""
    level: list[Any] = [table]
    for _ in range(_MAX_DEPTH):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in level if isinstance(part, dict | list)]
    if level:
        raise RecursionError
