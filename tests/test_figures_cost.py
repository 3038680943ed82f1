"""Pictures of accuracy against cost and of wirings, and pictures as parts of a page."""

import re
import xml.etree.ElementTree as ET

import pytest
from synthetic_records import baseline, measurement, runs, table

from lnncmp.records.schema import Parameters
from lnncmp.report.figures import pareto, style, wiring
from lnncmp.report.figures.files import content
from lnncmp.report.figures.inline import inline_svg
from lnncmp.report.figures.style import NAMES, SCHEME, scheme_css
from lnncmp.stats.effects import pareto_front

CAPTION = style.Caption("Walker2d", "simulated", "quick", 2, "abcdef01")
SIZES = {"lstm": 1000, "cfc": 4000, "ltc": 500}


def compared(errors, measured=(), baselines=()):
    records = [
        run
        for model, pair in errors.items()
        for run in runs(model, pair, parameters=Parameters(trainable=1, active=SIZES[model], total=1))
    ]
    return table(records, "lstm", [measurement(model) for model in measured], baselines)


def drawn(comparison):
    looks = style.model_looks([row.model for row in comparison.rows])
    return pareto.draw(comparison, CAPTION, looks, style.baseline_looks([row.name for row in comparison.baselines]))


ERRORS = {"lstm": [0.9, 1.1], "cfc": [0.4, 0.6], "ltc": [1.1, 1.3]}


class TestFront:
    def test_nobody_on_it_is_beaten_in_both(self):
        points = {"a": (1.0, 3.0), "b": (2.0, 1.0), "worse": (2.0, 2.0), "dear": (3.0, 1.0), "c": (4.0, 0.5)}
        assert pareto_front(points) == ["a", "b", "c"]

    def test_equals_stay_together(self):
        assert pareto_front({"a": (1.0, 1.0), "b": (1.0, 1.0)}) == ["a", "b"]
        assert pareto_front({}) == []


class TestAccuracyAgainstCost:
    def test_there_is_a_panel_for_each_cost_that_models_have(self):
        assert pareto.costs(compared(ERRORS)) == ["active parameters"]
        assert pareto.costs(compared(ERRORS, ("lstm", "cfc"))) == [
            "active parameters",
            "time per epoch",
            "peak training memory",
        ]
        assert pareto.costs(compared({"lstm": [0.9, 1.1]})) == []

    def test_points_are_cost_and_mean_error_with_its_interval(self):
        figure = drawn(compared(ERRORS))
        panel = figure.axes[0]
        points = {
            (line.get_xdata()[0], round(float(line.get_ydata()[0]), 9))
            for line in panel.lines
            if line.get_marker() in "os^"
        }
        assert points == {(1000.0, 1.0), (4000.0, 0.5), (500.0, 1.2)}
        assert panel.get_xscale() == "log" and panel.get_xlabel() == "active parameters"

    def test_the_front_is_drawn_in_steps(self):
        (step,) = [line for line in drawn(compared(ERRORS)).axes[0].lines if line.get_drawstyle() == "steps-post"]
        assert list(step.get_xdata()) == [500, 1000, 4000]

    def test_models_are_kept_apart_and_baselines_far_off_named(self):
        alike = {"lstm": [0.50, 0.51], "cfc": [0.52, 0.53]}
        figure = drawn(compared(alike, baselines=[baseline("mean", 9.0), baseline("near", 0.55)]))
        low, high = figure.axes[0].get_ylim()
        assert low > 0.3 and 0.55 < high < 1
        assert "beyond the axis: mean" in " ".join(figure.get_suptitle().split("\n"))

    def test_errors_of_several_magnitudes_have_a_logarithmic_axis(self):
        assert drawn(compared({"lstm": [1.0, 1.1], "cfc": [0.001, 0.0011]})).axes[0].get_yscale() == "log"

    def test_words_say_the_numbers_and_the_front(self):
        text = pareto.alt_text(compared(ERRORS), CAPTION)
        assert "Active parameters: lstm 1,000 and error 1, cfc 4,000 and error 0.5, ltc 500 and error 1.2" in text
        assert "no model beats in both: ltc, lstm, cfc." in text


