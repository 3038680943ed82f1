"""Measures of damped sine predictions, against predictions whose errors are known exactly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wave_settings import CROSSING_FLOOR, NAMES, PEAK_FLOOR, PHASES, RANGES, WARMUP, Setting, make, one

from lnncmp.cases.sine.metrics import MEASURES, NEIGHBORHOOD, phases
from lnncmp.sources.sine.waves import Ranges, Waves, draw

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=[0.0, 0.5], ids=["regular", "irregular"])
def sampled(request):
    return make(request.param)


class TestDeclarations:
    def test_names_are_unique_and_come_in_the_declared_order(self, sampled):
        assert len(set(NAMES)) == len(NAMES) == 12
        assert list(sampled.measure(sampled.clean)) == NAMES

    @pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
    def test_each_says_what_it_is(self, measure):
        lines = measure.heading.split("\n")
        assert len(lines) <= 2 and max(map(len, lines)) <= 12
        assert measure.formula.endswith(".") and measure.compared
        assert (measure.ideal is None) == (measure.better == "lower")


class TestExactPrediction:
    def test_has_no_error(self, sampled):
        found = sampled.measure(sampled.clean)
        for name in ("mse_clean", "mse_peak", "mse_zero_crossing", "mse_elsewhere", "noise_gain"):
            assert found[name] == 0
        for name in ("amplitude_error", "lag", "lag_size", "damping_error"):
            assert found[name] == pytest.approx(0, abs=1e-12)
        assert found["roughness"] == 1
        assert found["peak_timing"] < PEAK_FLOOR and found["crossing_timing"] < CROSSING_FLOOR

    def test_undamped_wave_has_exact_peaks_and_crossings_where_the_samples_are_symmetric(self):
        setting = one(damping=0.0, frequency=2 * np.pi / 8)
        found = setting.measure(setting.clean)
        assert found["peak_timing"] == pytest.approx(0, abs=1e-12)
        assert found["crossing_timing"] == pytest.approx(0, abs=1e-12)

    def test_single_precision_is_enough(self, sampled):
        found = sampled.measure(sampled.clean.astype(np.float32))
        assert found["lag"] == pytest.approx(0, abs=1e-6) and found["mse_clean"] < 1e-13


class TestDelay:
    @pytest.mark.parametrize("delay", [-1.0, 0.25, 1.0, 1.5])
    def test_shows_in_timing_and_lag(self, sampled, delay):
        found = sampled.measure(sampled.waves.values(sampled.times - delay))
        assert found["lag"] == pytest.approx(delay, abs=1e-10)
        assert found["lag_size"] == pytest.approx(abs(delay), abs=1e-10)
        assert found["peak_timing"] == pytest.approx(abs(delay), abs=PEAK_FLOOR)
        assert found["crossing_timing"] == pytest.approx(abs(delay), abs=CROSSING_FLOOR)
        assert found["damping_error"] == pytest.approx(0, abs=1e-10)
        growth = np.exp(sampled.waves.damping * delay)
        assert found["amplitude_error"] == pytest.approx(np.abs(growth - 1).mean(), abs=1e-10)

    def test_of_half_a_period_is_the_largest_lag(self):
        setting = one(frequency=0.3)
        assert setting.measure(-setting.clean)["lag"] == pytest.approx(np.pi / 0.3)

    def test_early_and_late_waves_cancel_in_the_lag_but_not_in_its_size_nor_the_timing(self):
        waves = Waves(*(np.array([value] * 2) for value in (1.0, 0.0, 0.3, 0.5)))
        setting = Setting(waves, np.tile(np.arange(60.0), (2, 1)))
        found = setting.measure(waves.values(setting.times - np.array([[1.0], [-1.0]])))
        assert found["lag"] == pytest.approx(0, abs=1e-12) and found["lag_size"] == pytest.approx(1)
        assert found["crossing_timing"] == pytest.approx(1, abs=CROSSING_FLOOR)

    def test_opposite_sign_is_no_good_timing(self, sampled):
        found = sampled.measure(-sampled.clean)
        half_period = (np.pi / sampled.waves.frequency).min()
        assert found["crossing_timing"] > 0.9 * half_period
        assert found["peak_timing"] > 0.4 * half_period
        assert found["amplitude_error"] == pytest.approx(0, abs=1e-12)


class TestScaling:
    @settings(max_examples=25, deadline=None)
    @given(scale=st.floats(0.01, 100), irregularity=st.sampled_from([0.0, 0.5]))
    def test_changes_amplitude_and_roughness_only(self, scale, irregularity):
        setting = make(irregularity, count=5)
        before, found = setting.measure(setting.clean), setting.measure(scale * setting.clean)
        assert found["amplitude_error"] == pytest.approx(abs(scale - 1), abs=1e-9 * scale)
        assert found["roughness"] == pytest.approx(scale**2)
        assert found["mse_clean"] == pytest.approx((scale - 1) ** 2 * (setting.clean[setting.scored] ** 2).mean())
        for name in ("lag", "damping_error", "peak_timing", "crossing_timing"):
            assert found[name] == pytest.approx(before[name], abs=1e-9)

    @settings(max_examples=25, deadline=None)
    @given(shift=st.floats(-50, 50), seed=st.integers(0, 100))
    def test_the_origin_of_time_does_not_matter(self, shift, seed):
        setting = make(0.5, count=4, seed=seed)
        waves = setting.waves
        moved = replace(
            waves,
            amplitude=waves.amplitude * np.exp(waves.damping * shift),
            phase=waves.phase - waves.frequency * shift,
        )
        predicted = setting.clean + 0.1 * np.random.default_rng(seed).standard_normal(setting.clean.shape)
        there = Setting(moved, setting.times + shift, setting.scored)
        assert there.measure(predicted) == pytest.approx(setting.measure(predicted), rel=1e-6, abs=1e-9)


class TestNoise:
    def test_of_the_inputs_passed_on_has_gain_one(self):
        setting = make(ranges=replace(RANGES, frequency=(0.3, 0.4)), count=400)
        sigma = setting.noise_std[0]
        noise = sigma * np.random.default_rng(0).standard_normal(setting.clean.shape)
        found = setting.measure(setting.clean + noise)
        scored = setting.scored.sum()  # a mean square of n normal numbers has relative deviation sqrt(2 / n)
        assert found["noise_gain"] == pytest.approx(1, abs=4 * np.sqrt(2 / scored))
        clean = np.diff(setting.clean, 2, axis=1)[:, WARMUP:]
        assert found["roughness"] == pytest.approx(1 + 6 * sigma**2 * clean.size / (clean**2).sum(), rel=0.05)

    def test_gain_weights_each_wave_by_its_own_noise(self):
        setting = make(count=2)
        setting.noise_std = np.array([0.1, 2.0])
        predicted = setting.clean + np.array([[0.3], [1.0]])
        assert setting.measure(predicted)["noise_gain"] == pytest.approx((9 + 0.25) / 2)

    def test_gain_needs_noise_in_every_wave(self):
        setting = make(count=2)
        setting.noise_std = np.array([0.1, 0.0])
        assert list(setting.measure(setting.clean)) == [name for name in NAMES if name != "noise_gain"]

    def test_second_difference_of_unequal_steps_is_that_of_the_parabola(self):
        setting = one(times=[0.0, 0.5, 2.5, 4.0])
        t = setting.times[0]
        slopes = np.diff(setting.clean[0]) / np.diff(t)
        wave = [2 * (slopes[k + 1] - slopes[k]) / (t[k + 2] - t[k]) for k in (0, 1)]
        found = setting.measure(3 * setting.times**2 - setting.times + 7)
        assert found["roughness"] == pytest.approx(2 * 6.0**2 / (wave[0] ** 2 + wave[1] ** 2))


class TestDamping:
    @pytest.mark.parametrize("more", [-0.1, -0.02, 0.02, 0.1, 0.3])
    def test_of_another_damped_wave_is_found_exactly(self, sampled, more):
        other = replace(sampled.waves, damping=sampled.waves.damping + more, phase=sampled.waves.phase + 0.7)
        found = sampled.measure(other.values(sampled.times))
        assert found["damping_error"] == pytest.approx(abs(more), abs=1e-12)

    def test_errors_do_not_cancel(self):
        setting = make(count=2)
        other = replace(setting.waves, damping=setting.waves.damping + np.array([0.05, -0.05]))
        assert setting.measure(other.values(setting.times))["damping_error"] == pytest.approx(0.05)

    def test_is_limited(self):
        setting = one(damping=0.0)
        assert setting.measure(setting.clean * np.exp(2.0 * setting.times))["damping_error"] == 1.0


class TestPhases:
    def test_partition_the_scored_error(self, sampled):
        predicted = sampled.clean + np.random.default_rng(1).standard_normal(sampled.clean.shape)
        found, where = sampled.measure(predicted), phases(sampled.waves, sampled.times)
        counts = {name: (where[name] & sampled.scored).sum() for name in PHASES}
        assert sum(counts.values()) == sampled.scored.sum()
        total = sum(found[f"mse_{name}"] * counts[name] for name in PHASES)
        assert found["mse_clean"] == pytest.approx(total / sampled.scored.sum())

    @pytest.mark.parametrize("phase", PHASES)
    def test_an_error_in_one_shows_in_no_other(self, sampled, phase):
        found = sampled.measure(sampled.clean + 0.5 * phases(sampled.waves, sampled.times)[phase])
        for name in PHASES:
            assert found[f"mse_{name}"] == (pytest.approx(0.25) if name == phase else 0)

    @pytest.mark.parametrize("tangent", [np.inf, 2.0, 0.3, 0.05])
    def test_shares_are_those_of_the_angles(self, tangent):
        frequency, count = 0.3, 200_000
        times = np.linspace(0, 10 * 2 * np.pi / frequency, count, endpoint=False)
        setting = one(damping=frequency / tangent, times=times)
        where = phases(setting.waves, setting.times)
        distance = np.arctan(
            tangent
        )  # from a crossing to the next peak; from a peak to the next crossing pi - distance
        width = np.pi / 8 + min(np.pi / 8, distance / 2)
        expected = {"peak": width / np.pi, "zero_crossing": width / np.pi, "elsewhere": 1 - 2 * width / np.pi}
        for name in PHASES:
            assert where[name].mean() == pytest.approx(expected[name], abs=1e-3)

    @pytest.mark.parametrize("damping", [(0.0, 0.05), (0.2, 1.5)])
    def test_equal_a_search_on_a_fine_grid(self, damping):
        rng = np.random.default_rng(5)
        waves = draw(12, Ranges((0.5, 1.5), damping, (0.15, 1.0)), rng)
        times = rng.uniform(0, 20, (12, 40))
        grid = np.arange(-45.0, 65.0, 1e-3)
        where = phases(waves, times)
        for n in range(12):
            y = waves.take(np.array([n])).values(grid[None])[0]
            slope = np.diff(y)
            peaks = grid[1:-1][np.sign(slope[1:]) != np.sign(slope[:-1])]
            crossings = grid[1:][np.sign(y[1:]) != np.sign(y[:-1])]
            frequency = waves.frequency[n]
            for time, *flags in zip(times[n], *(where[name][n] for name in PHASES), strict=True):
                to_peak, to_crossing = (frequency * np.abs(at - time).min() for at in (peaks, crossings))
                margins = (to_peak - NEIGHBORHOOD, to_crossing - NEIGHBORHOOD, to_peak - to_crossing)
                if min(map(abs, margins)) < 5e-3:  # the grid is too coarse
                    continue
                near = min(to_peak, to_crossing) <= NEIGHBORHOOD
                expected = ("peak" if to_peak < to_crossing else "zero_crossing") if near else "elsewhere"
                assert flags == [name == expected for name in PHASES]
