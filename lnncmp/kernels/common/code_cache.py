"""Where the machine code of kernels is kept: one file for each kernel and type of arguments, checked before it is used.

Numba's own cache trusts what it finds: a damaged file ends the process, and two processes that compile different types
of one kernel at once can overwrite each other's index. Here a file's name says what is in it, so there is no index; a
file begins with the hash of its content; it is written under a temporary name; and only files that belong to this user
(or to root) and that no other user can write are loaded, since loading machine code runs it. A file with
any defect is ignored: the kernel is compiled again and the file replaced.
"""

import hashlib
import inspect
import os
import stat
from pathlib import Path
from typing import Any

from numba.core import config, serialize
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult

from lnncmp.common.files import write_bytes
from lnncmp.errors import LnncmpError
from lnncmp.kernels.common.watch import note_kept, note_lost, warn

SUFFIX = ".kernel"
_MAGIC = b"lnncmp kernel 1\n"
_DIGEST = 32


def read_code(path: Path) -> bytes | None:
    """Return the content of a file of the cache, or None if no trusted file exists; says why not."""
    try:
        with path.open("rb") as file:
            foreign = _foreign(os.fstat(file.fileno()))
            content = b"" if foreign else file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        warn(f"the compiled kernel {path} cannot be read ({error.strerror}); it is compiled again")
        return None
    if foreign:
        warn(f"the compiled kernel {path} is not used: {foreign}; it is compiled again")
        return None
    head = len(_MAGIC) + _DIGEST
    code = content[head:]
    if content[:head] != _MAGIC + hashlib.sha256(code).digest():
        warn(f"the compiled kernel {path} is damaged; it is compiled again")
        return None
    return code


def _foreign(status: os.stat_result) -> str:
    """Return why a file's content is not to be run, or nothing. Systems without users are not checked."""
    if not stat.S_ISREG(status.st_mode):
        return "it is no ordinary file"
    if os.name != "posix":
        return ""
    if status.st_uid not in (0, os.geteuid()):
        return "it belongs to another user"
    return "others may write it" if status.st_mode & 0o022 else ""


def write_code(path: Path, code: bytes) -> None:
    """Store `code` at `path` atomically. Raises LnncmpError if the folder cannot be written."""
    write_bytes(path, _MAGIC + hashlib.sha256(code).digest() + code, mode=0o644)


class CodeCache(_Cache):
    """Numba's interface to the code of one function; see the module."""

    def __init__(self, function: Any, folder: Path) -> None:
        self.folder = folder
        self.name = f"{function.__module__}.{function.__qualname__}"
        # A kernel that is declared elsewhere than in this package changes with its own file alone.
        self.source = hashlib.sha256(Path(inspect.getfile(function)).read_bytes()).hexdigest()

    @property
    def cache_path(self) -> str:
        """The folder of all files."""
        return str(self.folder)

    def path(self, signature: Any, codegen: Any) -> Path:
        """Return the file for one type of arguments, this processor and Numba's level of optimisation."""
        key = repr((self.name, self.source, str(signature), codegen.magic_tuple(), config.OPT))
        short = self.name.removeprefix("lnncmp.kernels.")
        return self.folder / f"{short}-{hashlib.sha256(key.encode()).hexdigest()[:16]}{SUFFIX}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function for a signature, or None if it must be compiled."""
        target_context.refresh()
        path = self.path(sig, target_context.codegen())
        code = read_code(path)
        if code is None:
            return None
        try:
            return CompileResult._rebuild(target_context, *serialize.loads(code))
        except Exception as error:  # whole, but nothing this Numba can load: any of its internals may raise
            warn(f"the compiled kernel {path} cannot be loaded ({type(error).__name__}); it is compiled again")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function; where that is not possible, it lasts as long as this process."""
        path = self.path(sig, data.codegen)
        try:
            write_code(path, serialize.dumps(data._reduce()))
        except LnncmpError as error:
            note_lost(f"compiled kernels cannot be kept: {error.message}")
            return
        if read_code(path) is None:  # a file system that changes owners: what is written there can never be used
            note_lost(f"compiled kernels cannot be kept in {self.folder}")
        else:
            note_kept()

    def enable(self) -> None:
        """Do nothing: it is always on."""

    def disable(self) -> None:
        """Do nothing: it is always on."""

    def flush(self) -> None:
        """Do nothing: files of other states of the sources have another folder."""
