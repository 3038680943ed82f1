"""Which column is what: the names that a user gave, found in the files, and guesses for what was left open."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.sources.table.chunks import Opened
from lnncmp.sources.table.guesses import guess_time
from lnncmp.sources.table.table import NO_TIME, Roles

SHOWN = 20
"""Most names that a message lists."""
_SHARED = 0.5
"""Share of the columns of a file that others of its folder should have too."""


@dataclass(frozen=True)
class Columns:
    """Columns of all files by one name each, that of the first file; `own` gives the name in each file."""

    names: tuple[str, ...]
    own: tuple[dict[str, str], ...]
    notes: tuple[str, ...]


def common_columns(opened: Sequence[Opened]) -> Columns:
    """Return the columns that all files have, in the order of the first. Upper and lower case may differ.

    Raises DataError if the files share less than half of their columns, or call the last column differently.
    """
    first = opened[0]
    for file in opened:
        if not all(name.isprintable() for name in file.columns):
            raise DataError(f"a column of {file.file} has a name that cannot be printed", "Rename it.")
    own = [_matched(first.columns, file.columns) for file in opened]
    names = tuple(name for name in first.columns if all(name in found for found in own))
    for file in opened[1:]:
        same_place = len(file.columns) == len(first.columns) and file.columns[:-1] == first.columns[:-1]
        if same_place and first.columns[-1] not in names:
            ours, theirs = f"'{first.columns[-1]}' in {first.file}", f"'{file.columns[-1]}' in {file.file}"
            raise DataError(f"the last column is called {ours} and {theirs}", "Give it one name.")
    fewest = min(opened, key=lambda file: len(file.columns))
    if len(names) < _SHARED * max(len(fewest.columns), 1):
        other = next(file for file, found in zip(opened, own, strict=True) if len(found) < len(first.columns))
        raise DataError(
            f"the {len(opened)} files share {len(names)} columns, too few ({first.file} and {other.file} differ)",
            "Name files of one kind.",
        )
    left = set(first.columns) - set(names)
    for file, found in zip(opened, own, strict=True):
        left |= set(file.columns) - set(found.values())
    note = f"left out, as not all files have them: {listed(sorted(left))}"
    return Columns(names, tuple(own), (note,) if left else ())


def _matched(names: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Return which of `others` each of `names` is: the same, or the only one that differs in case alone."""
    folded: dict[str, list[str]] = {}
    for other in others:
        folded.setdefault(other.casefold(), []).append(other)
    exact = set(others)
    found = {name: [name] if name in exact else folded.get(name.casefold(), []) for name in names}
    return {name: matches[0] for name, matches in found.items() if len(matches) == 1}


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first SHOWN of them."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def resolved(roles: Roles, columns: Columns, opened: Sequence[Opened]) -> tuple[Roles, bool, list[str]]:
    """Return the roles with the names that the files have, whether the features were guessed, and notes.

    Raises UsageError for an unknown name, or a column in two roles.
    """
    notes: list[str] = []
    group = _one(roles.group, columns, opened)
    split = _one(roles.split, columns, opened)
    targets = _several(roles.targets, columns, opened)
    features = _several(roles.features, columns, opened)
    categories = _several(roles.categories, columns, opened)
    taken = {name for name in (group, split, *targets, *features) if name}
    time = None
    if roles.time is None:
        time = _guessed_time(columns.names, taken, group, opened[0], columns.own[0])
        notes.append(f"time is column '{time}'" if time else "no column of times: rows are taken as equally far apart")
    elif roles.time != NO_TIME:
        time = _one(roles.time, columns, opened)
    _refuse_two_roles([name for name in (time, group, split) if name], targets, features)
    guessed = not features
    if guessed:
        features = tuple(name for name in columns.names if name not in {time, group, split, *targets})
    both = [name for name in features if name in targets]
    if both:
        notes.append(f"not a feature, as it is a target: {listed(both)}")
        features = tuple(name for name in features if name not in targets)
    return Roles(time, group, targets, features, split, categories), guessed, notes


def _guessed_time(
    names: Sequence[str], taken: Set[str], group: str | None, file: Opened, own: Mapping[str, str]
) -> str | None:
    head = file.head([own[name] for name in names])
    found = guess_time([own[name] for name in names if name not in taken], head, own[group] if group else None)
    return next((name for name in names if own[name] == found), None)


def _refuse_two_roles(single: Sequence[str], targets: Iterable[str], features: Iterable[str]) -> None:
    for number, name in enumerate(single):
        if name in (*single[:number], *targets, *features):
            raise UsageError(f"column '{name}' was given two roles", "Name it once: as time, group, split or value.")


def _several(names: Iterable[str], columns: Columns, opened: Sequence[Opened]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_known(name, columns, opened) for name in names))


def _one(name: str | None, columns: Columns, opened: Sequence[Opened]) -> str | None:
    return None if name is None else _known(name, columns, opened)


def _known(name: str, columns: Columns, opened: Sequence[Opened]) -> str:
    """Return the column that a user means. Raises UsageError with the nearest name."""
    found = _matched([name], columns.names)
    if found:
        return found[name]
    having = [file.file for file in opened if _matched([name], file.columns)]
    if having:
        lacking = next(file.file for file in opened if file.file not in having)
        raise UsageError(f"column '{name}' is in {having[0]}, but not in {lacking}", "Name files that all have it.")
    raise unknown_name("column", name, columns.names, SHOWN)
