"""From the records of a case to pictures in files: which comparisons there are, what can be drawn of each. No torch.

The pictures of one comparison lie in OUT/figures/<case>-<preset>[-<conditions>]-<first 8 of its id>/. Importing this
module imports matplotlib.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lnncmp.common.files import write_bytes
from lnncmp.cases.base import load_case
from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.report.figures import style
from lnncmp.report.figures.files import FORMATS, content
from lnncmp.report.build.pictures import Picture, PictureSet, picture_set, pictures
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.comparison.costs import costs_of
from lnncmp.comparison.studies import folder_name, grouped, stored_baselines, stored_measurements

__all__ = ["FORMATS", "Written", "draw_figures"]


@dataclass(frozen=True)
class Written:
    """One picture: its name, title and description in words, and the files that hold it."""

    name: str
    title: str
    alt: str
    paths: tuple[Path, ...]


def draw_figures(
    case: str,
    out: Path,
    models: Sequence[str] | None = None,
    formats: Sequence[str] = FORMATS,
    warn: Callable[[str], None] = lambda message: None,
    baselines: Sequence[str] | None = None,
) -> list[Written]:
    """Draw every comparison of `case` that has records in the folder `out`, and return what was written.

    models: only these, all if None. formats: of `FORMATS`. warn: hears of records that cannot be used.
    baselines: which stand in the pictures of waves; None is all but those whose prediction is no news.
    Raises UsageError for an unknown case, model or format, DataError if there is no record or `out` cannot be written.
    """
    title = load_case(case).title
    for format in formats:
        if format not in FORMATS:
            raise unknown_name("format", format, FORMATS)
    if not formats or (models is not None and not models):
        what = "--models needs the name of a model" if formats else "--format needs one of " + ", ".join(FORMATS)
        raise UsageError(f"{what}, got none")
    store = Store(out, warn, read_only=True)
    store.check()
    recorded = [run for run in store.runs() if run.case == case]
    if not recorded:
        raise DataError(f"no records of {case} in {out}", f"Make them with: lnncmp {case} --out {out}")
    known = sorted({run.model for run in recorded})
    for model in models or ():
        if model not in known:
            raise unknown_name("model of these records", model, known)
    written = []
    for drawn in _sets(title, recorded, store, models):
        folder = out / "figures" / folder_name(drawn.comparison, drawn.caption.comparison)
        written += [_write(picture, drawn.caption, folder, formats) for picture in pictures(drawn, baselines)]
    if not written:
        raise DataError(
            f"the records of {case} in {out} hold nothing to draw: no run came as far as one epoch",
            f"See why with: lnncmp {case} --out {out}",
        )
    return written


def _write(picture: Picture, caption: style.Caption, folder: Path, formats: Sequence[str]) -> Written:
    title = caption.heading(picture.subject)
    paths = tuple(folder / f"{picture.name}.{format}" for format in formats)
    with style.fixed_style():
        figure = picture.draw()
        style.lay_out(figure)
        for path, format in zip(paths, formats, strict=True):
            write_bytes(path, content(figure, format, title, picture.alt))
    return Written(picture.name, title, picture.alt, paths)


def _sets(
    title: str, recorded: Sequence[RunRecord], store: Store, models: Sequence[str] | None
) -> Iterator[PictureSet]:
    """Yield what to draw, one comparison after the other. A model looks the same in all of them."""
    shown = grouped([run for run in recorded if models is None or run.model in models])
    everything = [run for runs in grouped(recorded).values() for run in runs]
    looks = style.model_looks(sorted({run.model for run in everything}))
    baselines, measurements = stored_baselines(store), stored_measurements(store)
    for _, runs in sorted(shown.items(), key=lambda item: _order(item[1])):
        data = [record for record in baselines if record.data_hash == runs[0].data_hash]
        by_model: dict[str, list[RunRecord]] = {}
        for run in runs:
            by_model.setdefault(run.model, []).append(run)
        yield picture_set(title, by_model, costs_of(by_model, measurements), data, looks)


def _order(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    return runs[0].source, runs[0].conditions, runs[0].preset, runs[0].comparison
