"""Case study 1: the next observation of a walking robot from its past, at irregular times.

Task: predict the 17 observations of Walker2d one original frame (8 ms) ahead from the observations so far. Frames are
kept with probability 0.9 and the elapsed time (in frames) of each kept one is given; the target always lies one
original frame ahead. Preparation after raminmh/CfC, irregular_sampled_datasets.py, with the window as a setting.
"""

import zlib
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from lnncmp.baselines import trivial_predictors
from lnncmp.cases.base import Case, ExampleFuture, Option, Prepared, Settings, Target, TestSet, leaves_training_data
from lnncmp.common.cache import content_key
from lnncmp.data import perturb, scaling, windowing
from lnncmp.data.encoding import Quantity
from lnncmp.data.recording import Recording, recordings_hash, regular
from lnncmp.data.resampling import resampling_of
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.errors import DataError
from lnncmp.records.horizon_metrics import horizon_metrics
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.walker2d.observation import OBSERVATION
from lnncmp.sources.walker2d.skeleton import POSITIONS, limbs

VERSION = 1
_HORIZONS = (1, 10, 50)
_POSTURES = (1, 5, 10, 25, 50)
"""Free-running steps whose postures are kept to be drawn."""
_VARIANT_ATTEMPTS = 8
"""How often more frames of a variant are asked for, half as many again each time: 17 times as many in the end."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Level = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Walker2dSettings(Settings):
    """The `data` table of a Walker2d recipe. Times are in original frames of 8 ms.

    keep: share of the frames that is kept, drawn at random, in training and test. keep_levels: of shifted test sets.
    variant_windows: of each test set under other physics, actions or policies; 0 leaves these sets out.
    """

    window: Annotated[int, Field(ge=1, le=999)] = 10
    stride: Annotated[int, Field(ge=1, le=999)] = 10
    keep: Rate = 0.9
    scale: Literal["standard", "none"] = "standard"
    timespans: Literal["elapsed", "ones"] = "elapsed"
    test_fraction: Fraction = 0.15
    validation_fraction: Annotated[Fraction, Field(validate_default=True)] = 0.1
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 125487
    drop_seed: Annotated[int, Field(ge=0, lt=2**32)] = 891374
    train_windows: Annotated[int, Field(ge=1)] | None = None
    variant_windows: Annotated[int, Field(ge=0)] = 1000
    noise_levels: tuple[Level, ...] = (0.03, 0.1, 0.3, 1.0)
    keep_levels: tuple[Rate, ...] = (1.0, 0.7, 0.5, 0.3)

    @field_validator("validation_fraction")
    @classmethod
    def _leaves_training_data(cls, value: float, others: ValidationInfo) -> float:
        return leaves_training_data(value, others.data.get("test_fraction", 0.0))

    @property
    def data_seed(self) -> int:
        """The seed that shuffles the rollouts before they are split."""
        return self.split_seed

    @property
    def conditions(self) -> str:
        """The share of frames kept, where it is not the usual one."""
        return "" if self.keep == type(self).model_fields["keep"].default else f"keep {self.keep:g}"


class _Preparation:
    """The windows of one source under one setting, and the scalers fitted on its training part."""

    def __init__(self, recordings: list[Recording], settings: Walker2dSettings, horizon: int) -> None:
        self.settings = settings
        train, validation, self.test = _split(recordings, settings)
        # One stream through train, validation, test, in this order: the published windows depend on it.
        rng = np.random.RandomState(settings.drop_seed)
        pairs = [[windowing.thin(r, settings.keep, rng) for r in part] for part in (train, validation, self.test)]
        raw = [windowing.cut(part, settings.window, settings.stride) for part in pairs]
        _require_windows(raw, settings)
        if settings.train_windows is not None:
            raw[0] = _thinned(raw[0], settings.train_windows)
        self.scaler = _scaler(raw[0], settings)
        made = [self.windows(part) for part in raw]
        target_std = scaling.fit(raw[0].y, np.ones(raw[0].y.shape, bool)).std
        self.splits = Splits(made[0], made[1], made[2], self.scaler, self.scaler, target_std)
        self.futures = self._futures(raw[2], pairs[2], made[2], horizon)

    def windows(self, raw: windowing.Cut) -> Windows:
        made = windowing.to_windows(raw, self.scaler.scale(raw.x), self.scaler.scale(raw.y))
        return perturb.unit_timespans(made) if self.settings.timespans == "ones" else made

    def again(self, recordings: list[Recording], keep: float, seed: int) -> Windows:
        """Return windows of other recordings, or of the test recordings at another rate, in the same units."""
        pairs = _thin_all(recordings, keep, seed)
        return self.windows(windowing.cut(pairs, self.settings.window, self.settings.stride))

    def longest(self, keep: float, seed: int) -> int:
        """Return how many frames the longest test rollout keeps at another rate."""
        return max(len(pairs.x) for pairs in _thin_all(self.test, keep, seed))

    def _futures(
        self, raw: windowing.Cut, pairs: list[windowing.Pairs], windows: Windows, horizon: int
    ) -> Futures | None:
        rows, future = windowing.futures_of(raw, pairs, horizon)
        if not len(rows):
            return None
        return Futures(windows.take(rows), self.scaler.scale(future), np.ones(future.shape[:2], np.float32))


def _thin_all(recordings: list[Recording], keep: float, seed: int) -> list[windowing.Pairs]:
    rng = np.random.RandomState(seed)
    return [windowing.thin(recording, keep, rng) for recording in recordings]


def _split(recordings: list[Recording], settings: Walker2dSettings) -> tuple[list[Recording], ...]:
    """Shuffle whole rollouts, then cut off test, validation, and the rest for training (the published order)."""
    shuffled = list(recordings)
    np.random.RandomState(settings.split_seed).shuffle(shuffled)  # type: ignore[arg-type]
    test = int(settings.test_fraction * len(shuffled))
    validation = int((settings.test_fraction + settings.validation_fraction) * len(shuffled))
    return shuffled[validation:], shuffled[test:validation], shuffled[:test]


def _require_windows(raw: list[windowing.Cut], settings: Walker2dSettings) -> None:
    for name, part in zip(("training", "validation", "test"), raw, strict=True):
        if not len(part):
            raise DataError(
                f"no {name} windows of {settings.window} steps can be cut from these rollouts",
                "Use a smaller data.window, or more rollouts.",
            )


def _thinned(raw: windowing.Cut, count: int) -> windowing.Cut:
    """Return `count` windows evenly spread over `raw`, so that all policies stay represented."""
    if count >= len(raw):
        return raw
    rows = np.linspace(0, len(raw) - 1, count).round().astype(np.intp)
    return windowing.Cut(raw.x[rows], raw.y[rows], raw.dt[rows], raw.last[rows], raw.group[rows], raw.source[rows])


def _scaler(train: windowing.Cut, settings: Walker2dSettings) -> scaling.Scaler:
    if settings.scale == "none":
        return scaling.identity(train.x.shape[2])
    return scaling.fit(train.x, np.ones(train.x.shape, bool))


def _noise_sets(prepared: _Preparation, settings: Walker2dSettings) -> list[TestSet]:
    std = prepared.splits.target_std / prepared.scaler.std

    def make(level: float, number: int) -> Windows:
        rng = np.random.default_rng([settings.drop_seed, 1, number])
        return perturb.sensor_noise(prepared.splits.test, level, std, rng)

    levels = enumerate(settings.noise_levels)
    return [TestSet("noise", f"sensor noise {level:g} sd", level, partial(make, level, n)) for n, level in levels]


def _keep_sets(prepared: _Preparation, settings: Walker2dSettings) -> list[TestSet]:
    def make(keep: float) -> Windows:
        return prepared.again(prepared.test, keep, settings.drop_seed)

    # Checked now, not only after the models are trained.
    for keep in settings.keep_levels:
        if prepared.longest(keep, settings.drop_seed) <= settings.window:
            raise DataError(
                f"no test windows of {settings.window} steps can be cut where frames are kept at rate {keep:g}",
                "Use a smaller data.window, or leave this rate out of data.keep_levels.",
            )
    return [TestSet("keep", f"keep {keep:g}", keep, partial(make, keep)) for keep in settings.keep_levels]


def _variant_sets(
    prepared: _Preparation, source: Source, context: SourceContext, settings: Walker2dSettings
) -> list[TestSet]:
    load = source.load_variant
    if load is None or not settings.variant_windows:
        return []

    wanted = settings.variant_windows

    def make(name: str) -> Windows:
        seed = zlib.crc32(name.encode())
        frames = int(wanted * settings.stride / settings.keep * 1.2) + 2 * settings.window
        for _ in range(_VARIANT_ATTEMPTS):
            windows = prepared.again(load(name, frames, context), settings.keep, seed)
            if len(windows) >= wanted:
                return windows.take(slice(0, wanted))
            frames = int(frames * 1.5)
        raise DataError(
            f"the rollouts of the variant '{name}' give only {len(windows)} of {wanted} windows of "
            f"{settings.window} steps: most of them end too early",
            "Use a smaller data.window or data.variant_windows.",
        )

    return [TestSet(v.kind, v.name, None, partial(make, v.name), relative=True) for v in source.variants.values()]


def _postures(futures: Futures | None) -> list[ExampleFuture]:
    """Return the future in the middle of all, whoever predicts it well: rollouts begin with standing."""
    if futures is None:
        return []
    rows, horizon = futures.future.shape[:2]
    steps = [step for step in _POSTURES if step <= horizon]
    quantities = [Quantity(name, unit) for name, unit, _ in OBSERVATION[: len(POSITIONS)]]
    return [ExampleFuture("gait", rows // 2, steps, range(len(POSITIONS)), quantities)]


def prepare(source: Source, context: SourceContext, settings: Walker2dSettings, horizon: int) -> Prepared:
    """Return splits, futures of `horizon` frames and shifted test sets made of the recordings of `source`."""
    recordings = source.load(context)
    key = {
        "case": ["walker2d", VERSION],
        "source": [source.name, source.version],
        "recordings": recordings_hash(recordings),
        "settings": settings.model_dump(mode="json"),
        "horizon": horizon,
    }
    made = _Preparation(recordings, settings, horizon)
    sets: list[TestSet] = _noise_sets(made, settings) + _keep_sets(made, settings)
    if settings.timespans == "elapsed":
        sets.append(TestSet("timespans", "ones", None, partial(perturb.unit_timespans, made.splits.test)))
    sets += _variant_sets(made, source, context, settings)
    return Prepared(
        made.splits,
        made.futures,
        sets,
        content_key(key),
        partial(trivial_predictors, made.splits),
        example_futures=_postures(made.futures),
        resampling=resampling_of(made.splits.test.group, settings.split_seed),
    )


def sample() -> Prepared:
    """Return a tiny synthetic stand-in, damped oscillations in 17 columns, with the shapes of the real data."""
    rng = np.random.default_rng(0)
    recordings = [regular(_wobble(rng), f"sample-{n:02d}") for n in range(20)]
    nowhere = Path()
    source = Source("sample", "", "", 1, load=lambda context: recordings, fetch=lambda context: nowhere)
    return prepare(source, SourceContext(cache=nowhere), Walker2dSettings(), horizon=50)


def _wobble(rng: np.random.Generator, frames: int = 160) -> NDArray[np.float64]:
    time = np.arange(frames)[:, None]
    frequency, phase = rng.uniform(0.05, 0.3, 17), rng.uniform(0, 6.28, 17)
    values: NDArray[np.float64] = np.sin(frequency * time + phase) * np.exp(-0.002 * time)
    values += 0.01 * rng.standard_normal((frames, 17))
    return values


CASE = Case(
    title="Walker2d",
    in_study=True,
    summary="Predict the next observation of a walking robot from its past, at irregular times.",
    version=VERSION,
    sources={"simulated": "walker2d.simulated", "original": "walker2d.original"},
    settings=Walker2dSettings,
    step_unit="frame of 8 ms",
    targets=tuple(Target(name, unit) for name, unit, _ in OBSERVATION),
    horizons=_HORIZONS,
    prepare=prepare,
    sample=sample,
    metrics=horizon_metrics(_HORIZONS),
    outline=limbs,
    variants={"irregular": "Keep half of the frames, at random, in training too; also train without elapsed times."},
    options=(
        Option(
            "--keep",
            "data.keep",
            "Share of the frames that is kept, drawn at random (implies --irregular).",
            "irregular",
        ),
    ),
)
