"""From a table that was understood to splits, what follows test windows, perturbed test sets and baselines."""

import hashlib
import zlib
from collections.abc import Mapping
from functools import partial

import numpy as np

from lnncmp.baselines import Predictor, trivial_predictors
from lnncmp.cases.base import Prepared, TestSet
from lnncmp.cases.table import shifts
from lnncmp.cases.table.classes import weights_of
from lnncmp.cases.table.described import attrition, described, facts
from lnncmp.cases.table.pieces import Piece
from lnncmp.cases.table.understood import Understood
from lnncmp.cases.table.windows import Frame, Raw, cut, futures_of, to_windows
from lnncmp.common.cache import content_key
from lnncmp.data import perturb, scaling
from lnncmp.data.resampling import Resampling, resampling_of
from lnncmp.data.task import Task, classes
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.sources.table.table import Table

_NAMES = ("train", "validation", "test")


class Preparation:
    """All windows of a table under complete settings; scalers are fitted on the training windows."""

    def __init__(self, made: Understood) -> None:
        self.made, self.settings, self.frame = made, made.settings, made.frame
        self.pieces = made.parts.pieces
        raw = [
            cut(self.pieces, self.pieces, places, self.frame, name)
            for name, places in zip(_NAMES, made.parts.places, strict=True)
        ]
        self.test = raw[2]
        self.inputs = _input_scaler(raw[0], self.frame)
        self.outputs, target_std = _output_scaler(raw[0], self.frame, self.settings.task == "forecast", self.inputs)
        train, validation, test = (self._windows(part) for part in raw)
        self.splits = Splits(train, validation, test, self.inputs, self.outputs, target_std, self._task())
        self._constant = _constant(raw[0], self.frame)

    def _task(self) -> Task:
        main = self.settings.main
        if self.made.counts is None:
            return Task("values", main, in_inputs=self.settings.task == "forecast" and self.settings.ahead > 0)
        names = self.settings.classes[self.settings.target[0]]
        return classes(names, main, weights_of(self.settings.class_weights, self.made.counts, names))

    def _windows(self, raw: Raw) -> Windows:
        made = to_windows(raw, self.inputs, self.outputs)
        return perturb.unit_timespans(made) if self.settings.timespans == "ones" else made

    def prepared(self, key: str, horizon: int) -> Prepared:
        """Return all that a comparison sees. key: of the data behind the table; horizon: free-running rows at most."""
        steps = self.made.free_running(horizon) if self.settings.horizons else 0
        parts = {"key": key, "settings": self.settings.model_dump(mode="json"), "steps": steps}
        return Prepared(
            self.splits,
            self._futures(steps) if steps else None,
            self.test_sets(),
            content_key(parts),
            self.baselines,
            attrition=attrition(self.made),
            facts=facts(self.made),
            resampling=self.resampling(),
            described=described(self.made, self._constant, steps),
        )

    def _futures(self, steps: int) -> Futures | None:
        made = futures_of(
            self.pieces,
            self.made.parts.places[2],
            self.test,
            self.splits.test,
            self.frame,
            (self.inputs, self.outputs),
            steps,
        )
        if made is None or self.settings.timespans == "elapsed":
            return made
        return Futures(made.context, made.future, np.ones_like(made.dt), made.observed, made.others)

    def test_sets(self) -> list[TestSet]:
        """Return the test windows with noise on numbers, with missing cells, and, if times vary, without times."""
        own, numbers = self.settings, self.frame.layout.numbers
        columns = self.frame.inputs[[name not in own.classes for name in self.frame.layout.columns]]
        std = self.inputs.std[numbers]
        known = np.isfinite(std)
        noisy = columns[known]
        kinds: list[tuple[str, str, float, shifts.Perturbation]] = []
        if len(noisy):
            kinds += [("noise", f"noise {v:g} sd", v, shifts.noise(v, noisy, std[known])) for v in own.noise_levels]
        cells = self.frame.inputs
        kinds += [("missing", f"missing {100 * v:g}%", v, shifts.missing(v, cells)) for v in own.missing_levels]
        sets = [TestSet(group, name, level, partial(self._shifted, name, how)) for group, name, level, how in kinds]
        if own.timespans == "elapsed" and self.times_vary:
            sets.append(TestSet("timespans", "ones", None, partial(perturb.unit_timespans, self.splits.test)))
        return sets

    @property
    def times_vary(self) -> bool:
        """Whether rows of test windows are not all equally far apart, but for rounding."""
        dt = self.splits.test.dt[self.splits.test.valid]
        return bool(np.ptp(dt) > 1e-3)

    def _shifted(self, name: str, how: shifts.Perturbation) -> Windows:
        rng = np.random.default_rng([self.settings.seed, zlib.crc32(name.encode())])
        used = {place.piece for place in self.made.parts.places[2]}
        given: list[Piece] = [how(piece, rng) if n in used else piece for n, piece in enumerate(self.pieces)]
        return self._windows(cut(self.pieces, given, self.made.parts.places[2], self.frame, _NAMES[2]))

    def baselines(self) -> Mapping[str, Predictor]:
        """Return the untrained baselines of this task."""
        return trivial_predictors(self.splits)

    def resampling(self) -> Resampling | None:
        """Return bootstrap samples of the groups of the test windows, None where there is one group."""
        groups = self.splits.test.group
        return resampling_of(groups, self.settings.seed) if len(set(groups.tolist())) > 1 else None


