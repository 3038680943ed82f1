"""Reading TOML files that users write: recipes, claims, open choices."""

import tomllib
from pathlib import Path
from typing import Any

from lnncmp.errors import DataError, UsageError

MAX_BYTES = 1_000_000


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the table of a TOML file. what: it is, for sentences, e.g. "the recipe".

    Raises DataError if it cannot be read, UsageError if it is no TOML file or larger than MAX_BYTES.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read {what} in {path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path.name} is larger than {MAX_BYTES:,} bytes: it cannot be {what}")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is no TOML file: {error}") from error
    except RecursionError:
        raise UsageError(f"{path.name} is no TOML file: its values are nested too deeply") from None
