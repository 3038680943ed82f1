"""The effect behind a verdict as a picture: what is on it, in files and as part of a page."""

import math
import xml.etree.ElementTree as ET

import pytest
from claims_tables import verdict
from figure_records import records, write
from typer.testing import CliRunner

from lnncmp.claims.schema import ClaimsTable
from lnncmp.cli import claims as claims_command
from lnncmp.errors import DataError, UsageError
from lnncmp.report.build.claims import draw_effects, effect_files, effect_pictures
from lnncmp.report.figures import effects
from lnncmp.report.figures.style import NAMES, Caption
from lnncmp.report.page.effects import WIDTH, effect_plot, effect_svg

MARGIN = math.log(1.1)
CAPTION = Caption("Walker2d", "simulated", "quick", 6, "ltc against lstm")


def judged(**changes):
    fields = {"effect": 0.05, "ci95": (0.02, 0.08), "smallest_difference": MARGIN, "found": "supported"}
    return verdict(**{**fields, **changes})


def turned(**changes):
    """A claim that depends on the budget."""
    other = judged(
        verdict="opposite",
        found="opposite",
        effect=-0.04,
        ci95=(-0.06, -0.02),
        budget="quick, 8 epochs",
        differs_in=["budget"],
    )
    same = judged(budget="paper")
    return judged(verdict="depends", depends_on=["budget"], also=[other, same], **changes)


class TestPlot:
    def test_has_a_row_for_each_setting_that_gave_another_verdict(self):
        rows = effect_plot(turned()).rows
        assert [(row.judgement, row.settings, row.effect) for row in rows] == [
            ("supported", "", 0.05),
            ("opposite", "budget quick, 8 epochs", -0.04),
        ]
        assert rows[0].numbers == "x 1.05 [1.02, 1.08]"

    @pytest.mark.parametrize(
        ("changes", "thresholds", "right"),
        [
            ({}, (MARGIN,), "the claim's way"),
            ({"direction": "higher"}, (MARGIN,), "the claim's way"),
            ({"named_effect": math.log(3)}, (math.log(3),), "the claim's way"),
            ({"direction": "comparable"}, (-MARGIN, MARGIN), "ltc lower"),
            ({"direction": "not higher"}, (-MARGIN,), "the claim's way"),
        ],
    )
    def test_says_what_the_claim_needs_and_what_right_means(self, changes, thresholds, right):
        plot = effect_plot(judged(**changes))
        assert (tuple(plot.thresholds), plot.right, plot.margin) == (thresholds, right, MARGIN)
        low, high = plot.ends
        assert all(low < place < high for place in (0, MARGIN, -MARGIN, *thresholds, 0.08))

    @pytest.mark.parametrize(
        "changes", [{"effect": None, "ci95": None}, {"effect": math.inf}, {"smallest_difference": None}]
    )
    def test_is_none_without_an_effect(self, changes):
        assert effect_plot(judged(**changes)) is None and effect_svg(judged(**changes)) == ""

    @pytest.mark.parametrize("effect", [0.001, 0.05, 0.7, -3.0, 12.0])
    @pytest.mark.parametrize("kind", ["log ratio", "difference"])
    def test_ticks_are_round_rising_and_hold_no_effect(self, effect, kind):
        plot = effect_plot(judged(effect=effect, ci95=None, effect_kind=kind))
        places, words = zip(*plot.ticks(5), strict=True)
        assert list(places) == sorted(places) and 2 <= len(places) <= 7 and 0 in places
        assert ("x 1" if kind == "log ratio" else "0") in words and len(set(words)) == len(words)
        assert all(len(word.removeprefix("x ").strip("-0.")) <= 5 for word in words)

    def test_a_picture_draws_interval_band_and_thresholds(self):
        figure = effects.draw(effect_plot(turned()), CAPTION, "some-claim")
        (axes,) = figure.axes
        band = axes.patches[0]
        assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((-MARGIN, MARGIN))
        zero, threshold, low, high, point, *_ = axes.lines
        assert set(zero.get_xdata()) == {0} and set(threshold.get_xdata()) == {MARGIN}
        assert (low.get_xdata()[1], high.get_xdata()[1], point.get_xdata()[0]) == (0.02, 0.08, 0.05)
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["supported", "opposite\nbudget quick, 8 epochs"]
        assert "right: the claim's way" in axes.get_xlabel() and axes.yaxis_inverted()

    def test_an_interval_beyond_the_axis_ends_in_an_arrow(self):
        figure = effects.draw(effect_plot(judged(ci95=(-50.0, 0.08))), CAPTION, "some-claim")
        arrows = [line for line in figure.axes[0].lines if line.get_marker() == "<"]
        assert [line.get_xdata()[0] for line in arrows] == [figure.axes[0].get_xlim()[0]]
        assert figure.axes[0].get_xlim()[0] > -1


