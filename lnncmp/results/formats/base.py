"""The contract of a format of results: what it writes of the records of a folder.

A format is a file `lnncmp/results/formats/<name>.py` that defines `FORMAT = ResultFormat(...)`; the file's name is what
`--to` takes, with hyphens for underscores.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lnncmp.common.registry import load_member, member_names
from lnncmp.errors import DataError
from lnncmp.records.read import Records
from lnncmp.results import formats


@dataclass(frozen=True)
class ResultFormat:
    """One format.

    summary: one sentence. ending: of its file, such as ".csv"; "" for a folder.
    write: (records, path, place) writes to the new file `path`, or into the empty folder `path`, which becomes `place`
        once it is complete.
    package: what it needs beyond lnncmp's own requirements, which is also the name of the extra that installs it.
    """

    summary: str
    ending: str
    write: Callable[[Records, Path, Path], None]
    package: str = ""


def format_names() -> list[str]:
    """Return the names of all formats, as `--to` takes them."""
    return [name.replace("_", "-") for name in member_names(formats)]


def load_format(name: str) -> ResultFormat:
    """Return the format `name`. Raises UsageError with the nearest match for an unknown name."""
    return load_member(formats, name.replace("-", "_"), "FORMAT", "format of results", ResultFormat)


def require_package(name: str) -> None:
    """Raise DataError if the format `name` needs a package that is not installed."""
    package = load_format(name).package
    if package and package not in sys.modules and find_spec(package) is None:
        raise DataError(
            f"--to {name} needs the package {package}, which is not installed",
            f"Install it: pip install 'lnncmp[{package}]'",
        )
