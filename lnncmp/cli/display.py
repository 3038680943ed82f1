"""How far a command is, on a terminal: a bar for all its runs, and a line for each thing under way. In text: a line."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from lnncmp.common.text import visible
from lnncmp.runs.state import Activity, StudyState

_SPINNER = Spinner("dots")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_NAME, _WORDS = 1, 3
"""Columns of a row."""
_BAR, _STEP = (10, 40), 5
"""Least and largest width of a bar, and the steps in which it changes."""
_BLANKS = 4
"""The spinner, and a blank after each column but the last."""


def drawn(states: Sequence[StudyState], width: int) -> Group:
    """Return the display of commands on a terminal of `width` columns."""
    return Group(*(table for state in states for table in _tables(state, width)))


def _tables(state: StudyState, width: int) -> Iterator[Table]:
    """Yield the bar of a command with its tasks, then what it does itself."""
    rows: list[Sequence[Spinner | ProgressBar | str]] = []
    if state.total or state.done:
        bar = ProgressBar(state.total or None, state.done, pulse=not state.total)
        rows.append(("", state.title, bar, ", ".join(_counts(state, short=True))))
    for one in state.activities:
        if words := _words(one):
            rows.append((_SPINNER, one.name, ProgressBar(one.total, one.done) if one.total else "", words))
    if rows:
        yield _grid(rows, width)
    for one in state.activities:
        if not _words(one):
            yield _grid([(_SPINNER, one.name)], width)


def _grid(rows: Sequence[Sequence[Spinner | ProgressBar | str]], width: int) -> Table:
    """Return rows of a spinner, a name, a bar and words, cut at `width`; the bars take what text leaves."""
    text = [[_plain(cell) if isinstance(cell, str) else "" for cell in row] for row in rows]
    name, words = (max((len(row[k]) for row in text if len(row) > k), default=0) for k in (_NAME, _WORDS))
    room = width - _BLANKS - _BAR[0]
    words = min(words, max(room * 3 // 5, room - name))
    name = min(name, room - words)
    bar = min(max((width - _BLANKS - name - words) // _STEP * _STEP, _BAR[0]), _BAR[1])
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(no_wrap=True, overflow="ellipsis", width=name)
    table.add_column(width=bar)
    table.add_column(no_wrap=True, overflow="ellipsis", width=words)
    for row, own in zip(rows, text, strict=True):
        table.add_row(*(Text(plain) if isinstance(cell, str) else cell for cell, plain in zip(row, own, strict=True)))
    return table


def in_text(state: StudyState) -> str:
    """Return the same as lines of text."""
    head = f"{_plain(state.title)}: " if state.title else ""
    lines = [f"{_plain(one.name)}: {_plain(_words(one))}".removesuffix(": ") for one in state.activities]
    return "\n  ".join([head + ", ".join(_counts(state, short=False)), *lines])


def _counts(state: StudyState, short: bool) -> list[str]:
    between = "/" if short else " of "
    found = [f"{state.done}{between}{state.total} runs" if state.total else f"{state.done} runs"]
    if state.lost:
        found.append(f"{state.lost} not ok")
    if state.seconds_left is not None:
        found.append(f"{duration(state.seconds_left)} left")
    return [*found, f"{duration(state.seconds)} so far"] if not short else found


def _words(one: Activity) -> str:
    counted = f"{one.done:,}/{one.total:,} {one.unit}".rstrip() if one.total else ""
    return ", ".join(filter(None, (counted, one.words)))


def _plain(text: str) -> str:
    """Return text of another process on one line, without what could steer a terminal."""
    return " ".join(visible(text).split())


def duration(seconds: float) -> str:
    """Return a time in words, to two digits or more.

    >>> duration(42.4), duration(95), duration(1234), duration(3600 * 5 + 125), duration(86400 * 2 + 3600)
    ('42 s', '1 min 35 s', '20 min', '5 h 2 min', '2 d 1 h')
    """
    whole = round(seconds)
    for (size, name), (small, part) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // small if whole < 10 * size else 0
            return f"{whole // size} {name}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"
