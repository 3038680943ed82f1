"""What killed commands leave in a folder of records, and clearing away what no process holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lnncmp.common.files import temporary_files

if TYPE_CHECKING:
    from lnncmp.records.store import Store

FOLDERS = ("records", "measurements", "baselines", "checkpoints")


def tidy(store: "Store") -> list[Path]:
    """Remove half-written files, checkpoints of finished runs, and locks, that no process holds; return them.

    A file belongs to a run, a measurement or a baseline, whose lock every writer has: it goes while this process has
    that lock. Where the file system has no locks nothing can be told, and nothing is removed. Raises DataError.
    """
    removed = []
    for name in sorted({owner(path) for path in leftovers(store)}):
        before = [path for path in leftovers(store, name) if path.exists()]
        with store.lock(name) as mine:  # clears what is half-written, and the lock
            if mine and store.has_locks and store.checkpoint_path(name).exists() and store.finished(name) is not None:
                store.drop_checkpoint(name)
        removed += [path for path in before if not path.exists()]
    return removed


def leftovers(store: "Store", name: str | None = None) -> Iterator[Path]:
    """Yield the files that a killed command may have left, or a live one may be using, all or those of one owner."""
    if name is not None:
        for folder in FOLDERS:
            yield from temporary_files(store.out / folder, name)
        yield from (store.checkpoint_path(name), store.lock_path(name))
        return
    for folder in FOLDERS:
        yield from temporary_files(store.out / folder)
    kept = {path.stem for path in (store.out / "records").glob("*.json")}
    yield from (path for path in (store.out / "checkpoints").glob("*.pt") if path.stem in kept)
    yield from (store.out / "locks").glob("*.lock")


def owner(path: Path) -> str:
    """Return the identity that a file of the folder belongs to: the name of its lock."""
    return path.name.removeprefix(".").partition(".")[0]
