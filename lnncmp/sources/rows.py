"""Where the rows of a block of text are: how many cells each has, and its line in the file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.whole_rows import Block

_NEWLINE, _QUOTE = 10, 34


@dataclass(frozen=True)
class Rows:
    """Rows of text: the text, cells in each (R,), line where each begins (R,), blank rows that were left out."""

    text: bytes
    cells: NDArray[np.int64]
    lines: NDArray[np.int64]
    blank: int


def split_rows(block: Block, delimiter: bytes, keep_blank: bool) -> Rows:
    """Return the rows of `block`. Delimiters and line breaks inside quotes count as text.

    keep_blank: a blank line is an empty cell, as in a table of one column.
    """
    text = np.frombuffer(block.text, np.uint8)
    marking = np.zeros(256, bool)
    marking[[_NEWLINE, _QUOTE, delimiter[0]]] = True
    marks = np.flatnonzero(marking[text])
    sign = text[marks]
    newline, separator = sign == _NEWLINE, sign == delimiter[0]
    breaks = marks[newline]
    if b'"' in block.text:
        outside = ~np.logical_xor.accumulate(sign == _QUOTE)
        newline &= outside
        separator &= outside
    ends = marks[newline]
    starts = np.concatenate([[0], ends + 1])[:-1]
    cells = np.diff(np.cumsum(separator)[newline], prepend=0) + 1
    lines = block.line + np.searchsorted(breaks, starts)
    filled = ends > starts
    blank = 0 if keep_blank else int(len(ends) - filled.sum())
    if not blank:
        return Rows(block.text, cells, lines, 0)
    kept = b"".join(block.text[starts[row] : ends[row] + 1] for row in np.flatnonzero(filled))
    return Rows(kept, cells[filled], lines[filled], blank)
