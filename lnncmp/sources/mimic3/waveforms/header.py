"""Read and check the headers of untrusted WFDB records.

A header is a text file that says how its signal files are to be read (`grammar`). What it claims is checked against
the signal files before any memory is asked for.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lnncmp.sources.mimic3.waveforms.grammar import Line, parse_header
from lnncmp.sources.mimic3.waveforms.samples import BITS
from lnncmp.sources.mimic3.waveforms.signals import is_known
from lnncmp.sources.mimic3.waveforms.skipped import Reason, SkippedError

MAX_HEADER_BYTES = 64 << 10
MAX_DAT_BYTES = 100_000_000
"""A month of 16 signals once a second is 83 MB."""

MAX_RATE = 2.0
"""Hz; numerics are slower, waveforms are not."""

MAX_SECONDS = 366 * 86400.0
"""Longest record accepted."""

_RECORD_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
_DAT_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*\.dat", re.IGNORECASE)
_SUBJECT = re.compile(r"([ps][0-9]{5,6})(?:-.*)?", re.IGNORECASE)


@dataclass(frozen=True)
class SignalFile:
    """A signal file that a header names: name, the format of all its numbers, how many signals it holds."""

    name: str
    format: str
    signals: int

    @property
    def bits(self) -> int:
        """Bits that one sample of all its signals takes; 0 for a format that is not known."""
        return BITS.get(self.format, 0) * self.signals


@dataclass(frozen=True)
class Header:
    """What the header of a numerics record claims.

    record: path of the record without an ending. period: seconds between samples. samples: declared number of
    samples, None if the length of the first signal file decides. signals: all of them, in order.
    """

    record: Path
    period: float
    samples: int | None
    signals: tuple[Line, ...]

    @cached_property
    def files(self) -> tuple[SignalFile, ...]:
        """The signal files, in order."""
        names = dict.fromkeys(line.file for line in self.signals)
        held = {name: [line.format for line in self.signals if line.file == name] for name in names}
        return tuple(SignalFile(name, formats[0], len(formats)) for name, formats in held.items())

    @property
    def known(self) -> tuple[Line, ...]:
        """The signals that give one of the variables."""
        return tuple(line for line in self.signals if is_known(line.name))

    @property
    def plain_layout(self) -> bool:
        """Whether each file has a safe name and one known format, without frames, skews and offsets."""
        formats = {file.name: file.format for file in self.files}
        return all(
            line.plain and _DAT_NAME.fullmatch(line.file) and line.format == formats[line.file] in BITS
            for line in self.signals
        )

    @property
    def group(self) -> str:
        """The subject in the record's name ("s00001", "p000878"); the whole name without one."""
        match = _SUBJECT.fullmatch(self.record.name)
        return match[1].lower() if match else self.record.name

    def place(self, file: SignalFile) -> Path:
        """Return where a signal file lies: beside the header, in any case of letters."""
        exact = self.record.with_name(file.name)
        if regular_size(exact) is not None:
            return exact
        try:
            others = sorted(path for path in exact.parent.iterdir() if path.name.lower() == file.name.lower())
        except OSError:
            others = []
        return others[0] if others else exact

    def checked_samples(self) -> int:
        """Return the number of samples, checked against the sizes of the signal files.

        Raises SkippedError for none, too many to be plausible, or more than the files hold.
        """
        if not self.plain_layout:
            raise SkippedError(Reason.BAD_LAYOUT)
        samples = self.samples
        for file in self.files:
            size = regular_size(self.place(file))
            if size is None:
                raise SkippedError(Reason.DAT_MISSING)
            if size > MAX_DAT_BYTES:
                raise SkippedError(Reason.DAT_LARGE)
            samples = size * 8 // file.bits if samples is None else samples
            if samples * file.bits > size * 8:
                raise SkippedError(Reason.DAT_SHORT)
        if not samples:
            raise SkippedError(Reason.NO_SAMPLES)
        if samples * self.period > MAX_SECONDS:
            raise SkippedError(Reason.TOO_LONG)
        return samples


def is_header(name: str) -> bool:
    """Tell whether a file of this name is a header."""
    return name.lower().endswith(".hea")


def find_headers(folder: Path) -> list[Path]:
    """Return all .hea files below `folder`, at any depth, by name and then by path. Links to folders are not followed.

    Raises OSError if a folder cannot be listed.
    """

    def give_up(error: OSError) -> None:
        raise error

    found: list[Path] = []
    for base, _, files in os.walk(folder, onerror=give_up):
        found += [Path(base) / name for name in files if is_header(name)]
    return sorted(found, key=lambda path: (path.name, str(path)))


def regular_size(path: Path) -> int | None:
    """Return the bytes of the regular file `path`, None if it does not exist."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def read_header(path: Path) -> Header:
    """Return what the header file `path` claims. Raises SkippedError unless it describes numerics with a known signal.

    Numerics are single-segment records below MAX_RATE.
    """
    record = Path(os.path.abspath(path)).with_suffix("")  # noqa: PTH100 - resolve() would leave the user's folder
    if not _RECORD_NAME.fullmatch(record.name):
        raise SkippedError(Reason.ODD_NAME)
    size = regular_size(path)
    if size is None or size > MAX_HEADER_BYTES:
        raise SkippedError(Reason.BAD_HEADER)
    try:
        text = path.read_bytes().decode("latin-1")
    except OSError as error:
        raise SkippedError(Reason.BAD_HEADER) from error
    said = parse_header(text)
    if said.rate is None:
        raise SkippedError(Reason.BAD_HEADER)
    if said.rate >= MAX_RATE:
        raise SkippedError(Reason.WAVEFORM)
    if not said.rate > 1 / MAX_SECONDS:
        raise SkippedError(Reason.BAD_RATE)
    if not any(is_known(line.name) for line in said.signals):
        raise SkippedError(Reason.NO_KNOWN_SIGNAL)
    return Header(record, _period(said.rate), said.samples, said.signals)


def _period(rate: float) -> float:
    """Return the seconds between samples at `rate` Hz, set right where the header rounded: 0.0166666666667 Hz is 60 s.

    Intervals within 2e-5 of a whole number of milliseconds are taken for that number.
    """
    period = 1 / rate
    whole = round(period, 3)
    return whole if abs(period - whole) <= 2e-5 * period else period
