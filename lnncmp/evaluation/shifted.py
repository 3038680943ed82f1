"""Errors on shifted test sets."""

from collections.abc import Sequence

from lnncmp.baselines import Predictor, yardstick
from lnncmp.cases.base import TestSet
from lnncmp.data.windows import Splits, Windows
from lnncmp.evaluation.errors import Errors, one_step
from lnncmp.records.schema import PerturbationPoint

KEPT_BYTES = 2**28
"""What the shifted test sets that are kept may take together."""


class ShiftedSets:
    """The shifted test sets of a study, on which many predictors are tried.

    Making them takes longer than predicting them with a small network. So they are kept, as long as they take no more
    than KEPT_BYTES together, and the error of the simple baseline on each is computed once.
    """

    def __init__(self, test_sets: Sequence[TestSet], splits: Splits, errors: Errors) -> None:
        self.test_sets, self.splits, self.errors = test_sets, splits, errors
        self._kept: dict[int, Windows] = {}
        self._base: dict[int, float] = {}

    def points(self, predictor: Predictor) -> list[PerturbationPoint]:
        """Return the one-step error on each set, and its ratio to that of a simple baseline on the same set."""
        return [self._point(predictor, number) for number in range(len(self.test_sets))]

    def _point(self, predictor: Predictor, number: int) -> PerturbationPoint:
        test_set, windows, main = self.test_sets[number], self._windows(number), self.splits.task.main
        found = self.errors.judge(one_step(predictor, windows, self.splits)).metrics
        if number not in self._base:
            simple = one_step(yardstick(self.splits), windows, self.splits)
            self._base[number] = self.errors.judge(simple).metrics[main]
        base = self._base[number]
        return PerturbationPoint(
            group=test_set.group,
            name=test_set.name,
            level=test_set.level,
            windows=len(windows),
            error=found[main],
            scaled=found[self.errors.scaled],
            ratio=found[main] / base if base > 0 else None,
        )

    def _windows(self, number: int) -> Windows:
        if number in self._kept:
            return self._kept[number]
        windows = self.test_sets[number].make()
        if windows.nbytes + sum(own.nbytes for own in self._kept.values()) <= KEPT_BYTES:
            self._kept[number] = windows
        return windows
