"""Read the numerics records of a folder into recordings and keep count of what is lost on the way."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.mimic3.waveforms.grammar import Line
from lnncmp.sources.mimic3.waveforms.grid import resample
from lnncmp.sources.mimic3.waveforms.header import Header, read_header
from lnncmp.sources.mimic3.waveforms.samples import no_value, read_numbers
from lnncmp.sources.mimic3.waveforms.signals import clean, is_unread_pressure
from lnncmp.sources.mimic3.waveforms.skipped import Reason, SkippedError, Stage


@dataclass
class Collected:
    """The recordings of a folder, and counts: headers found, records skipped by reason, samples, values dropped.

    unread: pressure signals under names that do not say which pressure they are.
    """

    grid: str
    found: int
    recordings: list[Recording] = field(default_factory=list)
    skipped: Counter[Reason] = field(default_factory=Counter)
    samples: int = 0
    outside: int = 0
    repeats: int = 0
    unread: int = 0
    read_groups: set[str] = field(default_factory=set)

    def left_after(self, stage: Stage) -> int:
        """Return how many records are left after `stage`."""
        return self.found - sum(count for reason, count in self.skipped.items() if reason.stage <= stage)

    def lost(self, stage: Stage | None = None) -> str:
        """Return which records were left out, at `stage` or at all: "2 in several segments, 1 without samples"."""
        chosen = [reason for reason in Reason if self.skipped[reason] and stage in (None, reason.stage)]
        return ", ".join(f"{self.skipped[reason]:,} {reason.words}" for reason in chosen)

    def steps(self) -> list[AttritionStep]:
        """Return the way from the headers to the recordings, step by step. Counts only."""

        def left_out(stage: Stage) -> str:
            return f"left out: {self.lost(stage) or 'none'}"

        ranges = f"{self.outside:,} values outside of the plausible range of their variable dropped"
        held = f"{self.repeats:,} samples that repeat a held cuff pressure dropped"
        unread = f"; {self.unread:,} pressure signals under names that are not known not read" if self.unread else ""
        readable, groups = self.left_after(Stage.READABLE), len(self.read_groups)
        summary = "samples with any observation" if self.grid == "event" else f"means of each {self.grid}"
        return [
            AttritionStep("records found", "header files (.hea) in the folder and below", None, self.found),
            AttritionStep("numerics", left_out(Stage.NUMERICS), recordings=self.left_after(Stage.NUMERICS)),
            AttritionStep(
                "with a known signal", left_out(Stage.KNOWN_SIGNAL), recordings=self.left_after(Stage.KNOWN_SIGNAL)
            ),
            AttritionStep("readable", left_out(Stage.READABLE) + unread, self.samples, readable, groups),
            AttritionStep("cleaned", f"0 counts as missing; {ranges}; {held}", self.samples, readable, groups),
            AttritionStep(
                "on the grid",
                f"{summary}, empty head and tail trimmed; {left_out(Stage.RESAMPLED)}",
                sum(len(recording.times) for recording in self.recordings),
                len(self.recordings),
                len({recording.group for recording in self.recordings}),
            ),
        ]


def collect(headers: Sequence[Path], grid: str, progress: Progress = no_progress) -> Collected:
    """Read the records behind the header files `headers` in their order; records that cannot be used are counted."""
    collected = Collected(grid, len(headers))
    names: set[str] = set()
    digests: set[str] = set()
    for done, path in enumerate(headers):
        progress("reading waveform records", done, len(headers))
        try:
            header = read_header(path)
            if header.record.name.lower() in names:
                raise SkippedError(Reason.DUPLICATE)
            names.add(header.record.name.lower())
            _add(header, digests, collected)
        except SkippedError as skipped:
            collected.skipped[skipped.reason] += 1
    progress("reading waveform records", len(headers), len(headers))
    return collected


def _add(header: Header, digests: set[str], collected: Collected) -> None:
    """Add the recording of one record to `collected`, and the digests of its signal files to `digests`.

    Raises SkippedError if it cannot be read, too little is left of it, or one of its files was read before: two headers
    on one signal file would be two patients.
    """
    signals, own = read_signals(header, header.checked_samples())
    if own & digests:
        raise SkippedError(Reason.SIGNALS_AGAIN)
    cleaned = clean(signals, [line.name for line in header.known], [line.unit for line in header.known])
    collected.samples += len(signals)
    collected.outside += cleaned.outside
    collected.repeats += cleaned.repeats
    collected.unread += sum(is_unread_pressure(line.name) for line in header.signals)
    collected.read_groups.add(header.group)
    times, values, observed = resample(cleaned.values, header.period, collected.grid)
    if len(times) < 2:
        raise SkippedError(Reason.FEW_ROWS)
    digests |= own
    collected.recordings.append(Recording(values, times, observed, header.group))


def read_signals(header: Header, samples: int) -> tuple[NDArray[np.float64], set[str]]:
    """Return the known signals (samples, S) of a record in physical units, NaN for "no value", and its files' digests.

    Raises SkippedError if a file cannot be read.
    """
    digests: set[str] = set()
    made: dict[Line, NDArray[np.float64]] = {}
    for file in header.files:
        path = header.place(file)
        digests.add(_digest(path))
        numbers = read_numbers(path, file.format, samples, file.signals)
        own = [line for line in header.signals if line.file == file.name]
        for number, line in enumerate(own):
            if line in header.known:
                there = numbers[:, number] != no_value(file.format)
                with np.errstate(all="ignore"):
                    values = (numbers[:, number].astype(np.float64) - line.baseline) / line.gain
                made[line] = np.where(there, values, np.nan)
    return np.stack([made[line] for line in header.known], axis=1), digests


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SkippedError(Reason.BAD_SIGNALS) from error
