"""Pieces of packed or plain tables that end with whole rows: gzip undone on the fly in bounded memory."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

GZIP_MAGIC = b"\x1f\x8b"
READ = 1 << 18
"""Bytes read from a file at a time."""
_PIECE = 1 << 22
"""Most bytes that are unpacked at a time."""


def plain(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of `file` in pieces."""
    while piece := file.read(READ):
        yield piece


def inflated(file: BinaryIO) -> Iterator[bytes]:
    """Yield what the gzip members of `file` hold, in pieces of a few megabytes at most.

    zlib checks length and checksum of each member. Raises zlib.error if the file is corrupt, EOFError if it is cut off.
    """
    inflater = zlib.decompressobj(wbits=31)
    while piece := file.read(READ):
        while piece:
            text = inflater.decompress(piece, _PIECE)
            if text:
                yield text
            piece = inflater.unconsumed_tail
            if inflater.eof:
                piece = inflater.unused_data.lstrip(b"\0")
                if piece:
                    inflater = zlib.decompressobj(wbits=31)
    while not inflater.eof and (text := inflater.decompress(b"", _PIECE)):  # what zlib itself still holds back
        yield text
    if not inflater.eof:
        raise EOFError


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