def table_key(table: Table) -> str:
    """Return a hash of columns, values, times, labels of the split and the order of the groups' names."""
    ranks = {name: rank for rank, name in enumerate(sorted({series.group for series in table.series}))}
    digest = hashlib.sha256(repr([(c.name, c.role, c.kind, c.classes) for c in table.columns]).encode())
    for series in table.series:
        digest.update(repr((ranks[series.group], series.values.shape)).encode())
        digest.update(np.ascontiguousarray(series.times, "<f8").tobytes())
        digest.update(np.packbits(np.isnan(series.values)).tobytes())
        digest.update(np.ascontiguousarray(np.nan_to_num(series.values), "<f8").tobytes())
        digest.update(b"" if series.split is None else "\n".join(series.split.tolist()).encode())
    return digest.hexdigest()[:16]


def _input_scaler(train: Raw, frame: Frame) -> scaling.Scaler:
    """Return means of all features, and standard deviations of numbers; classes, masks and ages keep their unit."""
    known = train.valid[..., None] & ~np.isnan(train.features)
    fitted = scaling.fit(train.features, known)
    std = np.ones(len(fitted.std))
    std[frame.layout.numbers] = fitted.std[frame.layout.numbers]
    return scaling.Scaler(fitted.mean, std, fitted=True)


def _output_scaler(
    train: Raw, frame: Frame, forecast: bool, inputs: scaling.Scaler
) -> tuple[scaling.Scaler, np.ndarray]:
    """Return the scaler of the targets, and their standard deviations; a forecast is in the units of the inputs."""
    if frame.classes:
        return scaling.identity(frame.classes), np.ones(frame.classes)
    fitted = scaling.fit(train.targets, ~np.isnan(train.targets))
    if forecast:
        count = frame.outputs
        return scaling.Scaler(inputs.mean[:count], inputs.std[:count], fitted=True), fitted.std
    return fitted, fitted.std


def _constant(train: Raw, frame: Frame) -> list[str]:
    """Return the columns of numbers that never vary in the training windows."""
    names = [frame.layout.quantities[place].name for place in frame.layout.numbers]
    values = train.features[..., frame.layout.numbers]
    low, high = np.fmin.reduce(values, axis=(0, 1)), np.fmax.reduce(values, axis=(0, 1))
    return [name for name, lowest, highest in zip(names, low, high, strict=True) if not highest > lowest]
