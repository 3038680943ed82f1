"""The contract of a source of recordings.

A source is a file or folder `lnncmp/sources/<name>` that defines `SOURCE = Source(...)`. It imports heavy
libraries (MuJoCo, requests) inside its functions only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lnncmp.data.recording import AttritionStep, Recording

Progress = Callable[[str, int, int], None]
"""Called as progress(description, done, total); total 0 means unknown."""


def no_progress(description: str, done: int, total: int) -> None:
    """Swallow a progress message."""


@dataclass(frozen=True)
class SourceContext:
    """What a source may use: where to look, where to keep things, callbacks for progress and warnings.

    data_dir: the user's own copy of the data (`--data`), None to use the cache, the network or a simulator.
    files: the user's own files, for a source that reads files of any name.
    cache: root of the user's cache folder.
    offline: never touch the network.
    jobs: processes that may work at once.
    options: what a case asks of the source in addition, by name; a source ignores what it does not know.
    progress, warn: called with progress and with one-sentence warnings for the user.
    """

    cache: Path
    data_dir: Path | None = None
    files: tuple[Path, ...] = ()
    offline: bool = False
    jobs: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = no_progress
    warn: Callable[[str], None] = lambda message: None


@dataclass(frozen=True)
class Variant:
    """An out-of-distribution variant of a source: its name, the kind of shift, and what was changed."""

    name: str
    kind: str
    description: str


@dataclass(frozen=True)
class Source:
    """Where recordings come from.

    summary: one sentence for `lnncmp data list`.
    card: folder of its data card under `datasets/`.
    version: raised whenever the recordings delivered change; part of the data hash.
    load: context -> all recordings in a fixed order. Raises DataError.
    variants: out-of-distribution variants by name, if the source can make any.
    load_variant: (variant name, frames wanted, context) -> recordings with at least that many frames in all,
        drawn from streams that `load` never uses. Raises DataError.
    attrition: context -> what was lost on the way to the recordings that `load` returns; None if nothing can be lost.
    outcomes: context -> outcome of each group of recordings, by the group's name, as the number of its class; None if
        none is known. Raises DataError.
    resolve: context -> the name of the case's source to use in place of this one, with a warning where that matters;
        None for a source that delivers data itself.
    invented: the recordings are made up by a program, so that of a case about patients a single one may be shown.
    bench: (rows, folder for temporary files, packed, format "table" or "json", progress) -> what reading made-up tables
        of the real shape takes on this machine, as text; None without such a benchmark.
    fetch: context -> folder with the complete, verified data; makes or downloads what is missing. None if the data
        are made in memory whenever they are needed.
    """

    name: str
    summary: str
    card: str
    version: int
    load: Callable[[SourceContext], list[Recording]]
    fetch: Callable[[SourceContext], Path] | None
    variants: Mapping[str, Variant] = field(default_factory=dict)
    load_variant: Callable[[str, int, SourceContext], list[Recording]] | None = None
    attrition: Callable[[SourceContext], Sequence[AttritionStep]] | None = None
    outcomes: Callable[[SourceContext], Mapping[str, int]] | None = None
    resolve: Callable[[SourceContext], str] | None = None
    invented: bool = False
    bench: Callable[[int, Path, bool, str, Progress], str] | None = None
