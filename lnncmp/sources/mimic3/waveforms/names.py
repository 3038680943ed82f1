"""Names of records of the matched subset. They hold subject ids and dates: what is stored is a digest and a count."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from lnncmp.common.files import explained, make_dir, write_bytes
from lnncmp.errors import DataError, UsageError

FORM = "pNN/pNNNNNN/pNNNNNN-YYYY-MM-DD-hh-mmn"
_NAME = re.compile(r"(p[0-9]{2})/(\1[0-9]{4})/\2-[0-9]{4}(?:-[0-9]{2}){4}n")
_DIGEST = re.compile(r"[0-9]+ records?, sha256 [0-9a-f]{16}")
_LONGEST = 1_000_000
_HINT = "Give them as --set data.records=NAME,NAME."


class RecordNames(str):
    """What may be written of a list of names, "2 records, sha256 0123456789abcdef", and the names, which may not.

    names: sorted, each once; empty if only the text is known, as in a record or in another process.
    """

    names: tuple[str, ...]

    def __new__(cls, text: str, names: Sequence[str] = ()) -> "RecordNames":
        """Return the text that may be written, with the names behind it."""
        made = super().__new__(cls, text)
        made.names = tuple(names)
        return made

    @classmethod
    def of(cls, given: object) -> "RecordNames":
        """Return the names in a list separated by commas, or what was written of one.

        Raises UsageError, which quotes nothing of it, if it is neither.
        """
        if isinstance(given, cls):
            return given
        text = ",".join(given) if isinstance(given, list) and all(isinstance(one, str) for one in given) else given
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise UsageError("recipe key 'data.records' should be names of records, separated by commas", _HINT)
        if not text or _DIGEST.fullmatch(text):
            return cls(text)
        names = record_names(text)
        if not names:
            return cls("")
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        return cls(f"{len(names)} record{'s' if len(names) != 1 else ''}, sha256 {digest}", names)


def record_names(listed: str) -> list[str]:
    """Return the record names in a comma-separated list, sorted, each once.

    Raises UsageError for a name that does not look like a numerics record of the matched subset.
    """
    names = [name.strip() for name in listed.split(",") if name.strip()]
    for place, name in enumerate(names, 1):
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"record name {place} of {len(names)} is not a numerics record of the matched subset",
                f"Expected {FORM}, as in the database's file RECORDS-numerics.",
            )
    return sorted(set(names))


def asked_names(asked: str, folder: Path) -> list[str]:
    """Return the names that a recipe asks for, empty if it asks for none. folder: where `keep_names` kept them.

    Raises UsageError for a name of another form, DataError if the names behind a digest are not there.
    """
    asked = RecordNames.of(asked)
    if not asked or asked.names:
        return list(asked.names)
    try:
        return record_names(_list(asked, folder).read_text(encoding="ascii").replace("\n", ","))
    except (OSError, ValueError, UsageError):
        raise DataError("the names behind the digest in data.records are not in the cache", _HINT) from None


def keep_names(asked: str, folder: Path) -> None:
    """Keep the names behind a digest, for their owner alone: other processes and later commands know the digest only.

    Raises DataError if that is not possible.
    """
    if isinstance(asked, RecordNames) and asked.names:
        path = _list(asked, folder)
        make_private(folder, path.parent)
        write_bytes(path, "\n".join(asked.names).encode(), 0o600)


def _list(asked: RecordNames, folder: Path) -> Path:
    return folder / "lists" / f"{asked[-16:]}.txt"


def make_private(root: Path, folder: Path) -> None:
    """Create `folder` at or below `root`, closed to other users at every level from `root` on. Raises DataError."""
    make_dir(root.parent)
    levels = [folder, *folder.parents]
    # Errors name the root alone: the folders below are called after subjects.
    with explained(root):
        for level in reversed(levels[: levels.index(root) + 1]):
            level.mkdir(mode=0o700, exist_ok=True)
            level.chmod(0o700)
