"""The `data` table of a mortality recipe: which stays, what is read of them, which fold is the test."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from lnncmp.cases.base import Settings, each_once

Share = Annotated[float, Field(gt=0, lt=1)]
Level = Annotated[float, Field(gt=0, le=100)]
PUBLISHED = "scaled as published"
"""Conditions of runs on values that are scaled as in the CfC paper's code."""


class MortalitySettings(Settings):
    """Times are in hours, noise levels in standard deviations of the training data.

    sets: of the challenge's stays, such as a or abc. quantum: times are rounded to its multiples, and what falls
    together is averaged. most_rows: of a stay; of a longer one the last are kept, whose values carried forward hold
    what was measured before them. ranges: whether values outside of the plausible range count as missing (`drop`) or
    not (`keep`). scaling: `training` to mean 0 and variance 1 of the measured training cells; `published` as the CfC
    paper's code does it, minus the smallest and over the largest value of all stays, those of the test included.
    folds, fold: the stays are parted into so many, with equal shares of deaths; the test is this one, counted from 0.
    validation_fraction: of the stays that are not in the test. class_weights: in the training loss and in the logistic
    regressions; `balanced`: both outcomes count the same. main: the error that ranks models. replicates: bootstrap
    samples of the test stays. seed: of the folds, of perturbed test sets and of these samples.
    """

    sets: Literal["a", "b", "c", "ab", "ac", "bc", "abc"] = "a"
    quantum: Annotated[float, Field(gt=0, le=24, allow_inf_nan=False)] = 0.5
    most_rows: Annotated[int, Field(ge=2, le=3000)] = 256
    ranges: Literal["drop", "keep"] = "drop"
    scaling: Literal["training", "published"] = "training"
    timespans: Literal["elapsed", "ones"] = "elapsed"
    folds: Annotated[int, Field(ge=2, le=100)] = 5
    fold: Annotated[int, Field(ge=0)] = 0
    validation_fraction: Share = 0.2
    class_weights: Literal["none", "balanced"] = "none"
    main: Literal["log_loss", "balanced_error_rate"] = "log_loss"
    noise_levels: tuple[Level, ...] = (0.1, 0.3, 1.0)
    missing_levels: tuple[Share, ...] = (0.1, 0.3, 0.5)
    replicates: Annotated[int, Field(ge=2, le=10_000)] = 200
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20256

    @field_validator("fold")
    @classmethod
    def _is_one_of_them(cls, fold: int, others: ValidationInfo) -> int:
        folds = others.data.get("folds", fold + 1)
        if fold >= folds:
            raise PydanticCustomError(
                "fold", "should be under data.folds, {folds}: they are counted from 0", {"folds": folds}
            )
        return fold

    @field_validator("noise_levels", "missing_levels")
    @classmethod
    def _distinct(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        return each_once(levels, "level")

    @property
    def data_seed(self) -> int:
        """The fold that is the test."""
        return self.fold

    @property
    def conditions(self) -> str:
        """Which sets, and how values are scaled, where that is not the usual way."""
        sets = "" if self.sets == "a" else f"sets {' and '.join(self.sets.upper())}"
        return ", ".join(filter(None, [sets, PUBLISHED if self.scaling == "published" else ""]))
