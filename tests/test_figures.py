"""Pictures from stored records: lines, bands, bars and legends are what the records hold."""

import math
import statistics
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from figure_records import TIMES, WAVE, example, records, run, scores, write
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from lnncmp.comparison.studies import load_studies
from lnncmp.errors import LnncmpError
from lnncmp.records.schema import HorizonPoint
from lnncmp.report.build.pictures import picture_set
from lnncmp.report.build.waves import wave_fits
from lnncmp.report.figures import fits, free_running, legends, robustness, style, training


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return write(tmp_path_factory.mktemp("figures") / "out", records())


@pytest.fixture
def drawn(out):
    (study,) = load_studies(out)
    return picture_set(study, style.model_looks(sorted(study.runs)))


def waves(drawn, baselines=None):
    return wave_fits(drawn.study, baselines)


def model_rows(comparison):
    return {row.model: row for row in comparison.rows}


class TestFits:
    @pytest.fixture
    def fit(self, drawn):
        return next(fit for fit in waves(drawn) if fit.name == "slow wave")

    @pytest.fixture
    def pairs(self, fit, drawn):
        """The panels of each predictor: prediction, residual. The four of this wave are next to each other."""
        upper, lower = np.array(fits.draw(fit, drawn.caption).axes).reshape(2, 4)
        return list(zip(upper, lower, strict=True))

    def test_there_is_a_pair_of_panels_for_each_model_and_useful_baseline(self, fit, pairs):
        assert [(row.name, row.trained, row.note) for row in fit.rows] == [
            ("ltc", True, "3 seeds, 1 diverged"),
            ("cfc", True, ""),
            ("gru", True, ""),
            ("filter", False, ""),
        ]
        titles = [wave.get_title().split(":")[0] for wave, _ in pairs]
        assert titles == ["ltc", "cfc", "gru", "filter"]
        assert "diverged" in pairs[0][0].get_title()
        assert {residual.get_xlabel() for _, residual in pairs} == {"time (s)"}
        assert (pairs[0][0].get_ylabel(), pairs[0][1].get_ylabel()) == ("height (m)", "residual")

    def test_the_baselines_are_chosen_by_name(self, drawn):
        rows = [row.name for row in waves(drawn, ["persistence"])[0].rows]
        assert rows == ["ltc", "cfc", "gru", "persistence"]

    def test_panels_show_truth_inputs_and_the_median_prediction(self, pairs):
        left = [run("ltc", seed).scores.examples[0].predicted for seed in (0, 2, 3)]
        truth, inputs, predicted = pairs[0][0].lines
        assert truth.get_ydata().tolist() == WAVE[1:] and truth.get_xdata().tolist() == TIMES[1:]
        assert inputs.get_xdata().tolist() == TIMES[:-1] and inputs.get_marker() == "o"
        assert inputs.get_ydata().tolist() == [value + 0.01 for value in WAVE[:-1]]
        assert predicted.get_ydata().tolist() == [statistics.median(v) for v in zip(*left, strict=True)]

    def test_the_band_goes_from_the_least_to_the_largest_seed(self, fit, pairs):
        left = list(zip(*(run("gru", seed).scores.examples[0].predicted for seed in range(4)), strict=True))
        assert list(fit.rows[2].low) == [min(v) for v in left] and list(fit.rows[2].high) == [max(v) for v in left]
        (band,) = pairs[2][0].collections
        corners = {(x, y) for x, y in band.get_paths()[0].vertices.tolist()}
        assert {*zip(TIMES[1:], map(max, left), strict=True), *zip(TIMES[1:], map(min, left), strict=True)} <= corners

    def test_residuals_are_prediction_less_truth_on_one_scale(self, fit, pairs):
        for row, (_, panel) in zip(fit.rows, pairs, strict=True):
            expected = [p - t for p, t in zip(row.median, fit.truth, strict=True)]
            assert panel.lines[-1].get_ydata().tolist() == pytest.approx(expected)
            assert set(panel.lines[0].get_ydata()) == {0}
        assert len({panel.get_ylim() for _, panel in pairs}) == len({panel.get_ylim() for panel, _ in pairs}) == 1
        low, high = pairs[0][1].get_ylim()
        assert low == -high and high > 0.28

    def test_the_error_above_a_panel_is_the_mean_over_targets_and_seeds(self, fit, pairs):
        found = [run("gru", seed).scores.examples[0].predicted for seed in range(4)]
        squares = [(p - t) ** 2 for own in found for p, t in zip(own, WAVE[1:], strict=True)]
        assert fit.rows[2].error == pytest.approx(statistics.fmean(squares))
        assert pairs[2][0].get_title() == f"gru: {statistics.fmean(squares):.2g}"

    def test_long_names_stay_inside_the_picture(self, fit, drawn):
        rows = [replace(row, name=f"{row.name} with a long name") for row in fit.rows]
        with style.fixed_style():
            figure = fits.draw(replace(fit, rows=rows), drawn.caption)
            style.lay_out(figure)
            for dpi in (72, 200):  # of vectors and of pixels
                figure.set_dpi(dpi)
                figure.draw_without_rendering()
                extents = [panel.title.get_window_extent() for panel in figure.axes[:4]]
                assert all(one.x1 < other.x0 for one, other in pairwise(extents))
                assert extents[0].x0 >= 0 and extents[-1].x1 <= dpi * style.WIDTH

    def test_stretches_that_matter_are_shaded(self, pairs):
        for wave, _ in pairs:
            assert [(p.get_x(), p.get_x() + p.get_width()) for p in wave.patches] == [(0.2, 0.7), (0.8, 1.2)]

    def test_a_model_far_off_does_not_squash_the_others(self, fit, drawn):
        far = replace(fit.rows[0], low=[-1e6] * 40, median=[1e6] * 40, high=[1e6] * 40, residual_high=[1e6] * 40)
        figure = fits.draw(replace(fit, rows=[*fit.rows, far]), drawn.caption)
        assert all(abs(end) < 5 for panel in figure.axes for end in panel.get_ylim())

    def test_of_many_waves_the_best_the_median_and_the_worst_are_drawn(self, drawn):
        def seen(model, seed):
            shifts = {"c": 0.3, "a": 0.1, "e": 0.5, "b": 0.2, "d": 0.4}
            return run(model, seed, scores=scores(0.1, examples=[example(v, name=n) for n, v in shifts.items()]))

        runs = {row: [seen(row, one.seeds.root) for one in group] for row, group in drawn.study.runs.items()}
        found = wave_fits(replace(drawn.study, runs=runs), [])
        assert [(fit.name, fit.place.split()[0]) for fit in found] == [
            ("a", "lowest"),
            ("c", "median"),
            ("e", "largest"),
        ]

    def test_records_that_show_different_windows_are_refused(self, drawn):
        changed = run("gru", 3, scores=scores(0.1, examples=[example(0.1, truth=[0.0] * 40)]))
        runs = {**drawn.study.runs, "gru": [*drawn.study.runs["gru"][:3], changed]}
        with pytest.raises(LnncmpError, match="same window 'slow wave', those of gru differ"):
            list(waves(replace(drawn, study=replace(drawn.study, runs=runs))))


