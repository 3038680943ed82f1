import warnings

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import multivariate_normal
from toy_study import futures
from toy_study import windows as toy_windows

from lnncmp.baselines import Persistence, fit_autoregression
from lnncmp.cases.sine import kalman_bank
from lnncmp.cases.sine.kalman_bank import KalmanBank
from lnncmp.cases.sine.online_autoregression import OnlineAutoregression, ar2_coefficients
from lnncmp.data.scaling import Scaler, identity
from lnncmp.data.windows import Windows
from lnncmp.errors import DataError
from lnncmp.sources.sine.waves import Ranges, Waves, draw

RANGES = Ranges(amplitude=(0.5, 1.5), damping=(0.01, 0.06), frequency=(0.1, 0.4))
SCALER = Scaler(np.array([0.05]), np.array([0.4]), fitted=True)
SMALL = (8, 3)
MEAN_SQUARE = 13 / 12  # of an amplitude uniform in (0.5, 1.5)


def sampled(waves, elapsed, noise=0.0, ahead=0, seed=0, scaler=SCALER):
    """Return waves as windows in scaled units, sampled after `elapsed` (N, T), with `ahead` steps of their future.

    noise (N,) or a number: the standard deviation of the inputs' noise. Group n of the windows is str(n).
    """
    times = np.cumsum(elapsed, axis=1) - elapsed[:, :1]
    shocks = np.random.default_rng(seed).standard_normal(times.shape)
    x = waves.values(times) + np.reshape(noise, (-1, 1)) * shocks
    step = np.ones(times.shape, bool)
    group = np.arange(len(waves)).astype(str)
    scaled = [scaler.scale(part[..., None]) for part in (x, waves.values(times + 1))]
    data = Windows(scaled[0], elapsed.astype(np.float32), step, step[..., None], scaled[1], step[..., None], group)
    future = scaler.scale(waves.values(times[:, -1:] + 1 + np.arange(ahead))[..., None])
    return data, futures(data, future)


def study(level, count=300, steps=50, ahead=10, seed=1, irregular=False):
    """Return (windows, futures, noise of each wave) of waves from the ranges, with noise of level * amplitude."""
    rng = np.random.default_rng(seed)
    waves = draw(count, RANGES, rng)
    elapsed = rng.uniform(0.4, 2.0, (count, steps)) if irregular else np.ones((count, steps))
    noise = level * waves.amplitude
    return *sampled(waves, elapsed, noise, ahead, seed), noise


def bank(noise, grid=SMALL, **more):
    """Return a bank that is given the noise (N,) of the waves "0", "1", ..., or one number for all."""

    def noise_std_of(group):
        return np.full(len(group), noise) if np.ndim(noise) == 0 else noise[group.astype(int)]

    return KalmanBank(SCALER, RANGES, noise_std_of, grid, **more)


def padded(data, length, fill=7e3):
    """Return the windows with all steps from `length` on made padding, filled with a number that must not matter."""
    step = data.valid.copy()
    step[:, length:] = False
    x, dt = data.x.copy(), data.dt.copy()
    x[:, length:], dt[:, length:] = fill, fill
    return Windows(x, dt, step, data.observed, data.y, data.target_mask, data.group)


def first_steps(data, length):
    """Return the first steps of the windows."""
    parts = (data.x, data.dt, data.valid, data.observed, data.y, data.target_mask)
    return Windows(*(part[:, :length] for part in parts), data.group)


def error(predictions, data, start=5):
    """Return the mean square error of predictions from step `start` on, in scaled units."""
    return float(np.mean((predictions[:, start:].astype(float) - data.y[:, start:]) ** 2))


