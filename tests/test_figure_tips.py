"""The texts of the points of pictures: at their markers, in words, on a page alone."""

import math
import xml.etree.ElementTree as ET

import pytest
from figure_records import records, run, scores, write
from matplotlib.figure import Figure
from synthetic_records import measurement

from lnncmp.comparison.studies import load_studies
from lnncmp.records.store import Store
from lnncmp.report.build import pictures as build
from lnncmp.report.figures import style, tips
from lnncmp.report.figures.files import content
from lnncmp.report.figures.inline import inline_svg

HARMFUL = 'a"><b> & c'


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Of each kind of picture the texts at (x, y) of the page's picture, and the file."""
    out = tmp_path_factory.mktemp("tips")
    write(out, records())
    for size, model in enumerate(("ltc", "cfc", "gru"), 1):
        Store(out).write_measurement(measurement(model, peak_memory_bytes=10**6 * size))
    (study,) = load_studies(out)
    found = {}
    for picture in build.pictures(build.picture_set(study, style.model_looks(list(study.runs)))):
        if picture.kind != "fit":
            found[picture.name] = in_page(picture.draw)
    return found


def in_page(draw):
    with style.fixed_style():
        figure = draw()
        style.lay_out(figure)
        file = content(figure, "svg", "title", "words")
        body = inline_svg(figure, file, "p0").body
    circles = [e.attrib for e in ET.fromstring(f"<svg>{body}</svg>").iter("circle")]
    return [(float(c["cx"]), float(c["cy"]), c["data-tip"]) for c in circles], file


def markers(file):
    """Return where the file has markers."""
    uses = [e for e in ET.fromstring(file).iter() if e.tag.endswith("}use") and "x" in e.attrib]
    return [(float(e.get("x")), float(e.get("y"))) for e in uses]


NAMES = ["ranked", "free_running", "robustness", "accuracy_cost", "training", "budget"]


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_at_a_marker(drawn, name):
    points, file = drawn[name]
    there = markers(file)
    assert points
    for x, y, text in points:
        if "untrained" not in text:  # a line has its text at its name
            assert min(abs(x - a) + abs(y - b) for a, b in there) < 0.2, text


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("ranked", 5, "gru: 0.0005240 [0.0003658, 0.0007506], geometric mean of 4 seeds"),
        ("free_running", 3 * 10, "cfc, step 3: 0.003"),
        ("robustness", 3 * 6, "ltc, gaussian 0.1 sd: 0.004"),
        ("accuracy_cost", 3 * 3, "gru: 3.00 MB (peak training memory), error: 0.0005240 ["),
        ("training", 12, "ltc, seed 1, diverged in epoch 3: 0.6667"),
        ("budget", 3 * 2, "gru: 0.3125 [0.1250, 0.5000], 8 epochs, 8.00 s"),
    ],
)
def test_texts_say_model_value_and_interval(drawn, name, count, words):
    texts = [text for _, _, text in drawn[name][0]]
    assert any(text.startswith(words) for text in texts), texts
    assert len(texts) == count


def test_files_hold_no_texts(drawn):
    assert all(b"data-tip" not in file and b"tips" not in file for _, file in drawn.values())


def test_names_of_records_are_text(tmp_path):
    runs = [run("gru", 0, scores=scores(0.1)).model_copy(update={"model": HARMFUL})]
    (study,) = load_studies(write(tmp_path, runs, ()))
    drawn = build.picture_set(study, style.model_looks(list(study.runs)))
    points, _ = in_page(next(build.pictures(drawn)).draw)
    assert len(points) == 1 and points[0][2].startswith(f"{HARMFUL}: 0.01000, 1 seed")


def test_points_beyond_their_panel_and_unknown_ones_have_none():
    figure = Figure()
    panel = figure.subplots()
    panel.set(xlim=(0, 1), ylim=(0, 1))
    for x, y in ((0.5, 0.5), (2.0, 0.5), (0.5, float("nan")), (float("inf"), 0.5)):
        tips.put(panel, x, y, HARMFUL)
    (circle,) = ET.fromstring(tips.markup(figure)).iter("circle")
    assert circle.get("data-tip") == HARMFUL
    assert float(circle.get("cx")) == pytest.approx(72 * figure.get_figwidth() * 0.5125, abs=0.1)
    assert tips.markup(Figure()) == ""


def test_an_interval_without_width_is_left_out():
    assert tips.value("ltc", 0.5, (0.5, 0.5), "1 seed", "") == "ltc: 0.5000, 1 seed"


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_what_is_not_finite_has_words(lost):
    assert tips.value("ltc", lost, (lost, lost)) == "ltc: not finite"
    assert tips.value("ltc", 0.5, (0.1, lost)) == "ltc: 0.5000"
