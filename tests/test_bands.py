"""Bands of predictions: quantiles over the samples of a model, kept in records, drawn with a legend that names them."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from figure_records import TIMES, WAVE, example, run, scores, write
from model_variants import build, real_steps, sample
from test_forecasts import STANDING, pictures_of, walk
from toy_study import CPU

from lnncmp.baselines import Persistence
from lnncmp.cases.base import load_case
from lnncmp.comparison.studies import load_studies
from lnncmp.evaluation import evaluate
from lnncmp.evaluation.bands import band_of
from lnncmp.models.base import load_model
from lnncmp.records.band import Band
from lnncmp.records.drawn import Example
from lnncmp.records.schema import Scores
from lnncmp.report.build import pictures as build_pictures
from lnncmp.report.build.bands import shown_band
from lnncmp.report.build.waves import wave_fits
from lnncmp.report.figures import fits, style
from lnncmp.training.build import TimeAsInput
from lnncmp.training.predict import NetworkPredictor

PASSES = 5


def unsure(place="output", inputs=3, outputs=2):
    spec = load_model("ua_lnn")
    chosen = spec.arguments(base="cfc", hidden=8, place=place, dropout=0.4, passes=PASSES)
    torch.manual_seed(0)
    return spec.build(chosen, inputs, outputs, 0).eval()


class TestSamples:
    @pytest.mark.parametrize("place", ["output", "input"])
    def test_are_the_models_whose_mean_the_model_is(self, place):
        model, (x, dt), valid = unsure(place), sample(), real_steps()
        each = torch.stack([one(x, dt, valid) for one in model.samples()])
        assert len(each) == PASSES and each.std(0).max() > 0.01
        torch.testing.assert_close(each.mean(0), model(x, dt, valid))

    def test_carry_a_state_of_one_pass(self):
        one, (x, dt) = unsure("input").samples()[2], sample()
        whole, _ = one.sequence(x, dt, None, None)
        first, state = one.sequence(x[:, :3], dt[:, :3], None, None)
        rest, _ = one.sequence(x[:, 3:], dt[:, 3:], None, state)
        torch.testing.assert_close(torch.cat([first, rest], 1), whole)

    def test_are_none_of_a_model_with_one_answer(self):
        assert not build("gru", {}).samples() and not build("ua_lnn", {"dropout": 0.0}).samples()
        assert not TimeAsInput(build("gru", {})).samples()

    def test_of_a_wrapped_model_see_the_elapsed_time(self):
        wrapped, (x, dt) = TimeAsInput(unsure()).eval(), sample()
        x = x[..., :-1]
        each = torch.stack([one(x, dt) for one in wrapped.samples()])
        torch.testing.assert_close(each.mean(0), wrapped(x, dt))


class Known:
    """A predictor whose samples are chosen numbers."""

    def __init__(self, *values):
        self.values = values

    def samples(self):
        return self.values


class TestBand:
    def test_holds_the_central_nine_tenths(self):
        found = band_of(Known(*range(101)), lambda value: np.array([[value, 10.0 * value]]))
        assert (found.level, found.samples) == (0.9, 101) and found.words == "90% of 101 samples"
        assert found.lower[0] == pytest.approx([5, 50]) and found.upper[0] == pytest.approx([95, 950])

    def test_has_a_gap_where_a_sample_is_not_finite(self):
        found = band_of(Known(1.0, math.inf), lambda value: np.array([[value], [2.0]]))
        assert math.isnan(found.lower[0][0]) and found.upper[1] == [2.0]

    def test_is_none_for_one_answer(self):
        assert band_of(Known(1.0), lambda value: np.array([[value]])) is None
        assert band_of(Persistence(2), lambda value: 1 / 0) is None

    def test_over_seeds_is_that_of_the_middle(self):
        low = [Band(level=0.9, samples=7, lower=[[n]], upper=[[n + 2]]) for n in (0.0, 4.0, 1.0)]
        found = shown_band(low)
        assert (found.low, found.high) == ([[1.0]], [[3.0]]) and found.words == "90% of 7 samples, median over seeds"
        assert shown_band([*low, None]) is None and shown_band([]) is None
        assert shown_band([*low, low[0].model_copy(update={"samples": 8})]) is None


class TestRecords:
    def test_of_a_walk_hold_the_band_of_samples_that_run_freely(self):
        case = load_case("walker2d")
        prepared = case.sample()
        predictor = NetworkPredictor(unsure(inputs=17, outputs=17), CPU)
        (one,) = prepared.example_futures
        kept = evaluate.forecast(predictor, one, prepared, case.step_unit)
        each = [evaluate.forecast(own, one, prepared, case.step_unit).predicted for own in predictor.samples()]
        np.testing.assert_allclose(kept.band.lower, np.quantile(each, 0.05, axis=0), rtol=1e-12)
        np.testing.assert_allclose(kept.band.upper, np.quantile(each, 0.95, axis=0), rtol=1e-12)
        assert kept.band.samples == PASSES and kept.band.upper > kept.band.lower
        assert evaluate.forecast(Persistence(17), one, prepared, case.step_unit).band is None

    def test_of_a_wave_hold_one_value_for_each_time(self):
        case = load_case("sine")
        prepared = case.sample()
        splits = prepared.splits
        predictor = NetworkPredictor(unsure(inputs=1, outputs=1), CPU)
        kept = evaluate.example(predictor, prepared.example_windows[0], splits, "s")
        assert kept.band.fits(len(kept.predicted), 1)
        lower, upper = np.array(kept.band.lower)[:, 0], np.array(kept.band.upper)[:, 0]
        assert (lower <= upper).all() and ((lower <= kept.predicted) & (np.array(kept.predicted) <= upper)).mean() > 0.8

    def test_without_a_band_are_read_as_before(self):
        whole = Scores(metrics={}, examples=[example(0.1)], forecasts=[walk(0.1)])
        older = json.loads(whole.model_dump_json())
        for kept in (*older["examples"], *older["forecasts"]):
            del kept["band"]
        assert Scores.model_validate(older) == whole

    @pytest.mark.parametrize("kept", [walk, example])
    def test_refuse_a_band_of_another_shape(self, kept):
        with pytest.raises(ValueError, match="for each time"):
            kept(0.1, band=Band(level=0.9, samples=7, lower=[[1.0]], upper=[[2.0]]))

    def test_a_band_survives_writing(self):
        kept = example(0.1, band=wave_band(0.2))
        assert Example.model_validate_json(kept.model_dump_json()) == kept


def wave_band(half):
    middle = WAVE[1:]
    return Band(level=0.9, samples=7, lower=[[v - half] for v in middle], upper=[[v + half] for v in middle])


class TestPictures:
    def test_of_a_wave_shade_the_band_and_say_what_it_is(self, tmp_path):
        kept = [example(0.1, band=wave_band(half)) for half in (0.2, 0.4)]
        runs = [run("cfc", seed, scores=scores(0.1, examples=[one])) for seed, one in enumerate(kept)]
        runs += [run("gru", seed) for seed in range(2)]
        (study,) = load_studies(write(tmp_path, runs, ()))
        fit = next(one for one in wave_fits(study) if one.name == "slow wave")
        with style.fixed_style():
            figure = fits.draw(fit, build_pictures.picture_set(study, {}).caption)
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels.count("90% of 7 samples, median over seeds") == 1
        dotted = [[line for line in panel.lines if line.get_linestyle() == ":"] for panel in figure.axes[:2]]
        assert [len(lines) for lines in dotted] == [2, 0], "of the model that has one"
        assert dotted[0][0].get_ydata() == pytest.approx([v - 0.3 for v in WAVE[1:]])
        assert dotted[0][0].get_xdata().tolist() == TIMES[1:]

    def test_of_curves_shade_the_band_of_each_quantity(self, tmp_path, monkeypatch):
        monkeypatch.setattr(build_pictures, "load_case", lambda name: replace(load_case(name), outline=None))
        ends = [[value + shift for value in STANDING] for shift in (-0.5, 0.7)]
        band = Band(level=0.9, samples=7, lower=[ends[0]] * 2, upper=[ends[1]] * 2)
        runs = [run("cfc", 0, scores=scores(0.1, forecasts=[walk(0.1, band=band)]))]
        runs += [run("gru", 0, scores=scores(0.1, forecasts=[walk(0.2)]))]
        (study,) = load_studies(write(tmp_path, runs, ()))
        (picture,) = pictures_of(study).values()
        figure = picture.draw()
        assert "cfc: 90% of 7 samples" in [text.get_text() for text in figure.legends[0].get_texts()]
        dotted = [line.get_ydata().tolist() for line in figure.axes[0].lines if line.get_linestyle() == ":"]
        assert dotted == [[0.75, 0.75], [1.95, 1.95]]
        assert figure.axes[0].get_ylim()[1] > 1.95
