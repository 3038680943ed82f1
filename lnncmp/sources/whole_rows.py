"""Packed or plain tables as blocks of whole rows in bounded memory: gzip undone on the fly, any line ends."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

GZIP_MAGIC = b"\x1f\x8b"
READ = 1 << 18
"""Bytes read from a file at a time."""
_PIECE = 1 << 20
"""Most bytes that are unpacked at a time."""
BLOCK = 1 << 22
"""Bytes of text in a block, about; a row is never split."""
LONGEST = 1 << 20
"""Most bytes of a row: no cell of a table is as long."""
_PADDING = b"\0\r\n\t "
"""What may stand after a packed file: tapes, mails and editors add it."""


class LongRowError(ValueError):
    """A row is longer than LONGEST, most likely because a quotation mark is never closed. Holds its line."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Block:
    """Whole rows, each ended by a line feed but perhaps the last of the file, and the line where the first begins."""

    text: bytes
    line: int


def plain(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of `file` in pieces."""
    while piece := file.read(READ):
        yield piece


def inflated(file: BinaryIO) -> Iterator[bytes]:
    """Yield what the gzip members of `file` hold, in pieces of a megabyte at most.

    zlib checks length and checksum of each member. Raises zlib.error if the file is corrupt, EOFError if it is cut off.
    """
    inflater = None
    for piece in plain(file):
        while piece := piece if inflater else piece.lstrip(_PADDING):
            inflater = inflater or zlib.decompressobj(wbits=31)
            text = inflater.decompress(piece, _PIECE)
            if text:
                yield text
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            inflater = None if inflater.eof else inflater
    while inflater and not inflater.eof and (text := inflater.decompress(b"", _PIECE)):  # what zlib itself holds back
        yield text
    if inflater and not inflater.eof:
        raise EOFError


def line_feeds(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield text whose lines end with LF alone, and whether in this piece some ended with CR alone."""
    held = b""
    for piece in pieces:
        piece = held + piece
        held = b""
        alone = False
        if b"\r" in piece:
            if piece.endswith(b"\r"):  # perhaps half of CRLF
                piece, held = piece[:-1], b"\r"
            piece = piece.replace(b"\r\n", b"\n")
            alone = b"\r" in piece
            piece = piece.replace(b"\r", b"\n")
        yield piece, alone
    if held:
        yield b"\n", False


def whole_rows(pieces: Iterator[bytes], size: int | None = None) -> Iterator[Block]:
    """Yield `pieces` of text with line feeds as blocks of about `size` bytes; line breaks in quotes do not end a row.

    size: BLOCK if None.
    The last block may lack its line break, or end inside quotes. Raises LongRowError.
    """
    pending, line, size = b"", 1, BLOCK if size is None else size
    for piece in pieces:
        pending += piece
        if len(pending) < size:
            continue
        end = end_of_rows(pending)
        if not end and len(pending) <= LONGEST:
            continue
        block = Block(pending[:end], line)
        _refuse_long(block)
        if end:
            yield block
        line += pending.count(b"\n", 0, end)
        pending = pending[end:]
        if len(pending) > LONGEST:
            raise LongRowError(line)
    block = Block(pending, line)
    _refuse_long(block)
    if pending:
        yield block


def _refuse_long(block: Block) -> None:
    """Raise LongRowError if a row of `block` is too long."""
    start, text = 0, block.text
    while len(text) - start > LONGEST:
        end = end_of_rows(text[start : start + LONGEST + 1])
        if not end:
            raise LongRowError(block.line + text.count(b"\n", 0, start))
        start += end


def end_of_rows(text: bytes) -> int:
    """Return the index after the last line break of `text` that is outside quotes; 0 without one.

    `text` begins outside quotes; a doubled mark inside a quoted cell counts as two and changes nothing.
    """
    end = text.rfind(b"\n") + 1
    quotes = text.count(b'"', 0, end)
    while end and quotes % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        quotes -= text.count(b'"', before, end)
        end = before
    return end


def end_of_first_row(text: bytes) -> int:
    """Return the index after the first line break of `text` that is outside quotes; the length without one."""
    end = text.find(b"\n") + 1
    quotes = text.count(b'"', 0, end)
    while end and quotes % 2:
        after = text.find(b"\n", end) + 1
        quotes += text.count(b'"', end, after)
        end = after
    return end or len(text)
