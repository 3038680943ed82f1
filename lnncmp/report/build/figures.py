"""From the records of cases to pictures in files: their comparisons, and what can be drawn of each. No torch.

The pictures of one comparison are in OUT/figures/<case>-<preset>[-<conditions>]-<first 8 of its id>/. Importing this
module imports matplotlib.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lnncmp.cases.base import load_case
from lnncmp.common.files import write_bytes
from lnncmp.comparison.studies import comparable, studies_of
from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.records.read import Records, read_records
from lnncmp.records.store import Store
from lnncmp.report.build.pictures import Picture, picture_set, pictures
from lnncmp.report.figures import style
from lnncmp.report.figures.files import FORMATS, content

__all__ = ["FORMATS", "Written", "draw_figures"]


@dataclass(frozen=True)
class Written:
    """One picture: its name, title and description in words, and the files that hold it."""

    name: str
    title: str
    alt: str
    paths: tuple[Path, ...]


def draw_figures(
    cases: Sequence[str],
    out: Path,
    models: Sequence[str] | None = None,
    formats: Sequence[str] = FORMATS,
    warn: Callable[[str], None] = lambda message: None,
    baselines: Sequence[str] | None = None,
) -> list[Written]:
    """Draw every comparison of `cases` that has records in the folder `out`, and return what was written.

    cases: all that have records if empty. models: only these, all if None. formats: of `FORMATS`. warn: is told of
    records that cannot be used. baselines: which are in the pictures of waves; None is all but `waves.NOT_IN_FITS`.
    Raises UsageError for an unknown case, model or format, DataError if there is no record or `out` cannot be written.
    """
    for case in cases:
        load_case(case)
    check_formats(formats)
    if models is not None and not models:
        raise UsageError("--models needs the name of a model, got none")
    Store(out, read_only=True).check()  # the pictures go into a folder of it
    records = comparable(read_records(out))
    for note in records.notes:
        warn(note)
    everything = studies_of(records, cases)
    known = {run.recipe.model.label for study in everything for run in study.group.runs}
    for model in models or ():
        if model not in known:
            raise unknown_name("model of these records", model, known)
    looks = style.model_looks(sorted({row for study in everything for row in study.runs}))
    written = []
    for study in everything if models is None else studies_of(_only(records, models), cases):
        drawn = picture_set(study, looks)
        folder = out / "figures" / study.folder
        written += [write_picture(picture, drawn.caption, folder, formats) for picture in pictures(drawn, baselines)]
    if not written:
        there = list(dict.fromkeys(study.table.case for study in everything))
        raise DataError(
            f"the records of {' and '.join(there)} in {out} hold nothing to draw: no run came as far as one epoch",
            f"See why with: lnncmp {there[0]} --out {out}",
        )
    return written


def check_formats(formats: Sequence[str]) -> None:
    """Raise UsageError unless these are some of `FORMATS`."""
    for format in formats:
        if format not in FORMATS:
            raise unknown_name("format", format, FORMATS)
    if not formats:
        raise UsageError(f"--format needs one of {', '.join(FORMATS)}, got none")


def write_picture(picture: Picture, caption: style.Caption, folder: Path, formats: Sequence[str]) -> Written:
    """Draw a picture into `folder` in all formats and return what was written."""
    title = caption.heading(picture.subject)
    paths = tuple(folder / f"{picture.name}.{format}" for format in formats)
    with style.fixed_style():
        figure = picture.draw()
        style.lay_out(figure)
        for path, format in zip(paths, formats, strict=True):
            write_bytes(path, content(figure, format, title, picture.alt))
    return Written(picture.name, title, picture.alt, paths)


def _only(records: Records, models: Sequence[str]) -> Records:
    return replace(records, runs=[run for run in records.runs if run.model in models])