class TestOnlineAutoregression:
    def test_is_exact_on_clean_waves_from_the_fourth_sample_on(self):
        waves = draw(300, RANGES, np.random.default_rng(0))
        times = np.tile(np.arange(51.0), (300, 1))
        y = waves.values(times)
        a1, a2 = ar2_coefficients(y[:, :-1])
        # Machine epsilon 2e-16, times a condition number of up to 4 / w**2 = 400, leaves 1e-13; ten times that is safe.
        truth = 2 * np.exp(-waves.damping) * np.cos(waves.frequency), -np.exp(-2 * waves.damping)
        np.testing.assert_allclose(a1[:, 3:], np.repeat(truth[0][:, None], 47, axis=1), rtol=1e-12)
        np.testing.assert_allclose(a2[:, 3:], np.repeat(truth[1][:, None], 47, axis=1), rtol=1e-12)
        got = a1[:, 3:] * y[:, 3:-1] + a2[:, 3:] * y[:, 2:-2]
        assert np.abs((got - y[:, 4:]) / waves.envelope(times)[:, 4:]).max() < 1e-12

    def test_is_exact_to_single_precision_on_windows(self):
        data, _, _ = study(0.0)
        # Inputs are rounded to 6e-8 of themselves; fits over two or three equations raise that by up to 400.
        assert error(OnlineAutoregression(SCALER).predict(data), data, start=3) < 1e-11
        assert error(Persistence(1).predict(data), data, start=3) > 1e-2

    def test_equals_least_squares_wave_by_wave(self):
        data, _, _ = study(0.2, count=5, steps=12)
        y = SCALER.unscale(data.x)[..., 0]
        got = SCALER.unscale(OnlineAutoregression(SCALER).predict(data))[..., 0]
        for n in range(5):
            for t in range(3, 12):
                design = np.stack([y[n, 1:t], y[n, : t - 1]], axis=1)
                weights = np.linalg.lstsq(design, y[n, 2 : t + 1], rcond=None)[0]
                assert got[n, t] == pytest.approx(weights @ [y[n, t], y[n, t - 1]], rel=1e-6, abs=1e-6)

    def test_the_first_steps_are_persistence(self):
        data, _, _ = study(0.2)
        got = OnlineAutoregression(SCALER).predict(data)
        np.testing.assert_allclose(got[:, :3], data.x[:, :3], rtol=1e-6, atol=1e-6)
        assert np.abs(got[:, 3:] - data.x[:, 3:]).mean() > 0.01

    @pytest.mark.parametrize("ratio", [0.0, 1.0, 0.5, -1.0])
    def test_where_the_fit_is_not_determined_it_is_persistence(self, ratio):
        data = toy_windows((ratio ** np.arange(9.0))[None, :, None] * [[[0.0]], [[3.0]]])
        predictor = OnlineAutoregression(identity(1))
        np.testing.assert_array_equal(predictor.predict(data), data.x)
        ahead = predictor.roll_out(futures(data, np.zeros((2, 4, 1))))
        np.testing.assert_array_equal(ahead, np.repeat(data.x[:, -1:], 4, axis=1))

    def test_rolls_out_the_exact_wave(self):
        _, ahead, _ = study(0.0, ahead=30)
        np.testing.assert_allclose(OnlineAutoregression(SCALER).roll_out(ahead), ahead.future, atol=1e-4)

    def test_padding_changes_nothing(self):
        data, ahead, _ = study(0.1, count=4, steps=12)
        predictor, short = OnlineAutoregression(SCALER), padded(data, 8)
        cut = first_steps(data, 8)
        np.testing.assert_array_equal(predictor.predict(short)[:, :8], predictor.predict(cut))
        assert not predictor.predict(short)[:, 8:].any()
        np.testing.assert_array_equal(*(predictor.roll_out(futures(part, ahead.future)) for part in (short, cut)))

    def test_an_unstable_fit_grows_without_warnings(self):
        data = toy_windows((3.0 ** np.arange(8) + (-2.0) ** np.arange(8))[None, :, None])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tiny = OnlineAutoregression(Scaler(np.zeros(1), np.full(1, 1e-12), fitted=True))
            for predictor in (OnlineAutoregression(identity(1)), tiny):
                got = predictor.roll_out(futures(data, np.zeros((1, 2000, 1))))
                assert not np.isnan(got).any() and abs(got[0, -1, 0]) > 1e20

    @pytest.mark.parametrize("steps", [1, 2, 3])
    def test_short_windows_and_empty_batches(self, steps):
        data, ahead, _ = study(0.1, count=3, steps=steps)
        predictor = OnlineAutoregression(SCALER)
        np.testing.assert_allclose(predictor.predict(data), data.x, rtol=1e-6, atol=1e-6)
        none = slice(0, 0)
        assert predictor.predict(data.take(none)).shape == (0, steps, 1)
        assert predictor.roll_out(futures(data.take(none), ahead.future[none])).shape == (0, 10, 1)


