"""Tables of any size with rows shaped like those of MIMIC-III v1.4, made as fast as a disk takes them.

One block of rows is formatted once; for each repetition only the digits of the identifiers are stamped over. So a
block's stays are repeated under other names, with the same values and times: the shape is real, the content is not.
Of the open demo's CHARTEVENTS: 52 rows per hour of stay, 15.6 % of them of the items that are extracted, 106 bytes per
row, more than half without a number.
"""

import gzip
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import UsageError
from lnncmp.sources.base import Progress, no_progress

STAYS, HOURS, ROWS_PER_HOUR = 20, 100, 52
"""Stays in a block, hours in a stay, chart rows in an hour."""
ROWS_PER_STAY = HOURS * ROWS_PER_HOUR
OUTPUTS_PER_STAY = 68
MOST_ROWS = 800_000_000
"""Beyond it the identifiers would need another digit."""

_HOURLY = (("211", "51", "8368", "52", "618", "646"), ("220045", "220050", "220051", "220052", "220210", "220277"))
_RARE = (("678", "811", "184", "454", "190"), ("223761", "220621", "220739", "223901", "223835"))
_TYPICAL = dict(
    zip(
        itertools.chain(*_HOURLY, *_RARE),
        [88, 120, 58, 77, 20, 97] * 2 + [98, 140, 3, 5, 0.5, 98, 140, 3, 5, 50],
        strict=True,
    )
)
_TEXTS = ("Normal Sinus", "SR (Sinus Rhythm)", "Alert", "None", "Aloe Vesta Skin Foam, see note", '1/8 ""Inch')
_NINTH = 0.11  # in this share of the hours a ninth row is of interest: (8 + 0.11) / 52 = 15.6 %
_FIRST = {"row": 100_000_000, "subject": 100_000, "admission": 100_000, "stay": 200_000}
_COLUMNS = ((0, 9), (10, 6), (17, 6), (24, 6))  # offset and width of the four identifiers in each row

_CHART_HEADER = (
    b'"ROW_ID","SUBJECT_ID","HADM_ID","ICUSTAY_ID","ITEMID","CHARTTIME","STORETIME","CGID","VALUE","VALUENUM",'
    b'"VALUEUOM","WARNING","ERROR","RESULTSTATUS","STOPPED"\n'
)
_OUTPUT_HEADER = (
    b'"ROW_ID","SUBJECT_ID","HADM_ID","ICUSTAY_ID","CHARTTIME","ITEMID","VALUE","VALUEUOM","STORETIME","CGID",'
    b'"STOPPED","NEWBOTTLE","ISERROR"\n'
)
_STAY_HEADER = (
    b'"ROW_ID","SUBJECT_ID","HADM_ID","ICUSTAY_ID","DBSOURCE","FIRST_CAREUNIT","LAST_CAREUNIT","FIRST_WARDID",'
    b'"LAST_WARDID","INTIME","OUTTIME","LOS"\n'
)
_PATIENT_HEADER = b'"ROW_ID","SUBJECT_ID","GENDER","DOB","DOD","DOD_HOSP","DOD_SSN","EXPIRE_FLAG"\n'


class _Block:
    """Formatted rows that begin with the four identifiers; `write` stamps and repeats them."""

    def __init__(self, lines: list[str], per_stay: int) -> None:
        self._text = np.frombuffer("".join(lines).encode(), np.uint8).copy()
        self._ends: NDArray[np.int64] = np.flatnonzero(self._text == ord("\n")) + 1
        self._starts: NDArray[np.int64] = np.r_[0, self._ends[:-1]]
        self._stay = np.arange(len(lines)) // per_stay

    def write(self, file: BinaryIO, rows: int, tell: Callable[[int], None]) -> None:
        """Write `rows` rows to `file`, calling tell(rows done) after each block."""
        for repetition, done in enumerate(range(0, rows, len(self._ends))):
            stay = self._stay + repetition * STAYS
            number = np.arange(len(stay)) + done + _FIRST["row"]
            names = (number, stay + _FIRST["subject"], stay + _FIRST["admission"], stay + _FIRST["stay"])
            for (offset, width), values in zip(_COLUMNS, names, strict=True):
                self._stamp(offset, width, values)
            count = min(rows - done, len(self._ends))
            file.write(self._text[: self._ends[count - 1]].data)
            tell(done + count)

    def _stamp(self, offset: int, width: int, values: NDArray[np.int64]) -> None:
        places = self._starts + (offset + width - 1)
        for back in range(width):
            values, digit = np.divmod(values, 10)
            self._text[places - back] = digit + ord("0")


