"""From settings to windows: training, validation and test waves, shifted test sets, futures, waves to be drawn.

Legend of shapes: N waves, T samples, K future steps.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines import Predictor, trivial_predictors
from lnncmp.cases.base import ExampleWindow, MetricValues, TestSet
from lnncmp.cases.sine.kalman_bank import KalmanBank
from lnncmp.cases.sine.metrics import measure_all
from lnncmp.cases.sine.noise import KINDS
from lnncmp.cases.sine.noise_metrics import DRAWS, noise_parts
from lnncmp.cases.sine.online_autoregression import OnlineAutoregression
from lnncmp.cases.sine.resampled import error_replicates
from lnncmp.cases.sine.sampling import Sampled, add_noise, drop_stretch, sample
from lnncmp.cases.sine.settings import SineSettings
from lnncmp.data import perturb, scaling
from lnncmp.data.resampling import resampling_of
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.records.drawn import Zoom
from lnncmp.sources.sine.waves import Floats, Ranges, draw

GAIN_LEVEL = 0.1
"""Noise at which gain and parts of the noise are measured where the inputs of the comparison are clean."""

_ALIASING = 0.95
"""Share of the Nyquist frequency that out-of-distribution waves may reach."""

_EXHIBITS = {"slow": 0.15, "medium": 0.5, "fast": 0.85}
"""Which test waves are drawn: those at these quantiles of the frequency."""


class Preparation:
    """All windows of one setting. Every set has random streams of its own, so that none depends on another's size."""

    def __init__(self, settings: SineSettings, warn: Callable[[str], None]) -> None:
        self.settings, self.warn = settings, warn
        self.noise_of: dict[str, float] = {}
        train = self.sampled("train", settings.waves)
        validation = self.sampled("validation", settings.validation_waves)
        self.clean_test = self.sampled("test", settings.test_waves, noise=0.0)
        self.test = self._noisy("test", self.clean_test, settings.noise_std, "gaussian", targets=False)
        self.scaler = self._scaler(train)
        target_std = scaling.fit(train.targets[..., None], np.ones((*train.targets.shape, 1), bool)).std
        parts = [self.windows(*part) for part in (("train", train), ("validation", validation), ("test", self.test))]
        self.splits = Splits(parts[0], parts[1], parts[2], self.scaler, self.scaler, target_std)
        self.resampling = resampling_of(parts[2].group, settings.seed)

    def _rng(self, name: str, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, zlib.crc32(name.encode()), purpose])

    def sampled(
        self,
        name: str,
        count: int,
        *,
        ranges: Ranges | None = None,
        samples: int | None = None,
        irregularity: float | None = None,
        noise: float | None = None,
        targets: bool = True,
    ) -> Sampled:
        """Return freshly drawn, sampled waves with noise; what is not given is as in training."""
        own = self.settings
        waves = draw(count, own.ranges() if ranges is None else ranges, self._rng(name, 0))
        spread = own.irregularity if irregularity is None else irregularity
        clean = sample(waves, own.samples if samples is None else samples, spread, self._rng(name, 1))
        return self._noisy(name, clean, own.noise_std if noise is None else noise, "gaussian", targets=targets)

    def _noisy(self, name: str, clean: Sampled, level: float, kind: str, *, targets: bool) -> Sampled:
        if level == 0:
            return clean
        return add_noise(clean, level, kind, self._rng(f"{name}, {kind} {level!r}", 2), targets=targets)

    def _scaler(self, train: Sampled) -> scaling.Scaler:
        if self.settings.scale == "none":
            return scaling.identity(1)
        return scaling.fit(train.inputs[..., None], np.ones((*train.inputs.shape, 1), bool))

    def windows(self, name: str, given: Sampled) -> Windows:
        """Return the waves as windows, one each; targets of the warm-up do not count in any split."""
        shape = (*given.inputs.shape, 1)
        counted = given.input_times >= self.settings.warmup - 1e-9
        groups = np.array([f"{name} {n}" for n in range(shape[0])], np.str_)
        self.noise_of.update(zip(groups.tolist(), given.noise_std.tolist(), strict=True))
        made = Windows(
            x=self.scaler.scale(given.inputs[..., None]),
            dt=given.elapsed.astype(np.float32),
            valid=np.ones(shape[:2], bool),
            observed=np.ones(shape, bool),
            y=self.scaler.scale(given.targets[..., None]),
            target_mask=counted[..., None],
            group=groups,
        )
        return perturb.unit_timespans(made) if self.settings.timespans == "ones" else made

    def told_noise(self, groups: NDArray[np.str_]) -> Floats:
        """Return the standard deviation (N,) of the inputs' noise in windows of these groups."""
        return np.array([self.noise_of[str(group)] for group in groups], np.float64)

    def baselines(self) -> Mapping[str, Predictor]:
        """Return untrained baselines, an autoregression fitted to each wave, and a filter that knows the ranges."""
        return {
            **trivial_predictors(self.splits),
            "ar2_online": OnlineAutoregression(self.scaler),
            "kalman_bank": KalmanBank(self.scaler, self.settings.ranges(), self.told_noise),
        }

    def measure(self, predictor: Predictor) -> MetricValues:
        """Return the metrics of one-step predictions of the test waves.

        Where the inputs are clean, the noise gain is measured on the same waves with noise of GAIN_LEVEL; its parts are
        measured on several draws of the noise.
        """
        found = self._measured(predictor, self.test, self.splits.test)
        if self.settings.noise_std == 0:
            noisy = self._noisy("noise gain", self.clean_test, GAIN_LEVEL, "gaussian", targets=False)
            found["noise_gain"] = self._measured(predictor, noisy, self.windows("noise gain", noisy))["noise_gain"]
        return MetricValues(found | self._noise_parts(predictor), self._replicates(predictor))

    def _noise_parts(self, predictor: Predictor) -> dict[str, float]:
        level = self.settings.noise_std or GAIN_LEVEL
        names = [f"noise draw {n}" for n in range(DRAWS)]
        draws = [self._noisy(name, self.clean_test, level, "gaussian", targets=False) for name in names]
        windows = [self.windows(name, draw) for name, draw in zip(names, draws, strict=True)]
        return noise_parts(
            predicted=np.stack([self.scaler.unscale(predictor.predict(one))[..., 0] for one in windows]),
            truth=self.clean_test.truth,
            scored=windows[0].target_mask[..., 0] & windows[0].valid,
            noise_std=draws[0].noise_std,
        )

    def _replicates(self, predictor: Predictor) -> dict[str, list[float]]:
        windows = self.splits.test
        predicted = self.scaler.unscale(predictor.predict(windows))[..., 0]
        scored = windows.target_mask[..., 0] & windows.valid
        return error_replicates(self.test.waves, self.test.target_times, predicted, scored, self.resampling)

    def _measured(self, predictor: Predictor, given: Sampled, windows: Windows) -> dict[str, float]:
        return measure_all(
            waves=given.waves,
            times=given.target_times,
            predicted=self.scaler.unscale(predictor.predict(windows))[..., 0],
            scored=windows.target_mask[..., 0] & windows.valid,
            noise_std=given.noise_std,
        )

    def futures(self, horizon: int) -> Futures:
        """Return the test waves cut off after `context` samples, and `horizon` clean values one step apart."""
        kept = self.settings.context
        context = replace(
            self.splits.test,
            **{
                name: getattr(self.splits.test, name)[:, :kept]
                for name in ("x", "dt", "valid", "observed", "y", "target_mask")
            },
        )
        steps = np.arange(1, horizon + 1)
        times = self.test.input_times[:, kept - 1 : kept] + steps
        future = self.scaler.scale(self.test.waves.values(times)[..., None])
        return Futures(context, future, np.ones(times.shape, np.float32))

    def test_sets(self) -> list[TestSet]:
        """Return the noise sweep and the sets outside of the training ranges."""
        sets = [self._noise_set(kind, level) for kind in KINDS for level in self._levels(kind)]
        for group, name, how in self._shifts():
            sets.append(TestSet(group, name, None, partial(self._shifted, name, how), relative=True))
        sets.append(TestSet("missing", f"{self.settings.gap:.0%} in one gap", None, self._with_gap, relative=True))
        if self.settings.irregularity and self.settings.timespans == "elapsed":
            sets.append(TestSet("timespans", "ones", None, partial(perturb.unit_timespans, self.splits.test)))
        return sets

    def _levels(self, kind: str) -> list[float]:
        return [level for level in self.settings.noise_levels if level > 0 or kind == "gaussian"]

    def _noise_set(self, kind: str, level: float) -> TestSet:
        name = f"{kind} noise {level:g}"

        def make() -> Windows:
            return self.windows(name, self._noisy(name, self.clean_test, level, kind, targets=False))

        return TestSet(kind, name, level, make)

    def _shifts(self) -> list[tuple[str, str, dict[str, object]]]:
        """Return group, name and what differs, for each set of waves outside of the training ranges."""
        own = self.settings
        (a_low, a_high), (g_low, g_high), (w_low, w_high) = own.amplitude, own.damping, own.frequency
        limit = _ALIASING * np.pi / (own.step * (1 + own.irregularity))
        shifts = [
            ("amplitude", "smaller", {"amplitude": (a_low / 2, a_low)}),
            ("amplitude", "larger", {"amplitude": (a_high, 2 * a_high)}),
            ("damping", "stronger", {"damping": (g_high, 2 * g_high)}),
            ("frequency", "lower", {"frequency": (w_low / 2, w_low)}),
        ]
        if g_low > 0:
            shifts.append(("damping", "weaker", {"damping": (0.0, g_low)}))
        if w_high < limit:
            shifts.append(("frequency", "higher", {"frequency": (w_high, min(1.5 * w_high, limit))}))
        else:
            self.warn("data.frequency reaches so near to the Nyquist frequency that no test set lies above it")
        found: list[tuple[str, str, dict[str, object]]] = []
        for group, name, new in shifts:
            low, high = new[group]
            found.append((group, f"{name} {low:g}-{high:.4g}", {"ranges": own.ranges(**new)}))
        found.append(("length", f"{2 * own.samples} samples", {"samples": 2 * own.samples}))
        spread = 0.0 if own.irregularity else 0.5
        found.append(("sampling", f"irregular {spread:g}" if spread else "regular", {"irregularity": spread}))
        return found

    def _shifted(self, name: str, how: dict[str, object]) -> Windows:
        made = self.sampled(name, self.settings.shifted_waves, targets=False, **how)  # type: ignore[arg-type]
        return self.windows(name, made)

    def _with_gap(self) -> Windows:
        made = self.sampled("gap", self.settings.shifted_waves, targets=False)
        return self.windows("gap", drop_stretch(made, self.settings.gap, self._rng("gap", 3)))

    def example_windows(self) -> list[ExampleWindow]:
        """Return the test waves to be drawn, each with a peak and a zero crossing to magnify, times in steps."""
        order = np.argsort(self.test.waves.frequency, kind="stable")
        rows = {name: int(order[int(share * (len(order) - 1))]) for name, share in _EXHIBITS.items()}
        return [self._exhibit(f"{name} wave", row) for name, row in rows.items()]

    def _exhibit(self, name: str, row: int) -> ExampleWindow:
        one = slice(row, row + 1)
        waves, times = self.test.waves.take(one), self.test.target_times[row]
        quarter = float(np.pi / 2 / waves.frequency[0])
        # Where the whole neighbourhood is counted, and there the first of each kind.
        start, end = np.array([self.settings.warmup + quarter]), np.array([times[-1] - quarter])
        zooms = []
        for what, found in (("peak", waves.peaks(start, end)), ("zero crossing", waves.zero_crossings(start, end))):
            if len(found[0]):
                centre = float(found[0][0])
                zooms.append(Zoom(name=what, start=centre - quarter, end=centre + quarter))
        truth = self.test.truth[row][:, None]
        return ExampleWindow(name, row, truth, self.test.input_times[row], times, zooms)