def brute_force(y, times, at, noise, grid, floor=0.02):
    """Return the posterior mean at the time `at` of one wave, given y (T,) at `times`, by explicit matrices."""
    frequency, damping = (
        low + (high - low) * (np.arange(count) + 0.5) / count
        for (low, high), count in zip((RANGES.frequency, RANGES.damping), grid, strict=True)
    )
    variance, prior = noise**2 + floor**2 * MEAN_SQUARE, MEAN_SQUARE / 2
    scores, means = [], []
    for w in frequency:
        for g in damping:
            design = np.stack([np.exp(-g * times) * np.cos(w * times), np.exp(-g * times) * np.sin(w * times)], axis=1)
            target = np.exp(-g * at) * np.array([np.cos(w * at), np.sin(w * at)])
            covariance = prior * design @ design.T + variance * np.eye(len(y))
            scores.append(multivariate_normal(np.zeros(len(y)), covariance).logpdf(y))
            means.append(prior * target @ design.T @ np.linalg.solve(covariance, y))
    return softmax(scores) @ means


class TestKalmanBank:
    @pytest.mark.parametrize("irregular", [False, True])
    def test_equals_the_posterior_by_explicit_matrices(self, irregular):
        data, ahead, noise = study(0.2, count=3, steps=9, irregular=irregular)
        predictor = bank(noise, grid=(4, 2))
        got, rolled = predictor.predict(data), predictor.roll_out(ahead)
        y, elapsed = SCALER.unscale(data.x)[..., 0], data.dt.astype(float)
        for n in range(3):
            times = np.r_[0, np.cumsum(elapsed[n, 1:])]
            asked = [(t + 1, times[t] + 1) for t in range(9)] + [(9, times[-1] + k) for k in range(1, 11)]
            expected = [brute_force(y[n, :known], times[:known], at, noise[n], (4, 2)) for known, at in asked]
            expected = (np.array(expected) - SCALER.mean) / SCALER.std
            np.testing.assert_allclose(np.r_[got[n, :, 0], rolled[n, :, 0]], expected, rtol=1e-6, atol=1e-6)

    def test_one_grid_point_is_ridge_regression(self):
        data, _, noise = study(0.3, count=2, steps=6)
        got = SCALER.unscale(bank(noise, grid=(1, 1), floor=0.1).predict(data))[:, -1, 0]
        times, w, g = np.arange(7.0), 0.25, 0.035
        design = np.exp(-g * times)[:, None] * np.stack([np.cos(w * times), np.sin(w * times)], axis=1)
        y = SCALER.unscale(data.x)[..., 0]
        for n in range(2):
            penalty = (noise[n] ** 2 + 0.1**2 * MEAN_SQUARE) / (MEAN_SQUARE / 2)
            gram = design[:6].T @ design[:6] + penalty * np.eye(2)
            assert got[n] == pytest.approx(design[6] @ np.linalg.solve(gram, design[:6].T @ y[n]), rel=1e-6)

    @pytest.mark.parametrize("irregular", [False, True])
    def test_finds_a_wave_on_its_grid(self, irregular):
        """Frequency 0.25 and damping 0.035 are the middle points of a grid of 15 x 5."""
        one = np.ones(8)
        waves = Waves(one, 0.035 * one, 0.25 * one, np.arange(8.0))
        elapsed = np.random.default_rng(0).uniform(0.5, 2, (8, 50)) if irregular else np.ones((8, 50))
        data, ahead = sampled(waves, elapsed, 1e-3, ahead=10)
        predictor = bank(1e-3, grid=(15, 5), floor=1e-3)
        assert error(predictor.predict(data), data, start=40) < 1e-5
        np.testing.assert_allclose(predictor.roll_out(ahead), ahead.future, atol=5e-3)

    @pytest.mark.parametrize("irregular", [False, True])
    @pytest.mark.parametrize("level", [0.1, 0.3])
    def test_beats_simple_predictors_on_noisy_waves(self, level, irregular):
        data, ahead, noise = study(level, irregular=irregular)
        train, _, _ = study(level, seed=2, irregular=irregular)
        others = {
            "persistence": Persistence(1).predict(data),
            "online": OnlineAutoregression(SCALER).predict(data),
            "zero": np.broadcast_to(SCALER.scale(np.zeros(1)), data.y.shape),
            "line": 2 * data.x - np.roll(data.x, 1, axis=1),
            **{f"ar{order}": fit_autoregression(train, order).predict(data) for order in (2, 4, 8)},
        }
        errors = {name: error(predictions, data) for name, predictions in others.items()}
        got = error(bank(noise, grid=(32, 8)).predict(data), data)
        assert got < 0.8 * min(errors.values()), errors
        assert got < 0.4 * min(errors["persistence"], errors["online"])
        rolled = [np.mean((p.roll_out(ahead) - ahead.future) ** 2) for p in (bank(noise), Persistence(1))]
        assert rolled[0] < 0.4 * rolled[1]

    def test_is_causal(self):
        data, _, noise = study(0.2, count=4, steps=12, irregular=True)
        predictor = bank(noise)
        x, dt = data.x.copy(), data.dt.copy()
        x[:, 7:], dt[:, 7:] = 5, 3
        changed = predictor.predict(data.with_inputs(x).with_dt(dt))
        np.testing.assert_array_equal(changed[:, :7], predictor.predict(data)[:, :7])
        assert np.abs(changed - predictor.predict(data))[:, 7:].max() > 0.1

    def test_the_first_elapsed_time_carries_nothing(self):
        data, _, noise = study(0.2, count=4, steps=5, irregular=True)
        later = data.with_dt(data.dt + np.array([9, 0, 0, 0, 0], np.float32))
        np.testing.assert_array_equal(bank(noise).predict(later), bank(noise).predict(data))

    def test_padding_and_unseen_inputs_change_nothing(self):
        data, ahead, noise = study(0.1, count=4, steps=12, irregular=True)
        predictor, short = bank(noise), padded(data, 8)
        got = predictor.predict(short)
        np.testing.assert_array_equal(got[:, :8], predictor.predict(data)[:, :8])
        assert not got[:, 8:].any()
        cut = first_steps(data, 8)
        rolled = [predictor.roll_out(futures(part, ahead.future)) for part in (short, cut)]
        np.testing.assert_array_equal(*rolled)
        seen = data.observed.copy()
        seen[:, 8:] = False
        blind = Windows(data.x * seen, data.dt, data.valid, seen, data.y, data.target_mask, data.group)
        last = SCALER.unscale(predictor.predict(blind)[:, -1:])
        dt = np.ones((4, 1)) + data.dt[:, 8:].sum(axis=1, keepdims=True)
        expected = SCALER.unscale(predictor.roll_out(futures(cut, ahead.future[:, :1], dt)))
        np.testing.assert_allclose(last, expected, rtol=1e-5, atol=1e-6)

    def test_batches_and_chunks_change_nothing(self, monkeypatch):
        data, ahead, noise = study(0.1, count=7, steps=12, irregular=True)
        whole, rolled = bank(noise).predict(data), bank(noise).roll_out(ahead)
        one_by_one = [bank(noise).predict(data.take(slice(n, n + 1))) for n in range(7)]
        np.testing.assert_allclose(np.concatenate(one_by_one), whole, rtol=1e-6, atol=1e-6)
        for cells in (1, 3 * 24):
            monkeypatch.setattr(kalman_bank, "CELLS", cells)
            np.testing.assert_allclose(bank(noise).predict(data), whole, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(bank(noise).roll_out(ahead), rolled, rtol=1e-6, atol=1e-6)

    def test_empty_batches_and_single_steps(self):
        data, ahead, noise = study(0.1, count=3, steps=1)
        none = slice(0, 0)
        assert np.isfinite(bank(noise).predict(data)).all()
        assert bank(noise).predict(data.take(none)).shape == (0, 1, 1)
        assert bank(noise).roll_out(futures(data.take(none), ahead.future[none])).shape == (0, 10, 1)

    def test_more_noise_shrinks_more(self):
        data, _, _ = study(0.1)
        sizes = [np.mean(SCALER.unscale(bank(noise).predict(data)) ** 2) for noise in (0.01, 0.3, 1, 3, 1e6)]
        assert np.all(np.diff(sizes) < 0) and sizes[-1] < 1e-9
        assert error(bank(0.1).predict(data), data) < 0.5 * error(bank(1.0).predict(data), data)

    @pytest.mark.parametrize("noise", [0.0, 0.1, 1e6])
    def test_extreme_inputs_stay_finite(self, noise):
        data, ahead, _ = study(0.0, count=6, irregular=True)
        x = data.x.copy()
        x[::2] *= 1e6
        x[1::2, 20] = 1e6
        wild = data.with_inputs(x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = bank(noise).predict(wild), bank(noise).roll_out(futures(wild, ahead.future))
        assert all(np.isfinite(part).all() and part.dtype == np.float32 for part in got)

    def test_refuses_what_makes_no_sense(self):
        data, _, _ = study(0.1, count=3, steps=4)
        for more in ({"grid": (0, 8)}, {"floor": 0.0}):
            with pytest.raises(DataError, match="grid of at least"):
                bank(0.1, **more)
        for given in ([0.1], [0.1, -0.1, 0.1], [0.1, np.nan, 0.1]):
            with pytest.raises(DataError, match="expected 3 finite standard deviations"):
                KalmanBank(SCALER, RANGES, lambda group, given=given: np.array(given)).predict(data)