def make_rows(
    folder: Path, rows: int, seed: int = 0, progress: Progress = no_progress, compress: bool = False
) -> dict[str, Path]:
    """Write the four tables, CHARTEVENTS with exactly `rows` rows, and return their paths by name.

    compress: CHARTEVENTS as .csv.gz (fastest level). Memory is that of one block of 104,000 rows, 11 MB as text.
    Raises UsageError if `rows` is out of range.
    """
    if not 1 <= rows <= MOST_ROWS:
        raise UsageError(f"the number of rows has to lie in 1 ... {MOST_ROWS:,}, got {rows:,}")
    stays = -(-rows // ROWS_PER_STAY)
    outputs = stays * OUTPUTS_PER_STAY
    rng = np.random.default_rng(seed)
    begins = [np.datetime64("2130-03-01T06:00:00") + int(day) * 86_400 for day in rng.integers(0, 20_000, STAYS)]
    chart = folder / ("CHARTEVENTS.csv.gz" if compress else "CHARTEVENTS.csv")
    paths = {"CHARTEVENTS": chart} | {n: folder / f"{n}.csv" for n in ("OUTPUTEVENTS", "ICUSTAYS", "PATIENTS")}
    with _opened(chart) as file:
        file.write(_CHART_HEADER)
        block = _Block([line for k, begin in enumerate(begins) for line in _chart_lines(rng, k, begin)], ROWS_PER_STAY)
        block.write(file, rows, lambda done: progress("Making chart rows", done, rows))
    with _opened(paths["OUTPUTEVENTS"]) as file:
        file.write(_OUTPUT_HEADER)
        lines = [line for k, begin in enumerate(begins) for line in _output_lines(rng, k, begin)]
        _Block(lines, OUTPUTS_PER_STAY).write(file, outputs, lambda done: None)
    with _opened(paths["ICUSTAYS"]) as stay_file, _opened(paths["PATIENTS"]) as patient_file:
        stay_file.write(_STAY_HEADER)
        patient_file.write(_PATIENT_HEADER)
        for stay in range(stays):
            stay_file.write(_stay_line(stay, begins[stay % STAYS]))
            patient_file.write(f'{stay + 1},{_FIRST["subject"] + stay},"F",2070-01-01 00:00:00,,,,0\n'.encode())
    return paths


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write to, packed if its name ends in .gz."""
    with path.open("wb") as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed:
            yield packed  # type: ignore[misc]


def _when(moment: np.datetime64) -> str:
    return str(moment).replace("T", " ")


def _prefix() -> str:
    """Return room for the four identifiers."""
    return "0" * 9 + ",000000,000000,000000"


def _chart_lines(rng: np.random.Generator, stay: int, begin: np.datetime64) -> Iterator[str]:
    """Yield the chart rows of one stay of a block, hour by hour."""
    system = stay % 2
    tail = ",0,0,," if system else ',,,,"NotStopd"'
    for hour in range(HOURS):
        rare = [_RARE[system][(2 * hour + k) % len(_RARE[system])] for k in range(3 if rng.random() < _NINTH else 2)]
        wanted: list[str | None] = [*_HOURLY[system], *rare]
        items = wanted + [None] * (ROWS_PER_HOUR - len(wanted))
        when, stored = _when(begin + 3600 * hour), _when(begin + 3600 * hour + int(rng.integers(0, 7200)))
        for which in rng.permutation(ROWS_PER_HOUR):
            item = items[which]
            head = f"{_prefix()},{item or _other(rng, system)},{when},{stored},{rng.integers(14_000, 22_000)}"
            yield f"{head},{_value(rng, item)}{tail}\n"


def _other(rng: np.random.Generator, system: int) -> int:
    """Return an item that is not extracted."""
    return int(rng.integers(228_000, 228_999) if system else rng.integers(5_820, 6_600))


def _value(rng: np.random.Generator, item: str | None) -> str:
    """Return VALUE, VALUENUM and VALUEUOM; two in three of the other items have text only."""
    if item is None and rng.random() < 0.67:
        return f'"{_TEXTS[rng.integers(0, len(_TEXTS))]}",,'
    if item is None:
        number = str(rng.integers(0, 500))
    else:
        value = _TYPICAL[item]
        number = str(value) if value < 6 else str(int(value + rng.integers(-9, 3)))
    return f'"{number}",{number},"mmHg"'


def _output_lines(rng: np.random.Generator, stay: int, begin: np.datetime64) -> Iterator[str]:
    item, unit = (226559, "mL") if stay % 2 else (40055, "ml")
    for number in range(OUTPUTS_PER_STAY):
        when = _when(begin + 3600 * number)
        yield f'{_prefix()},{when},{item},{rng.integers(20, 200)},"{unit}",{when},{rng.integers(14_000, 22_000)},,,\n'


def _stay_line(stay: int, begin: np.datetime64) -> bytes:
    system = "metavision" if stay % 2 else "carevue"
    names = f"{stay + 1},{_FIRST['subject'] + stay},{_FIRST['admission'] + stay},{_FIRST['stay'] + stay}"
    until = _when(begin + 3600 * HOURS)
    return f'{names},"{system}","MICU","MICU",52,52,{_when(begin)},{until},{HOURS / 24:.4f}\n'.encode()