class TestRobustness:
    def test_groups_with_two_levels_or_more_have_a_panel(self, drawn):
        figure = robustness.draw(drawn.study.table, drawn.caption, drawn.looks, drawn.thin)
        assert [panel.get_title() for panel in figure.axes] == ["gaussian", "impulsive"]
        assert [panel.get_xlabel() for panel in figure.axes] == ["gaussian sd", "impulsive sd"]

    def test_bars_are_the_intervals_over_seeds(self, drawn):
        figure = robustness.draw(drawn.study.table, drawn.caption, drawn.looks, drawn.thin)
        for panel in figure.axes:
            bars = [c for c in panel.collections if isinstance(c, LineCollection)]
            for row, bar, container in zip(drawn.study.table.rows, bars, panel.containers, strict=True):
                points = [p for p in row.perturbations if p.group == panel.get_title()]
                ends = [(segment[0][1], segment[1][1]) for segment in bar.get_segments()]
                assert np.allclose(ends, [p.error.geometric_ci95 for p in points], rtol=1e-9, atol=0)
                line = container.lines[0]
                assert line.get_ydata().tolist() == [p.error.geometric_mean for p in points]
                assert line.get_xdata() == pytest.approx([p.level for p in points], rel=0.3)

    def test_models_are_next_to_each_other_in_order(self, drawn):
        figure = robustness.draw(drawn.study.table, drawn.caption, drawn.looks, drawn.thin)
        for panel in figure.axes:
            places = np.array([container.lines[0].get_xdata() for container in panel.containers])
            assert (np.diff(places, axis=0) > 0).all()
            assert (places[-1, :-1] < places[0, 1:]).all(), "levels stay apart"

    def test_the_legend_names_models_and_baselines(self, drawn):
        figure = robustness.draw(drawn.study.table, drawn.caption, drawn.looks, drawn.thin)
        (legend,) = figure.legends
        texts = [text.get_text() for text in legend.get_texts()]
        assert texts == ["ltc (1 diverged)", "cfc", "gru", "filter", "persistence"]

    def test_a_wide_range_of_errors_gets_a_logarithmic_axis(self, drawn):
        figure = robustness.draw(drawn.study.table, drawn.caption, drawn.looks, drawn.thin)
        assert {panel.get_yscale() for panel in figure.axes} == {"log"}
        assert not style.needs_log([1, 20]) and style.needs_log([1, 20.1]) and not style.needs_log([0, 50])


