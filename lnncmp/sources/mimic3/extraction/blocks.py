"""Read a table as blocks of whole rows: gzip undone on the fly, progress known in bytes, memory flat.

Reading the file here, not in polars, gives the progress, always detects a truncated or corrupt file,
and holds one block at a time for any size of the table. It costs no time: undoing gzip dominates.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from lnncmp.errors import DataError
from lnncmp.sources.mimic3.extraction.tables import GET, Table
from lnncmp.sources.whole_rows import GZIP_MAGIC, Block, LongRowError, inflated, line_feeds, plain, whole_rows

Tell = Callable[[int], None]
"""Called with the number of bytes of the file that were read so far."""


def text_blocks(table: Table, tell: Tell) -> Iterator[Block]:
    """Yield the text of `table` in blocks that end with whole rows; line breaks inside quotes do not end a row.

    The first bytes of the file, not its name, decide whether it is packed. Lines may end with LF, CRLF or CR. The last
    block may lack its line break. Raises DataError if the file cannot be read, is truncated, corrupt, a web page, or
    has a row that is longer than any.
    """
    last = None
    try:
        for block in whole_rows(piece for piece, _ in line_feeds(_unmarked(_text(table, tell), table))):
            if last is not None:
                yield last
            last = block
    except LongRowError as error:
        raise DataError(
            f"{table.path} has a row without an end from line {error.line:,} on: its quotation marks do not match, "
            f"or it is no table",
            GET,
        ) from None
    if last is not None and last.text.strip():
        if last.text.count(b'"') % 2:
            raise DataError(f"{table.path} ends inside a quoted cell: the file is truncated", GET)
        ended = last.text.endswith(b"\n")
        yield replace(last, text=last.text.rstrip(b"\n") + b"\n") if ended else last


def _unmarked(pieces: Iterator[bytes], table: Table) -> Iterator[bytes]:
    """Yield text without its byte order mark. Raises DataError if it is a web page."""
    first = next(pieces, b"")
    _refuse_web_page(first, table)
    yield first.removeprefix(b"\xef\xbb\xbf")
    yield from pieces


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
