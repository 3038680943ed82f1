"""Bootstrap samples of the groups of test windows: rollouts of Walker2d, waves of the sine case."""

import numpy as np
import pytest

from lnncmp.baselines import Persistence
from lnncmp.cases.base import load_case
from lnncmp.cases.sine.resampled import error_replicates
from lnncmp.data.resampling import Resampling, bootstrap_weights, group_numbers, resampling_of
from lnncmp.evaluation.evaluate import score
from lnncmp.evaluation.metrics import resampled_errors


def test_groups_are_numbered_as_they_come():
    assert group_numbers(np.array(["b", "a", "b", "c"])).tolist() == [0, 1, 0, 2]


def test_samples_draw_as_many_groups_as_there_are():
    weights = bootstrap_weights(9, 4000, seed=0)
    assert weights.shape == (4000, 9) and (weights.sum(axis=1) == 9).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.08)
    np.testing.assert_allclose(weights.var(axis=0), 8 / 9, atol=0.1)


def test_windows_of_a_group_are_drawn_together():
    made = resampling_of(np.array(["a", "a", "b"]), seed=0, samples=50)
    means = made.means(np.array([1.0, 3.0, 10.0]), np.ones(3))
    assert set(np.round(means, 6)) <= {2.0, 10.0, round(14 / 3, 6)} and len(set(means)) == 3
    assert repr(made) == "Resampling(50, 2)"


def test_means_by_hand():
    made = Resampling(np.array([0, 0, 1]), np.array([[1.0, 1.0], [0.0, 2.0], [2.0, 0.0]]))
    sums, counts = np.array([1.0, 2.0, 9.0]), np.array([1, 1, 3])
    np.testing.assert_allclose(made.means(sums, counts), [12 / 5, 3.0, 1.5])
    np.testing.assert_array_equal(np.isinf(made.means(np.array([np.inf, 2.0, 9.0]), counts)), [True, False, True])
    assert np.isnan(made.means(sums, np.array([1, 1, 0]))[1])


def test_errors_of_the_whole_are_those_of_the_sample_with_every_group_once():
    rng = np.random.default_rng(0)
    predicted, truth = rng.standard_normal((2, 6, 4, 2))
    observed, std = rng.random((6, 4, 2)) < 0.7, np.array([1.0, 2.0])
    made = Resampling(np.array([0, 0, 1, 1, 2, 2]), np.ones((1, 3)))
    found = resampled_errors(predicted, truth, observed, std, made)
    cells = [(predicted - truth)[..., n][observed[..., n]] ** 2 for n in (0, 1)]
    assert found["mse"] == [pytest.approx((cells[0].mean() + cells[1].mean()) / 2)]
    assert found["nmse"] == [pytest.approx((cells[0].mean() + cells[1].mean() / 4) / 2)]


@pytest.mark.parametrize(("name", "metrics"), [("walker2d", {"mse", "nmse"}), ("sine", {"mse", "nmse", "mse_clean"})])
def test_scores_hold_samples_of_the_test_groups(name, metrics):
    case = load_case(name)
    prepared = case.sample()
    predictors = prepared.baselines()
    made = [score(predictors[one], prepared, case) for one in ("persistence", "mean")]
    again = score(predictors["persistence"], case.sample(), case)
    assert metrics <= set(made[0].replicates) and made[0].replicates == again.replicates
    for scores in made:
        for metric, values in scores.replicates.items():
            assert len(values) == 200
            assert np.mean(values) == pytest.approx(scores.metrics["test"][metric], rel=0.2)
            assert min(values) <= scores.metrics["test"][metric] <= max(values)


def test_errors_of_waves_by_phase():
    from lnncmp.cases.sine.preparation import Preparation
    from lnncmp.cases.sine.settings import SineSettings

    few = SineSettings(waves=20, validation_waves=6, test_waves=12, shifted_waves=4, noise_levels=(0.0, 0.1))
    made = Preparation(few, lambda message: None)
    predictor = Persistence(1)
    found = made.measure(predictor)
    whole = Resampling(np.arange(12), np.ones((1, 12)))
    windows = made.splits.test
    predicted = made.scaler.unscale(predictor.predict(windows))[..., 0]
    scored = windows.target_mask[..., 0] & windows.valid
    once = error_replicates(made.test.waves, made.test.target_times, predicted, scored, whole)
    assert {"mse_clean", "mse_peak", "mse_zero_crossing", "mse_elsewhere"} == set(once) == set(found.replicates)
    assert all(values == [pytest.approx(found.values[name])] for name, values in once.items())
    wild = np.where(np.arange(12)[:, None] == 3, np.nan, predicted)
    broken = error_replicates(made.test.waves, made.test.target_times, wild, scored, made.resampling)
    np.testing.assert_array_equal(np.isinf(broken["mse_clean"]), made.resampling.weights[:, 3] > 0)
