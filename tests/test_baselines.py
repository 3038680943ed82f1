import numpy as np
import pytest
from predictor_errors import one_step_error
from toy_study import futures, splits, windows

from lnncmp.baselines import Persistence, fit_autoregression, trivial_predictors
from lnncmp.cases.base import load_case, load_source
from lnncmp.sources.base import SourceContext


def sines(count=30, steps=12, ahead=20, seed=0):
    """Return damped sines sampled regularly as windows (N, T, 1), with the `ahead` values that follow (N, K, 1)."""
    rng = np.random.default_rng(seed)
    time = np.arange(steps + ahead)
    phases = rng.uniform(0, 6.28, (count, 1))
    values = (rng.uniform(0.5, 2, (count, 1)) * 0.98**time * np.sin(0.4 * time + phases))[..., None]
    return windows(values[:, :steps], values[:, 1 : steps + 1]), values[:, steps:]


class TestPersistence:
    def test_the_target_is_the_present_input(self):
        x = np.arange(24.0).reshape(2, 4, 3)
        data = windows(x, x[..., :2] + 5)
        np.testing.assert_array_equal(Persistence(2).predict(data), x[..., :2])
        assert one_step_error(Persistence(2), data, splits()).tolist() == [25, 25]

    def test_rolls_out_from_the_last_real_step(self):
        step = np.array([[True, True, True], [True, True, False]])
        context = windows([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [99.0]]], valid=step)
        got = Persistence(1).roll_out(futures(context, np.zeros((2, 4, 1))))
        np.testing.assert_array_equal(got[..., 0], [[3] * 4, [5] * 4])


class TestTrainMean:
    def test_counts_real_seen_targets_only(self):
        step = np.array([[True, True], [True, False]])
        target_mask = np.array([[[True], [False]], [[True], [True]]])
        data = windows(np.zeros((2, 2, 1)), [[[1.0], [np.nan]], [[4.0], [1e6]]], valid=step, target_mask=target_mask)
        mean = trivial_predictors(splits(data, data_like(data, "b"), data_like(data, "c")))["mean"]
        assert mean.mean.tolist() == [2.5]
        assert np.all(mean.predict(data) == 2.5) and mean.predict(data).shape == (2, 2, 1)
        assert np.all(mean.roll_out(futures(data, np.zeros((2, 3, 1)))) == 2.5)

    def test_is_exact_over_many_windows(self):
        y = np.full((20_000, 20, 1), 0.1, np.float32)
        data = windows(np.zeros_like(y), y)
        mean = trivial_predictors(splits(data, data_like(data, "b"), data_like(data, "c")))["mean"]
        assert mean.mean[0] == np.float32(0.1)


def data_like(data, group):
    return windows(data.x, data.y, data.dt, data.valid, data.target_mask, group)


class TestAutoregression:
    def test_order_two_is_exact_on_a_damped_sine(self):
        train, _ = sines()
        test, ahead = sines(seed=1)
        model = fit_autoregression(train, 2, penalty=0.0)
        np.testing.assert_allclose(model.predict(test)[:, 1:], test.y[:, 1:], atol=2e-6)
        np.testing.assert_allclose(model.weights[1][:2, 0], [2 * 0.98 * np.cos(0.4), -(0.98**2)], rtol=1e-4)
        np.testing.assert_allclose(model.roll_out(futures(test, ahead)), ahead, atol=2e-5)

    def test_the_first_step_uses_what_there_is(self):
        train, _ = sines()
        one, two = fit_autoregression(train, 1), fit_autoregression(train, 2)
        np.testing.assert_array_equal(one.predict(train)[:, 0], two.predict(train)[:, 0])

    def test_equals_a_least_squares_fit(self):
        train, _ = sines()
        rows = [(np.r_[train.x[n, t], train.x[n, t - 1], 1], train.y[n, t]) for n in range(30) for t in range(1, 12)]
        design, target = (np.array(part, float) for part in zip(*rows, strict=True))
        ridge = np.concatenate([design, np.diag([2.0, 2.0, 0.0])])  # penalty 4 as three more rows
        expected = np.linalg.lstsq(ridge, np.concatenate([target, np.zeros((3, 1))]), rcond=None)[0]
        np.testing.assert_allclose(fit_autoregression(train, 2, penalty=4.0).weights[1], expected, rtol=1e-6)

    def test_an_order_longer_than_the_window(self):
        train, ahead = sines(steps=3)
        model = fit_autoregression(train, 8)
        assert model.order == 3 and model.predict(train).shape == (30, 3, 1)
        assert np.isfinite(model.roll_out(futures(train, ahead))).all()

    def test_a_roll_out_is_predict_fed_back(self):
        train, ahead = sines(steps=3)
        model, x = fit_autoregression(train, 3), train.x
        got = model.roll_out(futures(train, ahead[:, :4]))
        for k in range(4):
            following = model.predict(windows(x))[:, -1:]
            np.testing.assert_allclose(got[:, k], following[:, 0], rtol=1e-5, atol=1e-6)
            x = np.concatenate([x, following], axis=1)

    def test_windows_too_short_for_the_order_but_for_padding(self):
        train, _ = sines(steps=6)
        step = np.arange(6)[None] < np.full((30, 1), 2)
        model = fit_autoregression(windows(train.x, train.y, valid=step), 4)
        assert model.order == 2 and np.isfinite(model.predict(train)).all()

    def test_padding_and_unseen_targets_are_left_out_of_the_fit(self):
        train, _ = sines()
        step, target_mask, y = train.valid.copy(), train.target_mask.copy(), train.y.copy()
        step[3, 8:], target_mask[5, 6] = False, False
        y[3, 8:], y[5, 6] = 1e6, np.nan
        dirty = fit_autoregression(windows(train.x, y, None, step, target_mask), 2, penalty=0.0)
        np.testing.assert_allclose(dirty.weights[1], fit_autoregression(train, 2, penalty=0.0).weights[1], atol=1e-4)

    def test_padded_contexts_roll_out_from_their_last_real_step(self):
        train, ahead = sines()
        short = windows(train.x[:, :8], train.y[:, :8])
        x = np.concatenate([short.x, np.full((30, 4, 1), 50.0, np.float32)], axis=1)
        padded = windows(x, valid=np.arange(12)[None] < np.full((30, 1), 8))
        model = fit_autoregression(train, 2)
        np.testing.assert_array_equal(model.roll_out(futures(padded, ahead)), model.roll_out(futures(short, ahead)))


@pytest.mark.data
class TestOnTheOriginalRollouts:
    """The published preparation; reference errors were computed with other code."""

    def prepare(self, folder, cache):
        case = load_case("walker2d")
        settings = case.settings(window=64, stride=16, scale="none")
        source = load_source(case, "original")
        return case.prepare(source, SourceContext(cache=cache, data_dir=folder), settings, 50)

    def test_windows_errors_and_hash(self, walker2d_original, tmp_path):
        prepared = self.prepare(walker2d_original, tmp_path)
        parts = prepared.splits
        assert (len(parts.train), len(parts.validation), len(parts.test)) == (9684, 1272, 1937)
        errors = {
            name: one_step_error(predictor, parts.test, parts).mean()
            for name, predictor in trivial_predictors(parts).items()
        }
        assert errors["persistence"] == pytest.approx(4.5375, abs=1e-3)
        assert errors["mean"] == pytest.approx(9.458, abs=1e-3)
        assert errors["ar4_ridge"] == pytest.approx(2.936, abs=1e-3)
        assert self.prepare(walker2d_original, tmp_path).data_hash == prepared.data_hash