DIAGRAM = wiring.Diagram(
    model="ncp",
    seed=3,
    layers=(("inputs", 1), ("inter", 2), ("command", 2), ("motor", 1)),
    synapses=(
        ((0, 0), (1, 0), 1),
        ((0, 0), (1, 1), -1),
        ((1, 0), (2, 0), 1),
        ((2, 0), (2, 1), -1),
        ((2, 1), (2, 1), 1),
        ((2, 1), (3, 0), 1),
        ((3, 0), (1, 1), -1),
    ),
    several=True,
)


class TestWiring:
    def test_synapses_are_drawn_by_sign(self):
        (panel,) = wiring.draw(DIAGRAM, CAPTION).axes
        positive, negative = panel.patches
        assert (
            positive.get_linestyle() != negative.get_linestyle()
            and positive.get_edgecolor() != negative.get_edgecolor()
        )
        starts = [sum(code == 1 for code in patch.get_path().codes) for patch in (positive, negative)]
        assert starts == [4, 3]

    def test_neurons_stand_in_their_layers(self):
        (panel,) = wiring.draw(DIAGRAM, CAPTION).axes
        assert [(set(line.get_xdata()), len(line.get_ydata())) for line in panel.lines] == [
            ({0.0}, 1),
            ({1.0}, 2),
            ({2.0}, 2),
            ({3.0}, 1),
        ]
        assert [text.get_text() for text in panel.texts] == ["1 input", "2 inter", "2 command", "1 motor"]

    def test_words_count_synapses_between_layers(self):
        text = wiring.alt_text(DIAGRAM, CAPTION)
        assert "Layers: 1 input, 2 inter, 2 command, 1 motor." in text
        assert "command to command 1 excitatory and 1 inhibitory" in text and "seed 3" in text


@pytest.fixture(scope="module")
def made():
    with style.fixed_style():
        figure = wiring.draw(DIAGRAM, CAPTION)
        style.lay_out(figure)
        svg = content(figure, "svg", "title", "words")
        return svg, inline_svg(figure, svg, "p7")


def lines(svg):
    """Return the synapses of a picture: the paths that are half transparent."""
    return re.findall(r'<path d="([^"]*)"[^>]*opacity: ?0\.75', svg)


class TestInline:
    def test_the_title_is_the_pages_own(self, made):
        svg, inline = made
        assert inline.explanation == (
            "preset quick, 2 seeds, comparison abcdef01; of seed 3; every seed draws its own; signs as before training"
        )
        _, top, _, height = (float(part) for part in inline.view_box.split())
        whole = float(re.search(rb'viewBox="0 0 [\d.]+ ([\d.]+)"', svg)[1])
        assert 20 < top < 60 and whole - 20 < top + height < whole, "its legend is text of the page"
        assert [entry.label for entry in inline.legend][-1] == "3 inhibitory synapses"
        assert "<title" not in inline.body and "<desc" not in inline.body and "metadata" not in inline.body

    def test_a_broken_heading_is_no_part_of_the_explanation(self):
        with style.fixed_style():
            figure = style.new_figure(
                1.0, CAPTION, "a subject that is far too long for one line", "how to read", width=2
            )
            found = inline_svg(figure, content(figure, "svg", "title", "words"), "p")
        assert found.explanation == "preset quick, 2 seeds, comparison abcdef01; how to read"

    def test_names_are_the_pictures_own_and_letters_are_there(self, made):
        root = ET.fromstring(f"<svg>{made[1].body}</svg>")
        names = {element.get("id") for element in root.iter() if element.get("id")}
        wanted = {element.get("href")[1:] for element in root.iter() if element.get("href")}
        assert wanted <= names and all(name.startswith("p7-") for name in names)

    def test_it_is_drawn_as_before_in_fewer_bytes(self, made):
        svg, inline = made
        assert len(inline.body) < 0.7 * len(svg)
        before, after = (
            [float(number) for path in paths for number in re.findall(r"-?\d+(?:\.\d+)?", path)]
            for paths in (lines(svg.decode()), lines(inline.body))
        )
        assert len(before) == len(after) > 20 and after == pytest.approx(before, abs=0.0051)

    def test_colors_are_variables_of_the_page(self, made):
        used = set(re.findall(r"var\((--f\d+)\)", made[1].body))
        assert used and used <= set(NAMES.values()) and not re.search(r"#[0-9a-f]{6}", made[1].body)
        for dark in (False, True):
            assert all(f"{name}:" in scheme_css(dark) for name in used)
        assert len(set(SCHEME)) == len(NAMES) == len(set(NAMES.values()))
