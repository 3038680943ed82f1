"""Specification curves of a multiverse in files: OUT/multiverse/CASE/figures/CLAIM.png, .svg, .pdf."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from lnncmp.cases.base import load_case
from lnncmp.claims.readings import FOLDER, Multiverse
from lnncmp.comparison.studies import slug
from lnncmp.report.build.figures import FORMATS, Written, write_picture
from lnncmp.report.build.pictures import Picture
from lnncmp.report.figures import specification, style


def curves(found: Multiverse) -> Iterator[tuple[style.Caption, Picture]]:
    """Yield the curve of each claim that has one, with what its title says."""
    caption = specification.caption_of(found, load_case(found.case).title)
    for claim in found.claims:
        if specification.drawable(claim):
            alt = specification.alt_text(found, claim, caption)
            draw = partial(specification.draw, found, claim, caption)
            yield caption, Picture("curve", slug(claim.id), specification.subject(claim), alt, draw)


def draw_curves(found: Multiverse, out: Path, formats: Sequence[str] = FORMATS) -> list[Written]:
    """Draw all curves into the folder of the multiverse and return what was written. Raises DataError."""
    folder = out / FOLDER / found.case / "figures"
    return [write_picture(picture, caption, folder, formats) for caption, picture in curves(found)]
