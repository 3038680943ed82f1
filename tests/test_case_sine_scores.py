"""Scores of the damped sine case: its metrics, its reference predictors, the waves it keeps to be drawn."""

import numpy as np
import pytest
from predictor_errors import one_step_error
from sine_studies import CASE, Knows, made, prepare

from lnncmp.baselines import Persistence
from lnncmp.cases.sine.preparation import GAIN_LEVEL
from lnncmp.evaluation.evaluate import score


class TestScores:
    def test_the_truth_has_no_error(self):
        preparation, _ = made(noise_std=0.3)
        found = preparation.measure(Knows(preparation)).values
        assert {"mse_clean", "mse_peak", "mse_zero_crossing", "mse_elsewhere", "noise_gain", "lag"} <= set(found)
        assert all(found[name] < 1e-10 for name in found if name.startswith("mse")) and found["noise_gain"] < 1e-10
        assert found["roughness"] == pytest.approx(1, abs=1e-4) and found["lag"] == pytest.approx(0, abs=1e-5)

    def test_a_constant_error_is_counted_in_raw_units(self):
        preparation, _ = made(noise_std=0.3)
        found = preparation.measure(Knows(preparation, error=0.2)).values
        expected = np.mean(0.04 / (0.3 * preparation.test.waves.amplitude) ** 2)
        assert found["mse_clean"] == pytest.approx(0.04, rel=1e-4)
        assert found["noise_gain"] == pytest.approx(expected, rel=1e-4)

    def test_clean_networks_are_tried_on_noise_for_the_noise_gain(self):
        preparation, _ = made(test_waves=200)
        found = preparation.measure(Persistence(1)).values
        waves, scored = preparation.clean_test.waves, slice(5, None)
        slow = (preparation.clean_test.truth - preparation.clean_test.inputs)[:, scored]
        drift = np.mean((slow**2).mean(axis=1) / (GAIN_LEVEL * waves.amplitude) ** 2)
        assert found["noise_gain"] == pytest.approx(1 + drift, rel=0.03)
        assert found["mse_clean"] == pytest.approx(np.mean(slow**2), rel=1e-4)

    @pytest.mark.parametrize("noise_std", [0.0, 0.2])
    def test_mse_clean_is_the_test_error(self, noise_std):
        prepared = prepare(noise_std=noise_std)
        scores = score(Persistence(1), prepared, CASE)
        assert scores.metrics["test"]["mse_clean"] == pytest.approx(scores.metrics["test"]["mse"], rel=1e-5)

    def test_every_declared_measure_is_computed_and_no_other(self):
        scores = score(Persistence(1), prepare(), CASE)
        declared = {measure.name for measure in CASE.metrics}
        assert declared == set(scores.metrics["test"]) - {"mse", "nmse"}

    def test_yardsticks_stand_where_they_should(self):
        clean, noisy = prepare(test_waves=100), prepare(test_waves=100, noise_std=0.3)
        of = {
            name: {
                base: float(one_step_error(p, data.splits.test, data.splits)[0]) for base, p in data.baselines().items()
            }
            for name, data in (("clean", clean), ("noisy", noisy))
        }
        assert list(of["clean"]) == ["persistence", "mean", "ar4_ridge", "ar2_online", "kalman_bank"]
        # Rounding of float32 inputs, amplified by a recursion that extrapolates slow waves.
        assert of["clean"]["ar2_online"] < 1e-8 < of["clean"]["ar4_ridge"] < of["clean"]["persistence"]
        assert of["noisy"]["kalman_bank"] < 0.7 * min(v for k, v in of["noisy"].items() if k != "kalman_bank")
        assert of["noisy"]["ar2_online"] > of["noisy"]["kalman_bank"]

    def test_the_filter_is_told_the_noise_of_every_set(self):
        preparation, _ = made(noise_std=0.2)
        for one in preparation.test_sets():
            windows = one.make()
            told = preparation.told_noise(windows.group)
            if one.level is not None:
                np.testing.assert_allclose(told, one.level * preparation.clean_test.waves.amplitude)
        np.testing.assert_allclose(
            preparation.told_noise(preparation.splits.test.group), 0.2 * preparation.test.waves.amplitude
        )


class TestExhibits:
    @pytest.mark.parametrize("changes", [{}, {"noise_std": 0.3}, {"irregularity": 0.5}])
    def test_show_a_peak_and_a_crossing_of_three_waves(self, changes):
        prepared = prepare(test_waves=100, **changes)
        scores = score(Persistence(1), prepared, CASE)
        assert [example.name for example in scores.examples] == ["slow wave", "medium wave", "fast wave"]
        for example in scores.examples:
            assert len(example.truth) == len(example.predicted) == len(example.inputs) == 50
            assert [zoom.name for zoom in example.zooms] == ["peak", "zero crossing"]
            for zoom in example.zooms:
                assert example.target_times[0] < zoom.start < zoom.end <= example.target_times[-1] + 1
                inside = [
                    v for t, v in zip(example.target_times, example.truth, strict=True) if zoom.start <= t <= zoom.end
                ]
                extreme = max(map(abs, inside))
                if zoom.name == "peak":
                    assert abs(inside[0]) < extreme > abs(inside[-1])
                else:
                    assert inside[0] * inside[-1] < 0

    def test_keep_what_the_model_was_given(self):
        prepared = prepare(noise_std=0.3)
        example = score(Persistence(1), prepared, CASE).examples[0]
        np.testing.assert_allclose(example.predicted, example.inputs, atol=1e-6)
        assert np.std(np.subtract(example.inputs[1:], example.truth[:-1])) > 0.05
