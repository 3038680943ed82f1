"""The text of a header of a WFDB record (https://wfdb.io/spec/header-files.html), checked whole: each line, to its end.

Of the time and the date nothing is needed, so that they may be of any form.
"""

import re
from dataclasses import dataclass

from lnncmp.sources.mimic3.waveforms.skipped import Reason, SkippedError

_NUMBER = r"[-+]?(?:[0-9]{1,15}\.?[0-9]{0,25}|\.[0-9]{1,25})(?:[eE][-+]?[0-9]{1,2})?"
_INTEGER = r"-?[0-9]{1,10}"
_RECORD = re.compile(
    rf"(?P<name>[-\w]+)(?P<segments>/[0-9]+)?\s+(?P<signals>[0-9]{{1,4}})"
    rf"(?:\s+(?P<rate>{_NUMBER})(?:/{_NUMBER}(?:\({_NUMBER}\))?)?(?:\s+(?P<samples>[0-9]{{1,15}})(?:\s+\S+){{0,5}})?)?",
    re.ASCII,
)
_SIGNAL = re.compile(
    r"(?P<file>[-\w]+(?:\.\w+)?|~)\s+(?P<format>[0-9]{1,4})(?:x(?P<frame>[0-9]{1,12}))?(?::(?P<skew>[0-9]{1,12}))?"
    rf"(?:\+(?P<offset>[0-9]{{1,12}}))?(?:\s+(?P<gain>{_NUMBER})(?:\((?P<baseline>{_INTEGER})\))?(?:/(?P<unit>\S+))?"
    rf"(?:\s+{_INTEGER}(?:\s+(?P<zero>{_INTEGER})(?:\s+{_INTEGER}(?:\s+{_INTEGER}(?:\s+{_INTEGER}"
    r"(?:\s+(?P<name>\S.*))?)?)?)?)?)?)?",
    re.ASCII,
)
_GAIN = 200.0
"""Of a signal whose header gives none, or 0."""


@dataclass(frozen=True)
class Line:
    """What a header says of a signal: its file and format, its name and unit; value = (number - baseline) / gain.

    number: of the signal in the header. plain: one sample a frame, without skew and offset.
    """

    number: int
    file: str
    format: str
    gain: float
    baseline: int
    unit: str
    name: str
    plain: bool


@dataclass(frozen=True)
class HeaderText:
    """What a header says: Hz (None: not said), samples (None: the file decides), its signals."""

    rate: float | None
    samples: int | None
    signals: tuple[Line, ...]


def parse_header(text: str) -> HeaderText:
    """Return what the text of a header says. Raises SkippedError if it has several segments or is no header."""
    rows = [row.strip() for row in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    first, *others = [row for row in rows if row and not row.startswith("#")] or [""]
    record = _RECORD.fullmatch(first)
    if record is None:
        raise SkippedError(Reason.BAD_HEADER)
    if record["segments"]:
        raise SkippedError(Reason.MULTI_SEGMENT)
    if len(others) != int(record["signals"]) or not others:
        raise SkippedError(Reason.BAD_HEADER)
    rate = float(record["rate"]) if record["rate"] else None
    return HeaderText(rate, int(record["samples"] or 0) or None, tuple(_line(*row) for row in enumerate(others)))


def _line(number: int, row: str) -> Line:
    found = _SIGNAL.fullmatch(row)
    if found is None:
        raise SkippedError(Reason.BAD_HEADER)
    return Line(
        number=number,
        file=found["file"],
        format=found["format"],
        gain=float(found["gain"] or 0) or _GAIN,
        baseline=int(found["baseline"] or found["zero"] or 0),
        unit=found["unit"] or "",
        name=found["name"] or "",
        plain=found["frame"] in (None, "1") and not int(found["skew"] or 0) and not int(found["offset"] or 0),
    )
