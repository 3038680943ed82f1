"""The effect behind each claim in files: OUT/figures/claims/ID.png, .svg, .pdf; of a report as SVG next to its page."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from lnncmp.cases.base import load_case
from lnncmp.claims.schema import ClaimsTable, Verdict
from lnncmp.comparison.run_metrics import MEASURED
from lnncmp.errors import DataError
from lnncmp.report.build.figures import FORMATS, Written, write_picture
from lnncmp.report.build.pictures import Picture
from lnncmp.report.figures import effects, style
from lnncmp.report.figures.files import content
from lnncmp.report.page.effects import effect_plot

FOLDER = "claims"


def effect_pictures(table: ClaimsTable) -> Iterator[tuple[style.Caption, Picture]]:
    """Yield the effect behind each claim that has one, with what its title says."""
    for row in table.rows:
        plot = effect_plot(row)
        if plot is not None:
            caption = _caption(row)
            alt = effects.alt_text(plot, caption, row.id)
            yield caption, Picture("claim", row.id, row.id, alt, partial(effects.draw, plot, caption, row.id))


def draw_effects(table: ClaimsTable, out: Path, formats: Sequence[str] = FORMATS) -> list[Written]:
    """Draw the effect behind each claim and return what was written. Raises DataError, also if no claim has one."""
    folder = out / "figures" / FOLDER
    written = [write_picture(picture, caption, folder, formats) for caption, picture in effect_pictures(table)]
    if not written:
        raise DataError(
            f"the records in {out} have no effect to draw: no claim could be judged on them",
            f"See why with: lnncmp claims --out {out}",
        )
    return written


def effect_files(table: ClaimsTable, beside: str, files: dict[str, bytes]) -> list[str]:
    """Put the effect behind each claim that has one into `files` as SVG, and return their names.

    beside: what the names of files begin with.
    """
    names = []
    with style.fixed_style():
        for caption, picture in effect_pictures(table):
            figure = picture.draw()
            style.lay_out(figure)
            names.append(f"{beside}figures/{FOLDER}/{picture.name}.svg")
            files[names[-1]] = content(figure, "svg", caption.heading(picture.subject), picture.alt)
    return names


def _caption(row: Verdict) -> style.Caption:
    models = " against ".join(row.models)
    unit = "repeat" if row.measure in MEASURED else "seed"
    return style.Caption(load_case(row.case).title, row.data, row.preset or "-", row.n_seeds, models, counted=unit)