class TestInline:
    def parsed(self, row):
        return ET.fromstring(str(effect_svg(row)))

    def test_is_a_small_image_with_words(self):
        image = self.parsed(turned())
        _, _, width, height = map(float, image.get("viewBox").split())
        assert width == WIDTH == 320 and 50 <= height <= 80 and image.get("role") == "img"
        assert image.get("aria-label").startswith("supported: effect x 1.05 [1.02, 1.08]; opposite (budget quick")
        texts = [text.text for text in image.iter("text")]
        assert "the claim's way \N{RIGHTWARDS ARROW}" in texts and "x 1" in texts and "budget quick, 8 epochs" in texts

    def test_everything_is_in_its_place(self):
        row = judged(effect=MARGIN, ci95=(0.0, 2 * MARGIN))
        band, zero, threshold, group, *_ = self.parsed(row)
        interval = group[1].get("d")
        left, right = float(band.get("x")), float(band.get("x")) + float(band.get("width"))
        middle = float(zero.get("d")[1:].split()[0])
        assert middle == pytest.approx((left + right) / 2, abs=0.2)
        assert float(threshold.get("d")[1:].split()[0]) == pytest.approx(right, abs=0.2)
        start, end = (float(part.split()[0]) for part in interval[1:].split("L"))
        assert start == middle and end - middle == pytest.approx(2 * (right - middle), abs=0.3)
        assert 0 <= left < end <= WIDTH

    @pytest.mark.parametrize("ci95", [(-50.0, 50.0), (0.05, 0.05), None])
    def test_stays_inside(self, ci95):
        for path in self.parsed(judged(ci95=ci95)).iter("path"):
            assert 0 <= float(path.get("d")[1:].split()[0]) <= WIDTH

    def test_its_colors_follow_the_page(self):
        styles = [part.get("style") for part in self.parsed(turned()).iter() if part.get("style")]
        colors = {
            one.partition("(")[2].partition(")")[0] for style in styles for one in style.split(";") if "var" in one
        }
        assert colors <= set(NAMES.values()) and not any("#" in style for style in styles)

    def test_names_are_text(self):
        evil = '"><script>alert(1)</script>'
        other = judged(verdict="opposite", found="opposite", budget=evil)
        row = judged(models=[evil, evil], direction="comparable", also=[other])
        assert "<script" not in effect_svg(row) and self.parsed(row).find(".//script") is None


class TestFiles:
    def test_are_named_after_the_claims_that_have_an_effect(self, tmp_path):
        rows = [judged(id="one"), judged(id="two", effect=None), turned(id="three")]
        (first, second) = draw_effects(ClaimsTable(rows=rows), tmp_path, ["svg"])
        assert [path for one in (first, second) for path in one.paths] == [
            tmp_path / "figures" / "claims" / f"{name}.svg" for name in ("one", "three")
        ]
        assert "supported: effect x 1.05 [1.02, 1.08]; opposite (budget" in second.alt
        assert b"<desc>" in second.paths[0].read_bytes()
        files = {}
        assert effect_files(ClaimsTable(rows=rows), "report-", files) == list(files)
        assert list(files) == ["report-figures/claims/one.svg", "report-figures/claims/three.svg"]
        assert files["report-figures/claims/one.svg"] == first.paths[0].read_bytes()

    def test_of_measurements_count_repeats(self):
        row = judged(measure="epoch_seconds", n_seeds=3)
        ((caption, picture),) = effect_pictures(ClaimsTable(rows=[row]))
        assert "3 repeats" in caption.details("") and "over repeats" in " ".join(picture.draw().get_suptitle().split())

    def test_say_when_nothing_could_be_judged(self, tmp_path):
        with pytest.raises(DataError, match="no effect to draw"):
            draw_effects(ClaimsTable(rows=[judged(effect=None)]), tmp_path)
        assert not list(tmp_path.iterdir())


class TestCommand:
    def test_draws_the_claims_asked_for(self, tmp_path):
        out = write(tmp_path / "out", [one.model_copy(update={"conditions": ""}) for one in records()])
        done = CliRunner().invoke(
            claims_command.app, ["draw", "walker2d-ltc-on-par-with-gru", "--out", str(out), "--format", "svg"]
        )
        path = out / "figures" / "claims" / "walker2d-ltc-on-par-with-gru.svg"
        assert (done.exit_code, done.stdout) == (0, f"{path}\n") and path.is_file()

    def test_refuses_unknown_names(self, tmp_path):
        for args in (["draw", "nosuch"], ["draw", "--format", "jpg"]):
            done = CliRunner().invoke(claims_command.app, [*args, "--out", str(tmp_path)])
            assert isinstance(done.exception, UsageError) and not list(tmp_path.iterdir())
