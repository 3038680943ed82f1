"""Gathers the cells of one column, chunk by chunk: numbers, classes, or names of groups.

While a column has few distinct texts it is kept as codes of two or four bytes; with more it becomes numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.errors import DataError
from lnncmp.sources.table.chunks import Chunk
from lnncmp.sources.table.numbers import PLAIN, parsed, stripped
from lnncmp.sources.table.table import Floats
from lnncmp.sources.table.times import looks_like_time

FEW = 1000
"""Distinct texts up to which a column of values is kept as codes."""
MANY = 1_000_000
"""Distinct names up to which a column of groups is read."""


@dataclass(frozen=True)
class Settled:
    """A column of values: (T,) numbers or codes of `classes`, NaN where missing."""

    kind: Literal["number", "category"]
    values: Floats
    classes: tuple[str, ...] = ()


@dataclass
class Codes:
    """Cells as numbers of distinct texts, -1 where missing, and where each text occurs first."""

    most: int
    known: dict[str, int] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)
    blocks: list[NDArray[np.int32]] = field(default_factory=list)

    def add(self, chunk: Chunk, text: pl.Series) -> bool:
        """Add stripped texts. Returns whether that was possible: not if there are too many distinct ones."""
        distinct = text.drop_nulls().unique()
        if len(distinct) > self.most:
            return False
        new = [cell for cell in distinct.to_list() if cell not in self.known]
        if len(self.known) + len(new) > self.most:
            return False
        if new:
            rows = text.to_frame("text").with_row_index("row").drop_nulls().group_by("text").agg(pl.col("row").min())
            firsts = dict(rows.filter(pl.col("text").is_in(new)).sort("row").iter_rows())
            for cell, row in firsts.items():
                self.known[cell] = len(self.known)
                self.first.append(chunk.where(row))
        old = distinct.to_list()
        codes = text.replace_strict(old, [self.known[cell] for cell in old], default=-1, return_dtype=pl.Int32)
        self.blocks.append(codes.fill_null(-1).to_numpy().astype(np.int16 if self.most <= FEW else np.int32))
        return True

    def all(self) -> NDArray[np.int32]:
        """Return all codes (T,)."""
        return np.concatenate(self.blocks).astype(np.int32) if self.blocks else np.zeros(0, np.int32)


def texts_of(cells: pl.Series, name: str) -> pl.Series:
    """Return cells as stripped texts, null where missing. Raises DataError if they are nested."""
    if cells.dtype.is_nested() or cells.dtype in (pl.Object, pl.Binary):
        raise DataError(f"column '{name}' holds lists or bytes, expected one number or text per row")
    return stripped(cells if cells.dtype == pl.String else cells.cast(pl.String))


class LabelCells:
    """A column of names: of groups, or of the parts of a split."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self._codes = Codes(most)

    def add(self, chunk: Chunk) -> int:
        """Add a chunk; return the bytes that are now kept for it. Raises DataError at a missing cell."""
        text = texts_of(chunk.cells[self.name], self.name)
        if text.null_count():
            row = int(np.flatnonzero(text.is_null().to_numpy())[0])
            raise DataError(f"{chunk.where(row)} has no value in column '{self.name}'", "Fill it in or delete the row.")
        if not self._codes.add(chunk, text):
            raise DataError(f"column '{self.name}' holds more than {self._codes.most:,} different names")
        return self._codes.blocks[-1].nbytes

    def settle(self) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return codes (T,) and the names that they stand for."""
        return self._codes.all(), tuple(self._codes.known)


class ValueCells:
    """A column of values, whose kind is known only when all of it was read."""

    def __init__(self, name: str, as_classes: bool) -> None:
        self.name = name
        self.words: dict[str, int] = {}
        self._as_classes = as_classes
        self._codes: Codes | None = Codes(FEW)
        self._meanings: list[float | None] = []
        self._numbers: list[Floats] = []
        self._texts, self._first_text, self._style = 0, "", PLAIN
        self.unfit = ""

    def add(self, chunk: Chunk) -> int:
        """Add a chunk; return the bytes that are now kept for it. Raises DataError for infinite numbers."""
        cells = chunk.cells[self.name]
        self._style = chunk.style if self._style == PLAIN else self._style
        if cells.dtype.is_temporal() or cells.dtype.is_nested() or cells.dtype in (pl.Object, pl.Binary):
            self.unfit = self.unfit or ("dates" if cells.dtype.is_temporal() else "lists or bytes")
            return 0
        typed = cells.dtype.is_numeric() or cells.dtype == pl.Boolean or cells.dtype == pl.Null
        if typed and not self._as_classes:
            return self._add_typed(chunk, cells)
        plain = _plain_numbers(cells) if self._codes is None and chunk.style == PLAIN else None
        if plain is not None:
            self._numbers.append(plain)
            return plain.nbytes
        text = texts_of(cells, self.name)
        self._count_words(cells, text)
        if self._codes and self._codes.add(chunk, text):
            known = list(self._codes.known)[len(self._meanings) :]
            numbers, bad = parsed(pl.Series(known, dtype=pl.String), chunk.style)
            self._meanings += [None if wrong else float(number) for number, wrong in zip(numbers, bad, strict=True)]
            return self._codes.blocks[-1].nbytes
        return self._add_numbers(chunk, text)

    def _add_typed(self, chunk: Chunk, cells: pl.Series) -> int:
        numbers = cells.cast(pl.Float64).fill_null(np.nan).to_numpy()
        infinite = np.flatnonzero(np.isinf(numbers))
        if len(infinite):
            where = chunk.where(int(infinite[0]))
            raise DataError(
                f"column '{self.name}' should hold finite numbers; {where} holds an infinite one",
                "Leave the cell empty (NaN) if nothing was measured.",
            )
        more = self._no_codes()
        self._numbers.append(numbers)
        return numbers.nbytes + more

    def _add_numbers(self, chunk: Chunk, text: pl.Series) -> int:
        freed = self._no_codes()
        numbers, bad = parsed(text, chunk.style)
        if bad.any():
            self._texts += int(bad.sum())
            self._first_text = self._first_text or chunk.where(int(np.flatnonzero(bad)[0]))
        self._numbers.append(numbers)
        return numbers.nbytes + freed

    def _no_codes(self) -> int:
        """Turn what was kept as codes into numbers; return the bytes that this takes in addition."""
        if self._codes is None:
            return 0
        codes, self._codes = self._codes, None
        meanings = np.array([np.nan if number is None else number for number in self._meanings] + [np.nan])
        self._numbers = [meanings[block] for block in codes.blocks]
        texts = [number for number, meaning in enumerate(self._meanings) if meaning is None]
        self._texts = sum(int(np.isin(block, texts).sum()) for block in codes.blocks)
        self._first_text = codes.first[texts[0]] if texts else ""
        return sum(block.nbytes for block in self._numbers) - sum(block.nbytes for block in codes.blocks)

    def _count_words(self, cells: pl.Series, text: pl.Series) -> None:
        """Count the cells that say in a word that they are missing."""
        if self._codes is not None and cells.dtype == pl.String and text.null_count() > cells.null_count():
            words = cells.filter(text.is_null()).str.strip_chars().drop_nulls()
            for word, count in words.filter(words != "").value_counts().iter_rows():
                self.words[word] = self.words.get(word, 0) + count

    def settle(self, most: int) -> Settled | str:
        """Return the column with its kind, or why it has none though nothing is wrong with it, in words.

        most: classes that a category may have. Raises DataError for text among numbers.
        """
        if self.unfit:
            return f"holds {self.unfit}"
        if self._codes is None:
            numbers = np.concatenate(self._numbers)
            self._numbers = []
            filled = int(np.isfinite(numbers).sum()) + self._texts
            if self._as_classes or self._texts > filled / 2:
                return f"holds more than {most} different texts"
            if self._texts:
                raise self._text_among_numbers()
            return Settled("number", numbers)
        return self._settle_codes(self._codes, most)

    def _settle_codes(self, kept: Codes, most: int) -> Settled | str:
        codes = kept.all()
        counts = np.bincount(codes[codes >= 0], minlength=len(kept.known))
        texts = [number for number, meaning in enumerate(self._meanings) if meaning is None]
        if self._as_classes or counts[texts].sum() > counts.sum() / 2:
            if len(kept.known) > most:
                return f"holds more than {most} different texts"
            if not self._as_classes and all(looks_like_time(text) for text in kept.known):
                return "holds dates"
            classes, meaning = _classes(list(kept.known), self._meanings)
            return Settled("category", np.append(meaning, np.nan)[codes], classes)
        if texts:
            self._first_text = kept.first[texts[0]]
            raise self._text_among_numbers()
        return Settled("number", np.array([*(number or 0.0 for number in self._meanings), np.nan])[codes])

    def _text_among_numbers(self) -> DataError:
        style = f" Here {self._style.described}." if self._style != PLAIN else ""
        return DataError(
            f"column '{self.name}' should hold numbers; {self._first_text} holds text",
            f"Correct it or leave it empty, or leave the column out (--features).{style}",
        )


def _plain_numbers(cells: pl.Series) -> Floats | None:
    """Return texts as numbers if they are finite numbers or empty and nothing else: the rule, and quickly found."""
    numbers = cells.cast(pl.Float64, strict=False)
    plain = numbers.null_count() == cells.null_count() and bool(numbers.is_finite().all())
    return numbers.fill_null(np.nan).to_numpy() if plain else None


def _classes(texts: Sequence[str], meanings: Sequence[float | None]) -> tuple[tuple[str, ...], Floats]:
    """Return the classes in order, and the code of each text: numbers by size and once each, other texts by letters."""
    if all(number is not None for number in meanings):
        numbers = np.array(meanings, np.float64)
        values, codes = np.unique(numbers, return_inverse=True)
        return tuple(f"{value:.15g}" for value in values), codes.astype(np.float64)
    classes = tuple(sorted(texts))
    return classes, np.array([classes.index(text) for text in texts], np.float64)
