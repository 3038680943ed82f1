"""From stays with their outcomes to splits, perturbed test sets and what is said of the data.

Legend of shapes: N stays, V parameters.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from lnncmp.baselines import Predictor, trivial_predictors
from lnncmp.cases.base import Described, Prepared, TestSet
from lnncmp.cases.mortality import shifts
from lnncmp.cases.mortality.parts import PARTS, parts_of
from lnncmp.cases.mortality.settings import MortalitySettings
from lnncmp.cases.mortality.windows import Bools, Frame, cut, of_features, published_scaler, training_scaler
from lnncmp.data import perturb, scaling
from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.data.resampling import resampling_of
from lnncmp.data.task import classes
from lnncmp.data.windows import Splits, Windows

OUTCOMES = ("survived", "died")


class Preparation:
    """All windows of stays under one setting. died (N,): the outcome of each stay."""

    def __init__(self, stays: Sequence[Recording], died: Bools, settings: MortalitySettings) -> None:
        self.settings, self.died = settings, died
        self.rows = np.array([len(stay.times) for stay in stays], np.intp)
        self.parts = parts_of(died, settings)
        chosen = [np.flatnonzero(self.parts == part) for part in range(len(PARTS))]
        train, held, self.test = ([stays[int(n)] for n in part] for part in chosen)
        known = training_scaler(train)
        self.std = known.std
        values = known if settings.scaling == "training" else published_scaler(stays)
        rows = min(int(self.rows.max()), settings.most_rows)
        self.frame = Frame(rows, settings.quantum, of_features(values))
        whole, checked, tested = (
            self._windows(part, died[own]) for part, own in zip((train, held, self.test), chosen, strict=True)
        )
        outputs = len(OUTCOMES)
        self.splits = Splits(
            whole,
            checked,
            tested,
            scaling.identity(whole.x.shape[2]),
            scaling.identity(outputs),
            np.ones(outputs),
            classes(OUTCOMES, settings.main, self._weights(died[chosen[0]])),
        )

    def _weights(self, died: Bools) -> tuple[float, ...]:
        if self.settings.class_weights == "none":
            return ()
        return tuple(float(len(died) / (2 * (died == outcome).sum())) for outcome in (False, True))

    def _windows(self, stays: Sequence[Recording], died: Bools) -> Windows:
        made = cut(stays, died, self.frame)
        return perturb.unit_timespans(made) if self.settings.timespans == "ones" else made

    def prepared(self, data_hash: str, lost: Sequence[AttritionStep]) -> Prepared:
        """Return all that a comparison sees. lost: on the way to the stays."""
        own = self.settings
        return Prepared(
            self.splits,
            None,
            self.test_sets(),
            data_hash,
            self.baselines,
            attrition=[*lost, self._kept()],
            facts={"stays": len(self.died), "deaths": int(self.died.sum())},
            resampling=resampling_of(self.splits.test.group, own.seed, own.replicates),
            raw_scalers=scaling.Scalers(self.frame.features, scaling.identity(len(OUTCOMES))),
            described=self._described(),
        )

    def _kept(self) -> AttritionStep:
        kept = int(np.minimum(self.rows, self.frame.rows).sum())
        longer = int((self.rows > self.frame.rows).sum())
        why = f"one of each stay, its last {self.frame.rows} rows at most: {longer:,} stays have more"
        return AttritionStep("windows", why, kept, len(self.rows), len(self.rows))

    def _described(self) -> list[Described]:
        grid = []
        for number, name in enumerate(PARTS):
            own = self.parts == number
            stays, deaths = int(own.sum()), int(self.died[own].sum())
            grid.append((name, stays, deaths, float(f"{100 * deaths / stays:.3g}"), int(np.median(self.rows[own]))))
        headings = ("part", "stays", "deaths", "deaths, %", "rows of a stay (median)")
        own = self.settings
        sets = "set" if len(own.sets) == 1 else "sets"
        notes = [
            f"{sets} {' and '.join(own.sets.upper())} of the challenge's three, of 4,000 stays each",
            f"Fold {own.fold} of {own.folds} (counted from 0) is the test; each stay is in the test of one fold",
            f"Times are rounded to {own.quantum:g} h; one unit of elapsed time is an hour",
        ]
        return [Described("Stays", headings, tuple(grid), tuple(notes))]

    def test_sets(self) -> list[TestSet]:
        """Return the test windows with noise, with missing measurements, and without elapsed times."""
        own = self.settings
        kinds: list[tuple[str, str, float, shifts.Perturbation]] = [
            *(("noise", f"noise {level:g} sd", level, shifts.noise(level, self.std)) for level in own.noise_levels),
            *(("missing", f"missing {100 * share:g}%", share, shifts.missing(share)) for share in own.missing_levels),
        ]
        sets = [TestSet(group, name, level, partial(self._shifted, name, how)) for group, name, level, how in kinds]
        if own.timespans == "elapsed":
            sets.append(TestSet("timespans", "ones", None, partial(perturb.unit_timespans, self.splits.test)))
        return sets

    def _shifted(self, name: str, how: shifts.Perturbation) -> Windows:
        rng = np.random.default_rng([self.settings.seed, zlib.crc32(name.encode())])
        return self._windows([how(stay, rng) for stay in self.test], self.died[self.parts == 2])

    def baselines(self) -> Mapping[str, Predictor]:
        """Return the share of deaths, and logistic regressions on the last row and the last four."""
        return trivial_predictors(self.splits)


def outcomes_hash(died: Bools) -> str:
    """Return 16 hexadecimal digits over outcomes in order."""
    return hashlib.sha256(np.packbits(died).tobytes() + str(len(died)).encode()).hexdigest()[:16]