class TestFreeRunningAndTraining:
    def test_lines_are_the_curves(self, drawn):
        figure = free_running.draw(drawn.study.table, drawn.caption, drawn.looks, drawn.thin)
        (panel,) = figure.axes
        *baselines, _, cfc, _ = panel.lines
        assert cfc.get_ydata().tolist() == [p.geometric_mean for p in model_rows(drawn.study.table)["cfc"].curve]
        assert cfc.get_xdata().tolist() == list(range(1, 21))
        assert [line.get_ydata().tolist() for line in baselines] == [[k * 0.3**2 for k in range(1, 21)]] * 2
        low, high = model_rows(drawn.study.table)["cfc"].curve[9].geometric_ci95
        assert {(10.0, low), (10.0, high)} <= {tuple(v) for v in panel.collections[1].get_paths()[0].vertices.tolist()}

    def test_a_curve_that_is_not_finite_has_a_gap(self, tmp_path):
        lost = [HorizonPoint(step=k, error=math.inf if k > 5 else 1.0, scaled=1) for k in range(1, 21)]
        runs = [*records()[:3], run("gru", 3, scores=scores(0.1, horizons=lost))]
        (study,) = load_studies(write(tmp_path, runs, ()))
        found = picture_set(study, style.model_looks(sorted(study.runs)))
        (panel,) = free_running.draw(study.table, found.caption, found.looks, found.thin).axes
        assert np.isfinite(panel.lines[0].get_ydata()).tolist() == [True] * 5 + [False] * 15

    def test_each_seed_is_a_line_in_its_models_panel(self, drawn):
        figure = training.draw(drawn.study.table, drawn.study.runs, drawn.caption, drawn.looks)
        assert [panel.get_title() for panel in figure.axes] == ["ltc (1 diverged)", "cfc", "gru"]
        for panel in figure.axes[1:3]:
            lines = [line.get_ydata().tolist() for line in panel.lines if len(line.get_xdata()) > 1]
            assert lines[:4] == [[(1 + seed) / e for e in range(1, 9)] for seed in range(4)]
            assert lines[4:] == [pytest.approx([2.5 / e for e in range(1, 9)])]
            assert panel.get_yscale() == "log"
        crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
        assert [(c.get_xdata()[0], c.get_ydata()[0]) for c in crosses] == [(3, 2 / 3)]


def test_looks_can_be_told_apart_without_color():
    names = [f"m{n}" for n in range(40)]
    looks = style.model_looks(names)
    assert len({(look.marker, look.dash) for look in looks.values()}) == 40
    assert len({look.color for look in list(looks.values())[:6]}) == 6
    baselines = style.baseline_looks(names[:4])
    assert len({look.dash for look in baselines.values()}) == 4
    assert all(look.marker == "" for look in baselines.values())


def test_six_baselines_look_different():
    looks = style.baseline_looks([str(n) for n in range(6)])
    assert len({look.dash for look in looks.values()}) == 6


@pytest.mark.parametrize("count", [4, 60])
def test_a_legend_of_many_models_leaves_the_panels_their_room(drawn, count):
    entries = [Line2D([], [], label=f"model number {n}") for n in range(count)]
    with style.fixed_style():
        figure = style.new_figure(3.2, drawn.caption, "errors", "means")
        panel = figure.subplots()
        legends.put(figure, entries)
        style.lay_out(figure)
        figure.draw_without_rendering()
        inside, below = panel.get_window_extent(), figure.legends[0].get_window_extent()
    assert inside.height > 1.3 * figure.dpi and below.y1 < inside.y0 and below.y0 >= 0
