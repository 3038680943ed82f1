"""The text of a file as blocks of whole rows: UTF-8 with line feeds, whatever the file has; memory stays flat."""

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from lnncmp.errors import DataError
from lnncmp.sources.table.files import EXPECTED, TableFile
from lnncmp.sources.whole_rows import GZIP_MAGIC, Block, LongRowError, inflated, line_feeds, plain, whole_rows

_BOMB_BYTES, _BOMB_RATIO = 1 << 30, 400
"""A packed file that unpacks to more than this, and to more than this many times its size, is refused."""
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_CONTROL = bytes([*range(9), *range(14, 31), 127])
"""Bytes that no text has, whatever its encoding."""


@dataclass
class Found:
    """What was found about the text of a file while it was read."""

    encoding: str = "UTF-8"
    carriage_returns: bool = False


def text_blocks(file: TableFile, found: Found, size: int | None = None) -> Iterator[Block]:
    """Yield the text of `file` in blocks of about `size` bytes; line breaks inside quotes do not end a row.

    UTF-8 and UTF-16 (with or without a byte order mark) are read as such, other text as Latin-1. Lines may end
    with LF, CRLF or CR. Raises DataError if the file is damaged, binary, a web page, or has a row without an end.
    """
    last = None
    try:
        for block in whole_rows(_line_feeds(_unmarked(_bytes(file), file, found), found), size):
            if last is not None:
                yield replace(last, text=_as_utf8(last.text, file, found))
            last = block
    except LongRowError as error:
        raise DataError(f"{file.name} has a row without an end from line {error.line} on", _QUOTES) from None
    if last is not None and last.text.strip():
        text = _without_empty_end(last.text)
        if text.count(b'"') % 2:
            raise DataError(f"{file.name} ends inside a quoted cell", _QUOTES)
        yield replace(last, text=_as_utf8(text, file, found))


def _without_empty_end(text: bytes) -> bytes:
    """Return rows without the last ones that hold nothing but delimiters, as spreadsheets write them."""
    text = text if text.endswith(b"\n") else text + b"\n"
    end = len(text)
    while end:
        start = text.rfind(b"\n", 0, end - 1) + 1
        if text[start:end].strip(b" ,;\t|\n"):
            break
        end = start
    return text[:end]


_QUOTES = "Its quotation marks do not match, or it was cut off, or it is no table."


def _bytes(file: TableFile) -> Iterator[bytes]:
    """Yield the bytes of `file`, unpacked if it is packed with gzip."""
    done = 0
    try:
        with file.path.open("rb") as opened:
            packed = opened.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            opened.seek(0)
            for piece in _unpacked(opened, file) if packed else plain(opened):
                done += len(piece)
                if packed and done > max(_BOMB_BYTES, _BOMB_RATIO * file.size):
                    raise DataError(f"{file.name} unpacks to more than {_BOMB_RATIO} times its size", EXPECTED)
                yield piece
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror or error}") from error


def _unpacked(opened: BinaryIO, file: TableFile) -> Iterator[bytes]:
    try:
        yield from inflated(opened)
    except zlib.error:
        raise DataError(f"{file.name} is damaged: it cannot be unpacked as gzip", "Copy it again.") from None
    except EOFError:
        raise DataError(f"{file.name} was cut off: the packed file ends too early", "Copy it again.") from None


def _unmarked(pieces: Iterator[bytes], file: TableFile, found: Found) -> Iterator[bytes]:
    """Yield text without its byte order mark, UTF-16 turned into UTF-8; refuse what begins like no table."""
    first = next(pieces, b"")
    while len(first) < 4 and (more := next(pieces, b"")):
        first += more
    bom = next((bom for bom in _BOMS if first.startswith(bom)), b"")
    encoding = _BOMS[bom] if bom else _guessed_utf16(first)
    first = first[len(bom) :]
    if encoding == "utf-8":
        _refuse_other_text(first, file)
        yield first
        yield from pieces
        return
    found.encoding = "UTF-16"
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(first)
        _refuse_other_text(text[:64].encode("utf-8", "replace"), file)
        yield text.encode("utf-8")
        for piece in pieces:
            yield decoder.decode(piece).encode("utf-8")
        yield decoder.decode(b"", final=True).encode("utf-8")
    except UnicodeError:
        raise DataError(f"{file.name} is damaged: it begins as UTF-16 and does not go on so", EXPECTED) from None


def _guessed_utf16(first: bytes) -> str:
    """Return the encoding of a beginning without a mark: UTF-16 where every second byte of an even number is 0."""
    head = first[: min(len(first), 64) // 2 * 2]
    if head and not any(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    return "utf-16-be" if head and not any(head[::2]) and all(head[1::2]) else "utf-8"


def _refuse_other_text(first: bytes, file: TableFile) -> None:
    begin = first[:64].lstrip().lower()
    if begin.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{file.name} is a web page or XML, not a table", EXPECTED)
    if begin.startswith((b"{", b"[{", b"[[")):
        raise DataError(f"{file.name} is JSON, not a table", EXPECTED)


def _line_feeds(pieces: Iterator[bytes], found: Found) -> Iterator[bytes]:
    """Yield text whose lines end with LF alone."""
    for piece, alone in line_feeds(pieces):
        found.carriage_returns |= alone
        yield piece


def _as_utf8(text: bytes, file: TableFile, found: Found) -> bytes:
    """Return `text` in UTF-8: as it is, or read as Latin-1. Raises DataError if it is no text."""
    if len(text.translate(None, _CONTROL)) < len(text):
        raise DataError(f"{file.name} is not a table: it holds bytes that are no text", EXPECTED)
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            found.encoding = "Latin-1"
            return text.decode("latin-1").encode("utf-8")
    return text
