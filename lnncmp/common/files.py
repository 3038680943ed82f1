"""Atomic writing of files (temporary name, flush, fsync, rename), and lock files.

A full disk or a folder without write permission becomes one sentence for the user.
"""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from lnncmp.errors import DataError, LnncmpError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PACKAGE = Path(__file__).resolve().parents[1]


def share_dir(kind: str) -> Path:
    """Return the folder `recipes` or `datasets`: next to the package in a checkout, inside it when installed.

    Raises LnncmpError if neither exists (a broken installation).
    """
    for folder in (_PACKAGE / "share" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise LnncmpError(f"the folder '{kind}' that belongs to lnncmp is missing", "Install lnncmp again.")


def _explained(error: OSError, path: Path) -> LnncmpError:
    if error.errno in _FULL:
        return DataError(f"no space left while writing {path}", "Free some space and run the same command again.")
    reason = error.strerror or str(error)
    return DataError(f"cannot write {path}: {reason}", "Choose another folder (--out, or LNNCMP_CACHE for the cache).")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError in the block, which writes to `path`, into a DataError for the user.

    Also one behind another error: a library that closes its file on a full disk raises anew.
    """
    try:
        yield
    except LnncmpError:
        raise
    except OSError as error:
        raise _explained(error, path) from error
    except Exception as error:
        behind = error.__cause__ or error.__context__
        if isinstance(behind, OSError) and behind.errno in _FULL:
            raise _explained(behind, path) from error
        raise


def make_dir(path: Path, mode: int = 0o777) -> Path:
    """Create the folder `path` with its parents and return it. Raises DataError if that is not possible."""
    with explained(path):
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    return path


@contextmanager
def atomic_write(path: Path, mode: int = 0o666, durable: bool = False) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes `path` if the block ends without an error, and is removed otherwise.

    Creates the folder if needed. durable: after a power loss, too, the new file has its name before anything that is
    written or removed later. Raises DataError if the disk is full or the folder is not writable.
    """
    make_dir(path.parent)
    temporary: Path | None = None
    try:
        with explained(path):
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(mode & ~umask)
            temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Write the names of a folder's files to the disk, where the system can."""
    with suppress(OSError):  # some systems open no folders, some file systems do not sync them
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def file_lock(
    path: Path, wait: bool, mode: int = 0o666, unsupported: Callable[[str], None] = lambda reason: None
) -> Iterator[bool]:
    """Yield True while this process holds the lock file `path`; False if another process holds it and `wait` is False.

    A killed process loses its locks. The file is removed at the end: whoever opened it meanwhile notices that it has no
    name any more and opens the next. On a file system without locks it calls `unsupported` with the reason and yields
    True. Raises DataError if the lock file cannot be created.
    """
    make_dir(path.parent)
    with explained(path):
        path.touch(mode)
    # The soft lock of `filelock` would outlive a killed process, and all others would wait for it.
    lock = FileLock(path, blocking=wait, fallback_to_soft=False)
    mine = held = True
    try:
        lock.acquire()
    except Timeout:
        mine = held = False
    except OSError as error:  # some network file systems
        held = False
        unsupported(error.strerror or str(error))
    try:
        yield mine
    finally:
        if held:
            with suppress(OSError):  # Windows removes no open file; its locks do that themselves
                path.unlink()
        lock.release()


def temporary_files(folder: Path, stem: str = "") -> list[Path]:
    """Return what writers of `folder` have open, or left when they were killed, of files `stem`.*, or of all."""
    begin = f".{stem}." if stem else "."
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        return [Path(one.path) for one in entries if one.name.startswith(begin) and one.name.endswith(".part")]
    return []


def sweep(folder: Path, stem: str = "") -> None:
    """Remove temporary files of killed writers in `folder`, of files `stem`.*, or of all. No writer may be active."""
    for leftover in temporary_files(folder, stem):
        leftover.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, mode: int = 0o666, durable: bool = False) -> None:
    """Write `content` to `path` atomically. Raises DataError like `atomic_write`."""
    with atomic_write(path, mode, durable) as file:
        file.write(content)
