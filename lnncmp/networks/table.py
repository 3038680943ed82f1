"""A CSV file of raw values as a network reads it, and the table of its predictions.

One row is one step. Cells may be empty where nothing was observed. Messages name lines and columns, never a value.

Legend of shapes: N rows, V columns, O outputs.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.common.text import csv_of_frame
from lnncmp.errors import DataError
from lnncmp.networks.network import Network

Floats = NDArray[np.float64]
CLOCKS = ("time", "dt")
SERIES = "series"
_NAMED = 5
_FIRST_LINE = 2
"""Line of the first row, under the header."""


@dataclass(frozen=True)
class Table:
    """Rows of a file in their order: values (N, V), NaN where empty; elapsed times dt (N,); series number of each row.

    kept: the columns `series`, `time` or `dt` as they were written, which go before the predictions.
    """

    values: Floats
    dt: Floats
    series: NDArray[np.intp]
    kept: pl.DataFrame


def read_table(path: Path, network: Network) -> Table:
    """Return what `network` is to read of a CSV file. Raises DataError."""
    frame = _frame(path)
    _require_columns(path, frame.columns, network.columns)
    clock = _clock(path, frame.columns, network)
    series = _numbered(frame)
    words = network.encoding.classes
    values = np.stack(
        [
            _numbers_of_words(path, frame, name, words[name]) if name in words else _numbers(path, frame, name)
            for name in network.columns
        ],
        axis=1,
    )
    dt = np.ones(len(frame)) if clock is None else _elapsed(path, clock, _numbers(path, frame, clock), series)
    kept = [name for name in (SERIES, *CLOCKS) if name in frame.columns]
    return Table(values, dt, series, frame.select(kept))


def predicted(network: Network, table: Table) -> str:
    """Return the CSV table of predictions, one row for each row of `table`, each series from its first row on.

    Of classes: a column `class`, the most probable one, and a column p_NAME with the probability of each.
    """
    predict = network.probabilities if network.classes else network.predict
    out = np.full((len(table.dt), len(network.outputs)), np.nan)
    lengths: dict[int, list[NDArray[np.intp]]] = {}
    order = np.argsort(table.series, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(table.series[order])) + 1):
        lengths.setdefault(len(rows), []).append(rows)
    for alike in lengths.values():  # series of one length are computed together
        rows = np.stack(alike)
        out[rows] = predict(table.values[rows], dt=table.dt[rows])
    names = [f"p_{name}" for name in network.classes] or network.outputs
    columns = [pl.Series(name, out[:, k]).fill_nan(None) for k, name in enumerate(names)]
    if network.classes:
        columns.insert(0, pl.Series("class", [network.classes[k] for k in out.argmax(axis=1)]))
    return csv_of_frame(table.kept.with_columns(columns))


def _frame(path: Path) -> pl.DataFrame:
    """Return the file with every cell as text."""
    if not path.is_file():
        raise DataError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}", "Name a CSV file.")
    try:
        frame = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        reason = " ".join(str(error).split()).partition(".")[0][:120]
        if isinstance(error, pl.exceptions.ComputeError):  # its words may hold cells
            reason = "its rows have more or fewer cells than the header, or it is no text in UTF-8"
        raise DataError(f"{path} cannot be read as CSV: {reason}", "Expected a header, then one step a row.") from None
    if not len(frame):
        raise DataError(f"{path} has a header and no rows", "Expected one step a row.")
    return frame


def _require_columns(path: Path, found: Sequence[str], wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        shown = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        folded = {name.casefold(): name for name in found}
        near = difflib.get_close_matches(missing[0].casefold(), list(folded), n=1, cutoff=0.6)
        guess = f"Is '{folded[near[0]]}' meant to be '{missing[0]}'? " if near else ""
        raise DataError(
            f"{path} lacks {len(missing)} of the {len(wanted)} columns that this network reads: {shown}",
            f"{guess}Leave cells empty where nothing was measured; `lnncmp runs show` lists all columns.",
        )
    twice = [name for name in (*wanted, SERIES, *CLOCKS) if f"{name}_duplicated_0" in found]
    if twice:
        raise DataError(f"{path} has more than one column '{twice[0]}'", "Keep one of them.")


def _clock(path: Path, found: Sequence[str], network: Network) -> str | None:
    """Return the column that says when a step was, None if the network is told that every dt is 1."""
    given = [name for name in CLOCKS if name in found]
    if len(given) > 1:
        raise DataError(f"{path} has both columns time and dt, which say the same", "Keep one of them.")
    if given:
        return given[0]
    if network.recipe.withholds_time:
        return None
    raise DataError(
        f"{path} has neither a column time nor dt (time since the step before); the unit is one {network.time_unit}",
        "Add a column dt of ones if the steps are one unit apart.",
    )


def _numbered(frame: pl.DataFrame) -> NDArray[np.intp]:
    """Return the number of the series of each row, all 0 without a column `series`."""
    if SERIES not in frame.columns:
        return np.zeros(len(frame), np.intp)
    names = frame[SERIES].fill_null("").to_list()
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.intp)


def _numbers(path: Path, frame: pl.DataFrame, column: str) -> Floats:
    """Return a column as numbers, NaN where a cell is empty or says NaN."""
    text = frame[column].str.strip_chars()
    given = text.is_not_null() & (text != "")
    numbers = text.cast(pl.Float64, strict=False)
    bad = (given & (numbers.is_null() | numbers.is_infinite().fill_null(False))).to_numpy()
    if bad.any():
        line = int(np.flatnonzero(bad)[0]) + _FIRST_LINE
        raise DataError(f"{path}, line {line}: the cell in column {column} is no finite number")
    return numbers.fill_null(np.nan).to_numpy().astype(np.float64)


def _numbers_of_words(path: Path, frame: pl.DataFrame, column: str, words: Sequence[str]) -> Floats:
    """Return the numbers of a column of classes, NaN where a cell is empty."""
    text = frame[column].str.strip_chars().fill_null("")
    numbers = text.replace_strict(
        {word: float(n) for n, word in enumerate(words)}, default=None, return_dtype=pl.Float64
    )
    bad = ((text != "") & numbers.is_null()).to_numpy()
    if bad.any():
        line = int(np.flatnonzero(bad)[0]) + _FIRST_LINE
        raise DataError(
            f"{path}, line {line}: column {column} holds a class that this network was not trained on",
            f"It knows: {', '.join(words)}",
        )
    return numbers.fill_null(np.nan).to_numpy().astype(np.float64)


def _elapsed(path: Path, clock: str, given: Floats, series: NDArray[np.intp]) -> Floats:
    """Return the time since the step before; the first of a series is 1 where times are given, as in training."""
    dt = given
    if clock == "time":
        dt = np.empty_like(given)
        order = np.argsort(series, kind="stable")
        steps = np.diff(given[order], prepend=np.nan)
        steps[np.flatnonzero(np.diff(series[order], prepend=-1))] = 1.0
        dt[order] = np.where(np.isfinite(given[order]), steps, np.nan)
    bad = np.flatnonzero(~(np.isfinite(dt) & (dt > 0)))
    if len(bad):
        above = "that of the row before in its series" if clock == "time" else "0"
        raise DataError(
            f"{path}, line {int(bad[0]) + _FIRST_LINE}: {clock} should be a finite number above {above}",
            "Sort the rows of each series by time.",
        )
    return dt
