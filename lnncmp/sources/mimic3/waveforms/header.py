"""Read and check the headers of untrusted WFDB records.

A header is a text file that says how its signal files are to be read (https://wfdb.io/spec/header-files.html). wfdb
parses it; what it claims is checked against the signal files before any memory is asked for.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
_DAT_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*\.dat")
_SUBJECT = re.compile(r"([ps][0-9]{5,6})(?:-.*)?")
_BITS = {"16": 16, "61": 16, "160": 16, "24": 24, "32": 32, "80": 8, "212": 12}
"""Bits per sample by signal format, for those in which the length of a file follows from its samples."""


@dataclass(frozen=True)
class SignalFile:
    """A signal file that a header names, the bits that one sample of all its signals takes, its declared format."""

    name: str
    bits: int


@dataclass(frozen=True)
class Header:
    """What the header of a numerics record claims.

    record: path of the record without an ending. period: seconds between samples. samples: declared number of
    samples, None if the length of the first signal file decides. files: the signal files. channels, names, units:
    number, name and unit of the known signals. plain_layout: whether the signal format is supported.
    """

    record: Path
    period: float
    samples: int | None
    files: tuple[SignalFile, ...]
    channels: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    plain_layout: bool

    @property
    def group(self) -> str:
        """The subject in the record's name ("s00001", "p000878"); the whole name without one."""
        match = _SUBJECT.fullmatch(self.record.name)
        return match[1] if match else self.record.name

    def checked_samples(self) -> int:
        """Return the number of samples, checked against the sizes of the signal files.

        Raises SkippedError for none, too many to be plausible, or more than the files hold.
        """
        if not self.plain_layout:
            raise SkippedError(Reason.BAD_LAYOUT)
        samples = self.samples
        for file in self.files:
            size = regular_size(self.record.with_name(file.name))
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


def find_headers(folder: Path) -> list[Path]:
    """Return all .hea files below `folder`, at any depth, by name and then by path. Links to folders are not followed.

    Raises OSError if a folder cannot be listed.
    """

    def give_up(error: OSError) -> None:
        raise error

    found: list[Path] = []
    for base, _, files in os.walk(folder, onerror=give_up):
        found += [Path(base) / name for name in files if name.endswith(".hea")]
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
    import wfdb  # type: ignore[import-untyped]

    record = Path(os.path.abspath(path)).with_suffix("")  # noqa: PTH100 - resolve() would leave the user's folder
    # wfdb opens files through fsspec, to which "::" means a chain of protocols.
    if not _RECORD_NAME.fullmatch(record.name) or "::" in str(record):
        raise SkippedError(Reason.ODD_NAME)
    size = regular_size(path)
    if size is None or size > MAX_HEADER_BYTES:
        raise SkippedError(Reason.BAD_HEADER)
    try:
        parsed = wfdb.rdheader(str(record))
    except Exception as error:
        # The parser may raise any error on untrusted text.
        raise SkippedError(Reason.BAD_HEADER) from error
    if isinstance(parsed, wfdb.MultiRecord):
        raise SkippedError(Reason.MULTI_SEGMENT)
    if parsed.fs is None or parsed.n_sig is None:
        raise SkippedError(Reason.BAD_HEADER)
    if parsed.fs >= MAX_RATE:
        raise SkippedError(Reason.WAVEFORM)
    if not parsed.fs > 1 / MAX_SECONDS:
        raise SkippedError(Reason.BAD_RATE)
    if not parsed.n_sig or not parsed.file_name or len(parsed.file_name) != parsed.n_sig:
        raise SkippedError(Reason.BAD_HEADER)
    channels = tuple(index for index, name in enumerate(parsed.sig_name) if name and is_known(name))
    if not channels:
        raise SkippedError(Reason.NO_KNOWN_SIGNAL)
    return Header(
        record,
        _period(float(parsed.fs)),
        parsed.sig_len,
        tuple(
            SignalFile(name, sum(_BITS.get(fmt, 0) for other, fmt in _formats(parsed) if other == name))
            for name in dict.fromkeys(parsed.file_name)
        ),
        channels,
        tuple(parsed.sig_name[index] for index in channels),
        tuple(parsed.units[index] or "" for index in channels),
        _is_plain(parsed),
    )


def _formats(parsed: Any) -> list[tuple[str, str]]:
    """Return (signal file, format) of every signal of a wfdb record."""
    return list(zip(parsed.file_name, parsed.fmt, strict=True))


def _is_plain(parsed: Any) -> bool:
    """Return whether a wfdb record has one sample a frame, no skew, no offset, safe file names and known formats."""
    fields = (parsed.samps_per_frame, parsed.skew, parsed.byte_offset)
    plain = all(count == 1 for count in fields[0]) and not any(fields[1]) and not any(fields[2])
    pairs = _formats(parsed)
    one_each = len(set(pairs)) == len({name for name, _ in pairs})
    return plain and one_each and all(_DAT_NAME.fullmatch(name) and fmt in _BITS for name, fmt in pairs)


def _period(rate: float) -> float:
    """Return the seconds between samples at `rate` Hz, set right where the header rounded: 0.0166666666667 Hz is 60 s.

    Intervals within 2e-5 of a whole number of milliseconds are taken for that number.
    """
    period = 1 / rate
    whole = round(period, 3)
    return whole if abs(period - whole) <= 2e-5 * period else period
