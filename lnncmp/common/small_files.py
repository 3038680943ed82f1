"""Reading small files that others may have made: regular ones of plausible size only, and whole if they say so.

A named pipe would be waited for, a device has no end, and a huge file fills the memory: none of them is opened for
its content. JSON that lnncmp writes begins with a digest of the rest; files without one are older and are read.
"""

import errno
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Any

from pydantic_core import from_json

RECORD_BYTES = 16_000_000
"""Most bytes of a JSON file that is read; a record of ten thousand epochs takes two million."""
_HEAD = b'{\n "digest": "'
_SEALED = re.compile(rb'\{\s*"digest":\s*"([0-9a-f]{64})",\s*')
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 21
"""Longer than the digits of a float that Python writes, so that hardly any file has to be searched for integers."""
_LARGEST = 10**20


class RefusedFileError(Exception):
    """A file that is not read, or not believed; the message says why, as the end of a sentence that names it."""


def read_small(path: Path, most: int) -> bytes:
    """Return the content of a regular file, or of one that a link names, of at most `most` bytes.

    Raises RefusedFileError for anything else that has this name, FileNotFoundError if nothing has, OSError if it
    cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        _require_regular(path.stat().st_mode)  # opening some devices does something
        handle = os.open(path, flags)
    except FileNotFoundError:
        if path.is_symlink():
            raise RefusedFileError("a link to nothing") from None
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RefusedFileError("a link that leads to itself") from None
        raise
    with os.fdopen(handle, "rb") as file:
        _require_regular(os.fstat(handle).st_mode)
        content = file.read(most + 1)
    if len(content) > most:
        raise RefusedFileError(f"larger than {most:,} bytes")
    return content


def _require_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise RefusedFileError("not a regular file")


def sealed(body: str) -> bytes:
    """Return a JSON table, as pydantic writes it with `indent=1`, with the digest of its text as the first entry."""
    text = body.encode()
    return _HEAD + _digest(text).encode() + b'",' + text.removeprefix(b"{")


def unsealed(content: bytes) -> Any:
    """Return what a JSON file holds, without its digest. Raises RefusedFileError.

    Refused are what is no JSON, text that its digest does not fit, and whole numbers of more than 20 digits. A file
    without a digest is an older one.
    """
    found = _SEALED.match(content)
    if found is not None and _digest(b"{\n " + content[found.end() :]) != found[1].decode():
        raise RefusedFileError("changed since it was written: its digest does not fit")
    try:
        table = from_json(content)
    except ValueError:
        raise RefusedFileError("damaged or incomplete") from None
    if isinstance(table, dict) and (table.pop("digest", None) is not None) != (found is not None):
        raise RefusedFileError("damaged or incomplete")
    if _LONG_NUMBER in content.translate(_DIGITS) and _has_huge(table):
        raise RefusedFileError("damaged or incomplete")
    return table


def _digest(text: bytes) -> str:
    """Return the SHA-256 of text; line ends are the same however they are written, and none counts at the end."""
    return hashlib.sha256(text.replace(b"\r\n", b"\n").rstrip()).hexdigest()


def _has_huge(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) >= _LARGEST
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_huge, parts))
