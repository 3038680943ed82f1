"""How the numbers of a file are written (decimal sign, thousands), and text turned into numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-")
"""What a cell without a value may say, in small letters."""
_GROUPS = {"": "", ",": ",", ".": r"\.", " ": "[ \u00a0\u202f]", "'": "['\u2019]"}
_SIGN = re.compile("[.,'\u2019 \u00a0\u202f]")
_NOT_PLAIN = re.compile("[0-9],|,[0-9]|[0-9]['\u2019 \u00a0\u202f][0-9]{3}|\\..*\\.")
_WORDS = {",": "comma", ".": "point", " ": "space", "'": "apostrophe"}


@dataclass(frozen=True)
class Style:
    """The sign before the decimals, and the one between groups of three digits ("" for none)."""

    decimal: str = "."
    thousands: str = ""

    @property
    def pattern(self) -> str:
        """The regular expression of a whole number in this style."""
        group = _GROUPS[self.thousands]
        whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if group else "[0-9]+"
        decimal = re.escape(self.decimal)
        return rf"^[+-]?(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?$"

    @property
    def described(self) -> str:
        """The style in words, empty if it is the plain one."""
        decimal = f"numbers have a decimal {_WORDS[self.decimal]}"
        if self.thousands:
            return f"{decimal} and a {_WORDS[self.thousands]} between thousands"
        return decimal if self.decimal == "," else ""


PLAIN = Style()
_STYLES = (
    *(PLAIN, Style(",", ""), Style(".", ","), Style(",", "."), Style(".", " "), Style(",", " ")),
    *(Style(".", "'"), Style(",", "'")),
)


def find_style(cells: Sequence[str], delimiter: str) -> tuple[Style, bool]:
    """Return the style in which most of the `cells` are numbers, and whether another one reads them otherwise.

    Of styles that read as many cells, a comma in a file that is separated by commas is between thousands, else
    before decimals.
    """
    if not any(map(_NOT_PLAIN.search, cells)):
        return PLAIN, False
    written = Counter(cell.strip() for cell in cells if _SIGN.search(cell))
    order = sorted(_STYLES, key=lambda style: style != PLAIN and (style.decimal == ",") == (delimiter == ","))
    counts = {style: _matching(style, written) for style in order}
    best = max(order, key=lambda style: counts[style])
    equal = [style for style in order if counts[style] == counts[best] != 0]
    doubtful = any(len({_value(cell, style) for style in equal}) > 1 for cell in written)
    return best, best != PLAIN and doubtful


def _value(cell: str, style: Style) -> float | None:
    if not re.match(style.pattern, cell):
        return None
    return float(re.sub(_GROUPS[style.thousands] or "^", "", cell).replace(style.decimal, "."))


def _matching(style: Style, written: Counter[str]) -> int:
    pattern = re.compile(style.pattern)
    return sum(count for cell, count in written.items() if pattern.match(cell))


def stripped(text: pl.Series) -> pl.Series:
    """Return a series of texts without spaces around them, null where a cell is missing."""
    text = text.str.strip_chars()
    return text.set(text.str.to_lowercase().is_in(MISSING).fill_null(False), None)


def parsed(text: pl.Series, style: Style) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return stripped texts as numbers, NaN where missing or no finite number, and where they are something else."""
    plain = text
    if style != PLAIN:
        plain = text.set(~text.str.contains(style.pattern).fill_null(True), "text")
        if style.thousands:
            plain = plain.str.replace_all(_GROUPS[style.thousands], "")
        plain = plain.str.replace_all(style.decimal, ".", literal=True)
    numbers = plain.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().copy()
    numbers[np.isinf(numbers)] = np.nan
    return numbers, np.isnan(numbers) & text.is_not_null().to_numpy()
