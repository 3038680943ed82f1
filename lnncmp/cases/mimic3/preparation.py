"""From recordings to splits by subject, futures, shifted test sets, baselines and metrics.

Legend of shapes: N windows, T rows, V variables, of which the first C are the core.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from lnncmp.baselines import Persistence, Predictor, fit_autoregression, trivial_predictors
from lnncmp.cases.base import ExampleFuture, MetricValues, TestSet
from lnncmp.cases.mimic3 import perturbations as shifts
from lnncmp.cases.mimic3.coverage import coverage
from lnncmp.cases.mimic3.errors_by_hour import Sums, sums_by_subject
from lnncmp.cases.mimic3.features import AGE_CAP, Stay, scale_of
from lnncmp.cases.mimic3.metrics import measured
from lnncmp.cases.mimic3.settings import Mimic3Settings
from lnncmp.cases.mimic3.windows import Anchor, Frame, anchors, cut, ends, futures
from lnncmp.data import perturb, scaling
from lnncmp.data.encoding import Quantity
from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.data.resampling import resampling_of
from lnncmp.data.windows import Splits, Windows
from lnncmp.errors import DataError
from lnncmp.sources.mimic3.variables import CORE, NAMES, VARIABLES

_C = len(CORE)


class Preparation:
    """All windows of one source under one setting; values in standard deviations of the observed training cells.

    membership: number of the subject (in order of appearance) and of the part, for each long enough stay in order.
    """

    def __init__(self, recordings: Sequence[Recording], settings: Mimic3Settings, horizon: int) -> None:
        self.settings = settings
        steps = settings.context if settings.grid == "hour" else settings.most_steps
        self.frame = Frame(settings.context, horizon, steps, _C, settings.feedback == "measured")
        if settings.grid == "hour":
            _require_hours(recordings)
        long = [r for r in recordings if len(ends(r.times, self.frame))]
        self.facts = {
            "stays": len(long),
            "subjects": len({r.group for r in long}),
            "stay_hours": sum(int(r.times[-1] - r.times[0] + 1e-6) + 1 for r in recordings if len(r.times)),
        }
        self.attrition = self._lost(long)
        self.membership: list[tuple[int, int]] = []
        parts = self._split(long)
        columns = _C if settings.variables == "core" else len(VARIABLES)
        self.described = [coverage(long, columns, settings.leave_out)]
        self.scaler = self._scaler(parts[0], columns)
        stays = [[self._stay(r, columns) for r in part] for part in parts]
        self.test_stays = stays[2]
        strides = (settings.stride, settings.test_stride, settings.test_stride)
        caps = (settings.train_windows, settings.test_windows, settings.test_windows)
        places = [anchors(*given) for given in zip(stays, [self.frame] * 3, strides, caps, strict=True)]
        self.places: list[Anchor] = places[2]
        longest = max(place.last - place.first + 1 for part in places for place in part)
        self.frame = replace(self.frame, most_steps=longest, known=tuple(self.known[:_C].tolist()))
        made = [self._windows(part, part, at) for part, at in zip(stays, places, strict=True)]
        cells = made[0].target_mask & made[0].valid[..., None]
        target_std = scaling.fit(made[0].y, cells).std
        self.splits = Splits(
            made[0], made[1], made[2], scaling.identity(made[0].x.shape[2]), scaling.identity(_C), target_std
        )
        self.futures = futures(self.test_stays, self.places, made[2], self.frame)
        resampling = resampling_of(made[2].group, settings.seed, settings.replicates)
        self.subjects, self.weights = resampling.numbers, resampling.weights

    @property
    def unscored(self) -> list[str]:
        """The predicted variables of which nothing can be scored, but for those that are to be left out."""
        test = self.splits.test
        scored = self.known[:_C] & (test.target_mask & test.valid[..., None]).any(axis=(0, 1))
        return [
            variable.words
            for variable, is_scored in zip(CORE, scored, strict=True)
            if not is_scored and variable.name not in self.settings.leave_out
        ]

    def _lost(self, long: Sequence[Recording]) -> list[AttritionStep]:
        if not long:
            raise DataError(
                f"no stay is as long as {self.settings.context} hours of context and {self.frame.horizon} hours ahead",
                "Use a smaller data.context or evaluate.horizon, or more stays.",
            )
        why = f"context of {self.settings.context} h and {self.frame.horizon} h ahead"
        counts = {"recordings": len(long), "groups": self.facts["subjects"]}
        return [AttritionStep("long enough stays", why, rows=sum(len(r.times) for r in long), **counts)]

    def _split(self, recordings: Sequence[Recording]) -> tuple[list[Recording], list[Recording], list[Recording]]:
        """Return training, validation and test stays: subjects by a hash of salt and name, so that none is in two."""
        parts: tuple[list[Recording], list[Recording], list[Recording]] = ([], [], [])
        subjects: dict[str, int] = {}
        test, validation = self.settings.test_fraction, self.settings.validation_fraction
        for recording in recordings:
            text = f"{self.settings.split_salt}:{recording.group}".encode()
            place = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / 2**64
            number = 2 if place < test else 1 if place < test + validation else 0
            parts[number].append(recording)
            self.membership.append((subjects.setdefault(recording.group, len(subjects)), number))
        for name, part in zip(("training", "validation", "test"), parts, strict=True):
            if not part:
                raise DataError(
                    f"no stay falls into the {name} part: there are only {len(recordings)} long enough stays of "
                    f"{len({r.group for r in recordings})} subjects",
                    "Use more stays, or another data.split_salt, data.test_fraction or data.validation_fraction.",
                )
        return parts

    def _scaler(self, train: Sequence[Recording], columns: int) -> scaling.Scaler:
        """Return means and standard deviations of the measured training cells.

        `known`: which columns have any and are not to be left out.
        """
        values = np.concatenate([r.values[:, :columns] for r in train])
        observed = np.concatenate([r.observed[:, :columns] for r in train])
        left = [name not in self.settings.leave_out for name in NAMES[:columns]]
        self.known = observed.any(axis=0) & np.array(left)
        return scaling.fit(np.where(observed, values, 0.0), observed)

    def _stay(self, recording: Recording, columns: int) -> Stay:
        # Without a training cell there is neither a mean nor a unit: such a variable counts as never measured, as does
        # one that is to be left out.
        observed = recording.observed[:, :columns] & self.known
        scaled = (
            np.where(observed, recording.values[:, :columns], self.scaler.mean) - self.scaler.mean
        ) / self.scaler.std
        return Stay(scaled, observed, recording.times, recording.group)

    def _windows(
        self, stays: Sequence[Stay], inputs: Sequence[Stay], places: Sequence[Anchor], more: int = 0
    ) -> Windows:
        made = cut(stays, inputs, places, self.frame, more)
        return perturb.unit_timespans(made) if self.settings.timespans == "ones" else made

    @property
    def raw_scalers(self) -> scaling.Scalers:
        """Between the units of the variables and the windows; std infinite where no training cell was measured."""
        std = np.where(self.known, self.scaler.std, np.inf)
        features = scaling.Scaler(scale_of(self.scaler.mean, 0.0, 0.0, _C), scale_of(std, 1.0, AGE_CAP, _C), True)
        return scaling.Scalers(features, scaling.Scaler(self.scaler.mean[:_C], std[:_C], True))

    def test_sets(self) -> list[TestSet]:
        """Return the test windows with noise, missing values, sensor dropout, artefacts and late charting."""
        own = self.settings
        width = 1.0 if own.grid == "hour" else 0.0
        kinds: list[tuple[str, str, float | None, shifts.Perturbation]] = [
            *(("noise", f"noise {level:g} sd", level, shifts.noise(level)) for level in own.noise_levels),
            *(("missing", f"missing {100 * share:g}%", share, shifts.missing(share)) for share in own.missing_levels),
            ("sensor", f"one dark for {own.dark_hours:g} h a day", None, shifts.sensor_dropout(own.dark_hours, _C)),
            ("artefacts", f"{100 * own.spike_rate:g}% spikes", None, shifts.spikes(own.spike_rate)),
            ("jitter", f"up to {60 * own.jitter_hours:g} min late", None, shifts.jitter(own.jitter_hours, width)),
        ]
        sets = [TestSet(group, name, level, partial(self._shifted, name, how)) for group, name, level, how in kinds]
        if own.grid == "event" and own.timespans == "elapsed":
            sets.append(TestSet("timespans", "ones", None, partial(perturb.unit_timespans, self.splits.test)))
        return sets

    def _shifted(self, name: str, how: shifts.Perturbation) -> Windows:
        rng = np.random.default_rng([self.settings.seed, zlib.crc32(name.encode())])
        return self._windows(self.test_stays, [how(stay, rng) for stay in self.test_stays], self.places)

    def baselines(self) -> Mapping[str, Predictor]:
        """Return persistence, the training mean, and an autoregression on six hours of the core."""
        untrained = trivial_predictors(self.splits)
        return {
            "persistence": untrained["persistence"],
            "mean": untrained["mean"],
            "var6_ridge": fit_autoregression(self.splits.train, 6, columns=_C),
        }

    def course(self) -> ExampleFuture:
        """Return the future in the middle of all with the measured hours before it; for invented stays alone."""
        row = len(self.places) // 2
        place = self.places[row]
        stay, rows = self.test_stays[place.stay], slice(place.first, place.last + 1)
        values = np.where(stay.observed[rows, :_C], self.scaler.unscale(stay.values[rows])[:, :_C], np.nan)
        return ExampleFuture(
            name="invented stay",
            row=row,
            steps=range(1, self.frame.horizon + 1),
            columns=range(_C),
            quantities=[Quantity(variable.words, variable.unit) for variable in CORE],
            before_times=(stay.times[rows] - stay.times[place.last]).tolist(),
            before=values.tolist(),
        )

    def measure(self, predictor: Predictor) -> MetricValues:
        """Return the metrics of a predictor on the test windows, with replicates over the test subjects."""
        return measured(
            self._free(predictor),
            self._teacher(predictor),
            self._free(Persistence(_C)),
            self._one_step(predictor),
            self.scaler.std[:_C],
            self.weights,
            self.splits.target_std,
        )

    def _free(self, predictor: Predictor) -> Sums:
        rolled = predictor.roll_out(self.futures)
        return sums_by_subject(rolled, self.futures.future, self.futures.counted, self.subjects)

    @cached_property
    def _with_futures(self) -> Windows:
        """The test windows with the true inputs of their futures; kept, as making them takes long."""
        return self._windows(self.test_stays, self.test_stays, self.places, more=self.frame.horizon - 1)

    def _teacher(self, predictor: Predictor) -> Sums | None:
        """Return the sums of one-step predictions of the futures from true inputs; only on the grid of hours."""
        if self.settings.grid != "hour":
            return None
        predicted = predictor.predict(self._with_futures)[:, -self.frame.horizon :]
        return sums_by_subject(predicted, self.futures.future, self.futures.counted, self.subjects)

    def _one_step(self, predictor: Predictor) -> Sums:
        test = self.splits.test
        counted = test.target_mask & test.valid[..., None]
        whole = sums_by_subject(predictor.predict(test), test.y, counted, self.subjects)
        return Sums(*(part.sum(axis=1, keepdims=True) for part in (whole.squared, whole.absolute, whole.count)))


def _require_hours(recordings: Sequence[Recording]) -> None:
    """Raise DataError unless the rows of all recordings are one hour apart."""
    wrong = sum(len(r.times) > 1 and np.abs(np.diff(r.times) - 1.0).max() > 1e-6 for r in recordings)
    if wrong:
        raise DataError(
            f"on the grid of hours, rows should be one hour apart: those of {wrong} of {len(recordings)} stays are not",
            "Set data.grid to 'event' for charted times.",
        )
