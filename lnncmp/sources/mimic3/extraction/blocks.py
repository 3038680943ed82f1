"""Read a table as blocks of whole rows: gzip undone on the fly, progress known in bytes, memory flat.

Reading the file here, not in polars, gives the progress, always detects a truncated or corrupt file,
and holds one block at a time for any size of the table. It costs no time: undoing gzip dominates.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from lnncmp.errors import DataError
from lnncmp.sources.mimic3.extraction.tables import GET, Table
from lnncmp.sources.whole_rows import GZIP_MAGIC, end_of_rows, inflated, plain

BLOCK = 1 << 22
"""Bytes of text in a block, about; a row is never split."""
LONGEST = 1 << 26
"""Bytes after which a row that has not ended is an error."""

Tell = Callable[[int], None]
"""Called with the number of bytes of the file that were read so far."""


def text_blocks(table: Table, tell: Tell) -> Iterator[bytes]:
    """Yield the text of `table` in blocks that end with whole rows; line breaks inside quotes do not end a row.

    The first bytes of the file, not its name, decide whether it is packed. The last block may lack its line break.
    Raises DataError if the file cannot be read, is truncated, corrupt, or a web page.
    """
    pending = b""
    first = True
    for text in _text(table, tell):
        pending += text
        if first:
            _refuse_web_page(pending, table)
            pending, first = pending.removeprefix(b"\xef\xbb\xbf"), False
        if len(pending) < BLOCK:
            continue
        end = end_of_rows(pending)
        if end:
            yield pending[:end]
            pending = pending[end:]
        elif len(pending) > LONGEST:
            raise DataError(f"{table.path} has a row without an end: its quotation marks do not match", GET)
    if pending.strip():
        if pending.count(b'"') % 2:
            raise DataError(f"{table.path} ends inside a quoted cell: the file is truncated", GET)
        yield pending.rstrip(b"\r\n") + b"\n" if pending.endswith(b"\n") else pending


def _refuse_web_page(text: bytes, table: Table) -> None:
    if text.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        raise DataError(
            f"{table.path} is a web page, not the table {table.name}: most likely the log-in page of PhysioNet", GET
        )


def _text(table: Table, tell: Tell) -> Iterator[bytes]:
    """Yield the text of the file of `table` in pieces of some size."""
    try:
        with table.path.open("rb") as file:
            packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            for piece in _inflated(file, table) if packed else plain(file):
                tell(file.tell())
                yield piece
    except OSError as error:
        raise DataError(f"{table.path} cannot be read: {error.strerror or error}", GET) from error


def _inflated(file: BinaryIO, table: Table) -> Iterator[bytes]:
    try:
        yield from inflated(file)
    except zlib.error:
        raise DataError(f"{table.path} is corrupt: it cannot be unpacked as gzip", GET) from None
    except EOFError:
        raise DataError(f"{table.path} is truncated: the packed file ends too early", GET) from None
