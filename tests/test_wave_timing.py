"""Timing of peaks and zero crossings, against predictions that peak and cross where the test says."""

import numpy as np
import pytest
from wave_settings import PEAK_FLOOR, make, one

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=[0.0, 0.5], ids=["regular", "irregular"])
def sampled(request):
    return make(request.param)


class TestPeakTiming:
    def around_one_peak(self, times, span=7.0):
        """Return a setting with just one extremum whose neighborhood is scored, and its time."""
        setting = one(damping=0.03, frequency=0.3, times=times)
        peak = setting.waves.peaks(np.array([0.0]), np.array([20.0]))[0][0]
        setting.scored = np.abs(setting.times - peak) <= span
        return setting, peak

    @pytest.mark.parametrize("shift", [-1.3, 0.0, 0.8])
    def test_of_a_parabola_is_exact_at_unequal_steps(self, shift):
        times = np.cumsum(np.random.default_rng(2).uniform(0.2, 1.2, 40)) - 3
        setting, peak = self.around_one_peak(times)
        found = setting.measure(5 - (setting.times - peak - shift) ** 2)
        assert found["peak_timing"] == pytest.approx(abs(shift), abs=1e-12)

    def test_takes_the_largest_of_many_local_maxima(self):
        setting, peak = self.around_one_peak(np.arange(-3.0, 17.0))
        predicted = np.where(np.arange(20) % 2, 0.1, 0.0)[None] + 0 * setting.times
        largest = int(np.argmin(np.abs(setting.times[0] - peak - 3)))  # 3 steps late, symmetric: no refinement
        predicted[0, largest] = 1.0
        predicted[0, [largest - 1, largest + 1]] = 0.05
        assert setting.measure(predicted)["peak_timing"] == pytest.approx(abs(setting.times[0, largest] - peak))

    def test_looks_for_minima_at_minima(self):
        setting = one(damping=0.0, frequency=np.pi / 10, phase=np.pi)
        setting.scored = setting.times <= 11  # only the minimum at 5 has its neighborhood scored
        predicted = np.where(setting.times == 7, -1.0, 0.0) + np.where(setting.times == 4, 9.0, 0.0)
        assert setting.measure(predicted)["peak_timing"] == pytest.approx(2.0)

    @pytest.mark.parametrize(
        "rising",
        [lambda t: np.where(t > 8, (t - 8.8) ** 2, 0), lambda t: -((t - 30) ** 2)],
        ids=["hollow", "vertex far off"],
    )
    def test_keeps_the_sample_where_no_parabola_peaks_near_it(self, rising):
        setting = one(damping=0.0, frequency=np.pi / 10, times=np.arange(-0.5, 12.0))  # the maximum is at 5
        assert setting.measure(rising(setting.times))["peak_timing"] == pytest.approx(4.5)  # largest of 0 to 10: 9.5

    def test_keeps_the_first_sample_of_the_row(self):
        setting = one(damping=0.0, frequency=np.pi / 10, times=np.arange(0.0, 12.0))  # the maximum is at 5
        assert setting.measure(-((setting.times - 0.2) ** 2))["peak_timing"] == pytest.approx(5.0)

    def test_leaves_out_extrema_near_the_ends(self):
        setting = one(damping=0.0, frequency=np.pi / 10, times=np.arange(0.5, 25.0))  # maximum at 5: needs 0 to 10
        found = setting.measure(setting.clean + np.where(setting.times < 10, 5 * setting.times, 0))
        assert found["peak_timing"] < PEAK_FLOOR  # just the minimum at 15 counts, and is untouched


class TestCrossingTiming:
    @pytest.fixture
    def one_crossing(self):
        """A wave that falls through 0 at 10 and is scored over just that neighborhood, 5 to 15 and a bit."""
        times = np.cumsum(np.random.default_rng(4).uniform(0.3, 1.4, 40))
        setting = one(damping=0.02, frequency=np.pi / 10, times=times)
        setting.scored = (times > 3)[None] & (times < 17)[None]
        return setting

    @pytest.mark.parametrize("shift", [-3.3, 0.0, 1.7])
    def test_of_a_straight_line_is_exact_at_unequal_steps(self, one_crossing, shift):
        found = one_crossing.measure(10 + shift - one_crossing.times)
        assert found["crossing_timing"] == pytest.approx(abs(shift), abs=1e-12)

    def test_detours_all_count(self):
        setting = one(damping=0.0, frequency=np.pi / 10, times=np.arange(4.0, 17.0))
        # Below 0 from 6.5 to 7.5, and from 9.5 on, but for 12.5 to 13.5: 1 + 0.5 + 1 steps with the wrong sign.
        predicted = np.array([[1, 1, 1, -1, 1, 1, -1, -1, -1, 1, -1, -1, -1.0]])
        assert setting.measure(predicted)["crossing_timing"] == pytest.approx(2.5)

    def test_one_sign_throughout_misses_by_a_quarter_of_a_period(self, one_crossing):
        for sign in (-1.0, 1.0):
            found = one_crossing.measure(np.full_like(one_crossing.times, sign))
            assert found["crossing_timing"] == pytest.approx(5.0)

    def test_crossing_the_wrong_way_misses_by_half_a_period(self, one_crossing):
        assert one_crossing.measure(one_crossing.times - 10)["crossing_timing"] == pytest.approx(10.0)

    def test_noise_is_not_timed_well(self, sampled):
        noise = np.random.default_rng(8).standard_normal(sampled.clean.shape)
        quarter = np.pi / 2 / sampled.waves.frequency
        assert sampled.measure(noise)["crossing_timing"] > 0.8 * quarter.min()

    def test_equals_a_fine_sum_of_wrong_signs(self):
        setting = one(damping=0.05, frequency=0.35, phase=1.0, times=np.arange(0.0, 40.0))
        predicted = setting.clean + 0.3 * np.random.default_rng(6).standard_normal(setting.clean.shape)
        quarter = np.pi / 2 / 0.35
        crossings = setting.waves.zero_crossings(np.array([quarter]), np.array([39 - quarter]))[0]
        wrong = []
        for crossing in crossings:
            fine = crossing + quarter * (np.arange(-20_000, 20_000) + 0.5) / 20_000
            signs = np.sign(np.interp(fine, setting.times[0], predicted[0]))
            wrong.append(2 * quarter * (signs != np.sign(setting.waves.values(fine[None])[0])).mean())
        assert len(wrong) >= 3
        assert setting.measure(predicted)["crossing_timing"] == pytest.approx(np.mean(wrong), abs=2e-3)
