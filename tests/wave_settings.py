"""Waves with known one-step predictions, for the tests of their measures."""

import numpy as np

from lnncmp.cases.sine.metrics import MEASURES, measure_all
from lnncmp.sources.sine.waves import Ranges, Waves, draw

NAMES = [measure.name for measure in MEASURES]
PHASES = ("peak", "zero_crossing", "elsewhere")
RANGES = Ranges(amplitude=(0.5, 1.5), damping=(0.01, 0.06), frequency=(0.15, 0.4))
WAVES, STEPS, WARMUP = 40, 80, 5
PEAK_FLOOR = 0.02
"""Mean error, in steps, of parabolas through samples of waves of RANGES (16 and more samples a period)."""
CROSSING_FLOOR = 0.02
"""The same of straight lines."""


class Setting:
    """Some waves, their target times and which targets are scored; `measure` measures predictions of them."""

    def __init__(self, waves, times, scored=None, noise_std=0.1):
        self.waves, self.times = waves, times
        self.scored = np.ones(times.shape, bool) if scored is None else scored
        self.noise_std = np.full(len(waves), noise_std)
        self.clean = waves.values(times)

    def measure(self, predicted):
        return measure_all(
            waves=self.waves, times=self.times, predicted=predicted, scored=self.scored, noise_std=self.noise_std
        )


def make(irregularity=0.0, ranges=RANGES, count=WAVES, steps=STEPS, seed=3):
    rng = np.random.default_rng(seed)
    gaps = 1 + irregularity * rng.uniform(-1, 1, (count, steps))
    scored = np.ones((count, steps), bool)
    scored[:, :WARMUP] = False
    return Setting(draw(count, ranges, rng), np.cumsum(gaps, axis=1), scored)


def one(amplitude=1.0, damping=0.02, frequency=0.3, phase=0.0, times=None):
    waves = Waves(*(np.array([value]) for value in (amplitude, damping, frequency, phase)))
    return Setting(waves, np.arange(0.0, 60.0)[None] if times is None else np.atleast_2d(times))
