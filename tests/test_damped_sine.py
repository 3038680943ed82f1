"""The generator against its formula, and the noise, gaps and sampling laid over it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnncmp.cases.sine.noise import CORRELATION, IMPULSE_RATE, KINDS
from lnncmp.cases.sine.sampling import add_noise, drop_stretch, sample
from lnncmp.sources.sine.waves import Ranges, Waves, draw

RANGES = Ranges(amplitude=(0.5, 1.5), damping=(0.01, 0.06), frequency=(0.1, 0.4))


def waves(count=7, ranges=RANGES, seed=0):
    return draw(count, ranges, np.random.default_rng(seed))


def one(amplitude=1.0, damping=0.05, frequency=0.3, phase=0.7):
    return Waves(*(np.array([value]) for value in (amplitude, damping, frequency, phase)))


class TestClosedForm:
    def test_values_are_the_formula_sample_by_sample(self):
        drawn, times = waves(), np.linspace(0, 60, 50)[None].repeat(7, axis=0)
        got = drawn.values(times)
        for n in range(7):
            for t in (0, 13, 49):
                a, g, w, p = (part[n] for part in (drawn.amplitude, drawn.damping, drawn.frequency, drawn.phase))
                s = times[n, t]
                assert got[n, t] == pytest.approx(a * np.exp(-g * s) * np.sin(w * s + p), rel=1e-14)

    def test_zero_crossings_are_where_the_wave_is_zero_and_all_of_them(self):
        drawn = waves(20)
        start, end = np.zeros(20), np.full(20, 60.0)
        fine = np.linspace(0, 60, 60001)
        for n, times in enumerate(drawn.zero_crossings(start, end)):
            row = drawn.take(slice(n, n + 1))
            np.testing.assert_allclose(row.values(times[None]), 0, atol=1e-12)
            values = row.values(fine[None])[0]
            changes = fine[1:][np.sign(values[1:]) != np.sign(values[:-1])]
            np.testing.assert_allclose(times, changes, atol=2e-3)

    def test_peaks_are_the_extrema_of_the_damped_wave_and_all_of_them(self):
        drawn = waves(20)
        fine = np.linspace(0, 60, 60001)
        for n, times in enumerate(drawn.peaks(np.zeros(20), np.full(20, 60.0))):
            values = drawn.take(slice(n, n + 1)).values(fine[None])[0]
            turns = fine[1:-1][np.sign(np.diff(values))[1:] != np.sign(np.diff(values))[:-1]]
            np.testing.assert_allclose(times, turns, atol=2e-3)

    def test_the_envelope_touches_the_wave_at_right_angles(self):
        row = one()
        times = (np.pi / 2 - 0.7 + np.pi * np.arange(5)) / 0.3
        np.testing.assert_allclose(np.abs(row.values(times[None])), row.envelope(times[None]), rtol=1e-12)

    def test_without_damping_peaks_lie_midway_between_crossings(self):
        row = one(damping=0.0)
        (peaks,), (zeros,) = (
            row.peaks(np.zeros(1), np.full(1, 100.0)),
            row.zero_crossings(np.zeros(1), np.full(1, 100.0)),
        )
        np.testing.assert_allclose(peaks[peaks > zeros[0]][:5], (zeros[:5] + zeros[1:6]) / 2, rtol=1e-12)

    @settings(deadline=None)
    @given(st.floats(0, 1), st.floats(0.05, 3), st.floats(0, 6.28), st.floats(0, 20), st.floats(0, 30))
    def test_the_interval_is_half_open(self, damping, frequency, phase, start, length):
        row = one(damping=damping, frequency=frequency, phase=phase)
        ends = np.array([start]), np.array([start + length])
        for (times,) in (row.zero_crossings(*ends), row.peaks(*ends)):
            assert len(times) <= length * frequency / np.pi + 1
            assert (times >= start - 1e-6).all() and (times < start + length + 1e-6).all()


class TestDraw:
    def test_stays_in_its_ranges_and_fills_them(self):
        drawn = waves(4000)
        for values, (low, high) in (
            (drawn.amplitude, RANGES.amplitude),
            (drawn.damping, RANGES.damping),
            (drawn.frequency, RANGES.frequency),
            (drawn.phase, (0, 2 * np.pi)),
        ):
            assert low <= values.min() < low + 0.01 * (high - low) and high - 0.01 * (high - low) < values.max() <= high

    def test_a_wave_does_not_depend_on_how_many_are_drawn(self):
        few, many = waves(3), waves(300)
        np.testing.assert_array_equal(few.phase, many.phase[:3])

    def test_seeds_decide(self):
        np.testing.assert_array_equal(waves(seed=5).frequency, waves(seed=5).frequency)
        assert not np.array_equal(waves(seed=5).frequency, waves(seed=6).frequency)


class TestSampling:
    def test_regular_samples_are_the_wave_at_whole_steps_and_targets_follow(self):
        drawn = waves()
        made = sample(drawn, 50, 0.0, np.random.default_rng(0))
        steps = np.arange(51.0)[None].repeat(7, axis=0)
        np.testing.assert_array_equal(made.elapsed, 1.0)
        np.testing.assert_allclose(made.inputs, drawn.values(steps)[:, :-1], atol=1e-12)
        np.testing.assert_allclose(made.targets, drawn.values(steps)[:, 1:], atol=1e-12)
        np.testing.assert_allclose(made.targets[:, :-1], made.inputs[:, 1:], atol=1e-12)

    def test_irregular_times_are_the_elapsed_ones(self):
        made = sample(waves(200), 50, 0.5, np.random.default_rng(0))
        assert (made.elapsed[:, 0] == 1).all() and made.input_times[:, 0].max() == 0
        np.testing.assert_allclose(np.diff(made.input_times), made.elapsed[:, 1:], atol=1e-12)
        spread = made.elapsed[:, 1:]
        assert 0.5 <= spread.min() < 0.51 and 1.49 < spread.max() <= 1.5
        np.testing.assert_array_equal(made.inputs, made.waves.values(made.input_times))
        np.testing.assert_array_equal(made.targets, made.waves.values(made.input_times + 1))

    def test_a_gap_shows_in_the_elapsed_time_only(self):
        whole = sample(waves(30), 50, 0.0, np.random.default_rng(0))
        made = drop_stretch(whole, 0.2, np.random.default_rng(1))
        assert made.inputs.shape == (30, 40) and (made.elapsed[:, 0] == 1).all()
        assert ((made.elapsed == 11).sum(axis=1) == 1).all() and ((made.elapsed == 1).sum(axis=1) == 39).all()
        np.testing.assert_allclose(made.inputs, made.waves.values(made.input_times), atol=1e-12)
        np.testing.assert_allclose(made.targets, made.truth, atol=1e-12)
        assert len({int(row.argmax()) for row in made.elapsed}) > 10


class TestNoise:
    @pytest.mark.parametrize("kind", KINDS)
    def test_has_variance_one_and_mean_zero(self, kind):
        noise = KINDS[kind](np.ones((4000, 50)), np.random.default_rng(0))
        assert noise.mean() == pytest.approx(0, abs=0.02) and noise.var() == pytest.approx(1, abs=0.03)
        np.testing.assert_allclose(noise.var(axis=0), 1, atol=0.3)

    def test_impulses_hit_few_samples(self):
        noise = KINDS["impulsive"](np.ones((4000, 50)), np.random.default_rng(0))
        assert (noise != 0).mean() == pytest.approx(IMPULSE_RATE, abs=0.003)

    @pytest.mark.parametrize("elapsed", [1.0, 0.5, 3.0])
    def test_colored_noise_forgets_with_time(self, elapsed):
        noise = KINDS["colored"](np.full((4000, 50), elapsed), np.random.default_rng(0))
        assert (noise[:, 1:] * noise[:, :-1]).mean() == pytest.approx(CORRELATION**elapsed, abs=0.02)

    def test_white_noise_does_not_remember(self):
        noise = KINDS["gaussian"](np.ones((4000, 50)), np.random.default_rng(0))
        assert (noise[:, 1:] * noise[:, :-1]).mean() == pytest.approx(0, abs=0.01)

    def test_is_a_share_of_each_waves_amplitude(self):
        clean = sample(waves(2000), 50, 0.0, np.random.default_rng(0))
        made = add_noise(clean, 0.2, "gaussian", np.random.default_rng(1), targets=True)
        np.testing.assert_array_equal(made.noise_std, 0.2 * clean.waves.amplitude)
        for part, whole in ((made.inputs, clean.inputs), (made.targets, clean.targets)):
            relative = (part - whole) / clean.waves.amplitude[:, None]
            assert relative.std() == pytest.approx(0.2, rel=0.02)

    def test_an_input_and_the_target_before_it_are_one_measurement(self):
        clean = sample(waves(), 50, 0.0, np.random.default_rng(0))
        made = add_noise(clean, 0.2, "gaussian", np.random.default_rng(1), targets=True)
        np.testing.assert_allclose(made.targets[:, :-1], made.inputs[:, 1:], atol=1e-12)
        irregular = sample(waves(), 50, 0.5, np.random.default_rng(0))
        apart = add_noise(irregular, 0.2, "gaussian", np.random.default_rng(1), targets=True)
        ours, theirs = apart.targets - apart.truth, apart.inputs - irregular.inputs
        assert abs(np.corrcoef(ours[:, :-1].ravel(), theirs[:, 1:].ravel())[0, 1]) < 0.2

    def test_targets_stay_clean_if_asked(self):
        clean = sample(waves(), 50, 0.0, np.random.default_rng(0))
        made = add_noise(clean, 0.2, "gaussian", np.random.default_rng(1), targets=False)
        np.testing.assert_array_equal(made.targets, clean.targets)
        assert not np.allclose(made.inputs, clean.inputs)
