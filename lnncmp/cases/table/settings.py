"""The `data` table of a recipe about one's own table: which columns, what is asked of them, windows, splits.

Legend of shapes: K rows ahead.
"""

import csv
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from lnncmp.cases.base import Settings, each_once

Task = Literal["forecast", "regress", "classify"]
TIME, GROUP, RANDOM, AUTO = "time", "group", "random", "auto"
SPLITS = (AUTO, TIME, GROUP, RANDOM)
"""Ways to split that are no column."""
_NAMED = 3
"""How many targets are named in a title."""
METRICS = {"values": ("nmse", "mse"), "classes": ("error_rate", "balanced_error_rate", "log_loss")}
"""Main errors of values and of classes, the usual one first."""


def _names(given: Any) -> Any:
    """Return the names in a text that separates them by commas; a name with a comma stands in double quotes."""
    if not isinstance(given, str):
        return given
    rows = list(csv.reader([given], skipinitialspace=True))
    return tuple(name.strip() for name in (rows[0] if rows else []) if name.strip())


Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], BeforeValidator(_names)]
Share = Annotated[float, Field(gt=0, lt=1)]
Level = Annotated[float, Field(gt=0, le=100)]
Rows = Annotated[int, Field(ge=1, le=100_000)]
Weight = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class TableSettings(Settings):
    """What is asked of a table. What is not given is chosen when the table has been read, and then stands here.

    target, time, group, features: names of columns; features: None = all others that can be read, () = none.
    task: `forecast` the targets some rows ahead, from themselves and the features; `regress` or `classify` the targets
    from the features alone. label: whether each row has a target (`step`), or the last row of each window (`window`).
    horizon: rows ahead of an input row at which its target lies (forecast: 1, else 0). window, stride: rows of a
    window, and from one window to the next. at_most: training windows, evenly thinned; validation and test have at most
    half as many each. None = all.
    split: `time` (each series into consecutive parts, a window's rows apart), `group` (whole series), `random`
    (windows), or the name of a column that says train, validation or test. fractions: of the three parts.
    gaps: whether an elapsed time over `max_gap` units ends a series (`split`), or is given as it is (`keep`).
    class_weights: of the classes in the training loss; `balanced`: every class counts as much as any other.
    main: the error that ranks models. noise_levels: in standard deviations of each input; missing_levels: shares of
    cells. seed: of the split and of perturbed test sets.

    Filled in from the table: classes: column -> its classes, in order, of every column that holds such; missing:
    columns that have missing cells; unit: length of one unit of elapsed time, the median step, in seconds or in the
    unit of the time column, and `unit_words`, the same in words; horizons: free-running steps in the table.
    """

    target: Names = ()
    time: str | None = None
    group: str | None = None
    features: Names | None = None
    task: Task = "forecast"
    label: Literal["step", "window"] = "step"
    horizon: Annotated[int, Field(ge=0, le=10_000)] | None = None
    window: Annotated[int, Field(ge=2, le=10_000)] | None = None
    stride: Rows | None = None
    at_most: Annotated[int, Field(ge=3, le=100_000_000)] | None = 4000
    split: Annotated[str, Field(min_length=1, max_length=1000)] = AUTO
    fractions: tuple[Share, Share, Share] = (0.7, 0.15, 0.15)
    gaps: Literal["split", "keep"] = "split"
    max_gap: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 10.0
    class_weights: Literal["none", "balanced"] | tuple[Weight, ...] = "none"
    main: Literal["auto", "nmse", "mse", "error_rate", "balanced_error_rate", "log_loss"] = "auto"
    timespans: Literal["elapsed", "ones"] = "elapsed"
    noise_levels: tuple[Level, ...] = (0.1, 0.3, 1.0)
    missing_levels: tuple[Share, ...] = (0.1, 0.3)
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20254
    classes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    missing: Names = ()
    unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    unit_words: str = "row"
    horizons: tuple[Rows, ...] = ()

    @field_validator("fractions")
    @classmethod
    def _are_a_whole(cls, fractions: tuple[float, float, float]) -> tuple[float, float, float]:
        if abs(sum(fractions) - 1) > 1e-6:
            raise PydanticCustomError(
                "fractions", "training, validation and test should sum to 1, not {sum}", {"sum": f"{sum(fractions):g}"}
            )
        return fractions

    @field_validator("target", "features", "noise_levels", "missing_levels")
    @classmethod
    def _each_once(cls, given: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return each_once(given)

    @field_validator("task")
    @classmethod
    def _has_one_target(cls, task: Task, others: ValidationInfo) -> Task:
        if task == "classify" and len(others.data.get("target", ())) > 1:
            raise PydanticCustomError("target", "takes one target column")
        return task

    @field_validator("label", "horizon")
    @classmethod
    def _suits_a_forecast(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("task") == "forecast" and value in ("window", 0):
            wanted = "'step': a target for each window is of tasks regress and classify"
            words = wanted if info.field_name == "label" else "1 or more: a forecast is of a row ahead"
            raise PydanticCustomError("forecast", "should be {words}", {"words": words})
        return value

    @field_validator("main")
    @classmethod
    def _suits_the_task(cls, main: str, others: ValidationInfo) -> str:
        known = METRICS["classes" if others.data.get("task") == "classify" else "values"]
        if main not in (AUTO, *known):
            raise PydanticCustomError("main", "should be {known} for this task", {"known": " or ".join(known)})
        return main

    @property
    def ahead(self) -> int:
        """Rows from an input row to its target."""
        if self.horizon is not None:
            return self.horizon
        return 1 if self.task == "forecast" else 0

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that a network reads: of a forecast the targets, then the features."""
        own = self.target if self.task == "forecast" else ()
        return (*own, *(self.features or ()))

    @property
    def data_seed(self) -> int:
        """The seed that draws the parts, unless they follow from time or a column."""
        return self.seed

    @property
    def conditions(self) -> str:
        """What is asked of which columns."""
        more = len(self.target) - _NAMED
        named = ", ".join(self.target[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        words = {"forecast": "forecast of", "regress": "regression of", "classify": "classes of"}[self.task]
        return f"{words} {named}" + (f", {self.ahead} rows ahead" if self.ahead > 1 else "")
