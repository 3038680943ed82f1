"""The README's picture is what the tool draws from the study that is stored in docs/."""

import re
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import pytest

from lnncmp.comparison.studies import load_studies
from lnncmp.report.build.pictures import picture_set, pictures
from lnncmp.report.figures import style
from lnncmp.report.figures.files import content

ROOT = Path(__file__).resolve().parent.parent
STUDY, PICTURE = ROOT / "docs" / "readme-study", ROOT / "docs" / "walker2d-accuracy-cost.svg"
AGAIN = "make readme-picture draws it again"
_NAME = re.compile(r"\b[a-z][0-9a-f]{10}\b")
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


@pytest.fixture(scope="module")
def drawn():
    """The picture of the stored study: its description, and its SVG."""
    (study,) = load_studies(STUDY)
    found = picture_set(study, style.model_looks(sorted(study.runs)))
    picture = next(picture for picture in pictures(found) if picture.name == "accuracy_cost")
    with style.fixed_style():
        figure = picture.draw()
        style.lay_out(figure)
        return picture.alt, content(figure, "svg", found.caption.heading(picture.subject), picture.alt).decode()


def test_it_shows_the_numbers_of_the_stored_study(drawn):
    image = ET.parse(PICTURE).getroot()
    assert image.findtext("{http://www.w3.org/2000/svg}desc") == drawn[0], AGAIN


def test_it_looks_as_the_tool_draws_it(drawn):
    pinned = re.search(r"^matplotlib==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    if version("matplotlib") != pinned:
        pytest.skip(f"letters and ticks are those of matplotlib {pinned}")
    # Names of shapes are hashes of coordinates, whose last digits depend on the processor.
    stored, now = (_NAME.sub("name", svg) for svg in (PICTURE.read_text(encoding="utf-8"), drawn[1]))
    assert _NUMBER.split(stored) == _NUMBER.split(now), AGAIN
    pairs = zip(_NUMBER.findall(stored), _NUMBER.findall(now), strict=True)
    assert all(abs(float(one) - float(other)) < 0.01 for one, other in pairs), AGAIN  # of a point


def test_the_readme_shows_it_and_the_study_is_small():
    assert f"](docs/{PICTURE.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in STUDY.rglob("*.json")) < 300_000
    assert {path.suffix for path in STUDY.rglob("*") if path.is_file()} == {".json"}
