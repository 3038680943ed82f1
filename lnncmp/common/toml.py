"""TOML that users write: recipes, claims, open choices, and the values of `--set`."""

import tomllib
from pathlib import Path
from typing import Any

from lnncmp.common.small_files import RefusedFileError, read_small
from lnncmp.common.text import visible
from lnncmp.errors import DataError, UsageError, shown

MAX_BYTES = 1_000_000
_MAX_DEPTH = 50
"""Tables and lists in one another."""
_MAX_KEY = 100
_MAX_INTEGER = 2**63
"""What TOML promises to hold."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the table of a TOML file. what: it is, for sentences, e.g. "the recipe".

    Raises DataError if it cannot be read, UsageError if it is no TOML file, no regular one, or larger than MAX_BYTES.
    """
    try:
        content = read_small(path, MAX_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {what} in {shown(str(path), 200)}: {error.strerror}") from error
    except ValueError:  # a zero byte in a path that another recipe names
        raise DataError(f"cannot read {what}: its path is none") from None
    except RefusedFileError as reason:
        raise UsageError(f"{path.name} is {reason}: it cannot be {what}") from None
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
        check_values(table)
    except RecursionError:
        raise UsageError(f"{path.name} cannot be {what}: its values are nested too deeply") from None
    except ValueError as error:  # of the syntax, of UTF-8, of integers with thousands of digits
        raise UsageError(f"{path.name} is no TOML file: {shown(str(error), 200)}") from error
    return table


def value_of(text: str) -> Any:
    """Return the value that `text` stands for in TOML; text that is no TOML stands for itself.

    Raises UsageError for a value that is nested too deeply or too large.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"a value of {len(text):,} characters is too long")
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        table = {"value": text.strip()}
    except (RecursionError, ValueError):
        raise UsageError(f"the value {shown(text)} is nested too deeply, or a number of too many digits") from None
    if len(table) != 1:
        raise UsageError(f"the value {shown(text)} has more than one line", "Use --set once for each key.")
    try:
        check_values(table)
    except RecursionError:
        raise UsageError(f"the value {shown(text)} is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"the value {shown(text)} cannot be used: {error}") from None
    return table["value"]


def check_values(table: dict[str, Any]) -> None:
    """Check what no such file needs: raise RecursionError for tables and lists nested too deeply, else ValueError.

    That is for integers beyond 64 bits, and for keys and texts with control characters.
    """
    level: list[Any] = [table]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            for key in one if isinstance(one, dict) else ():
                if len(key) > _MAX_KEY or visible(key) != key or "\n" in key:
                    raise ValueError(f"the key {shown(visible(key))!r} is too long or has control characters")
            below += one.values() if isinstance(one, dict) else one
        for part in below:
            if isinstance(part, int) and not -_MAX_INTEGER <= part < _MAX_INTEGER:
                raise ValueError("an integer has more than 64 bits")
            if isinstance(part, str) and visible(part) != part:
                raise ValueError("a text has control characters")
        level = [part for part in below if isinstance(part, dict | list)]
    if level:
        raise RecursionError
