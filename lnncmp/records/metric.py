"""The metrics of a case study and the errors of any task: names, units, directions and formulas.

The description travels with the table, so that every format can say what a column means.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Published(BaseModel):
    """A published value of the main error, its source, and how its protocol differs from these runs.

    metric: name of the test metric that it is a value of instead, e.g. "f1"; empty for the main error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: float
    std: float | None = None
    source: str
    metric: str = ""
    differences: list[str] = Field(default_factory=list)


class Metric(BaseModel):
    """One number that a case computes for a predictor on the test windows.

    name: its key in records and JSON. heading: its words in tables. unit: "" if it has none.
    better: "lower", "higher", or "ideal" where the value `ideal` is best and both sides of it are worse.
    formula: one sentence that defines it. compared: whether differences between models are tested. ratio: whether they
    are ratios, if all values are above zero; of a share, such as the accuracy, they are differences. detail: whether
    it is left to JSON and CSV, because a page has no room for all. by_data_set: whether the notes of a study on several
    data sets tell its value on each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    heading: str
    unit: str
    better: Literal["lower", "higher", "ideal"]
    formula: str
    ideal: float | None = None
    compared: bool = True
    by_data_set: bool = False
    ratio: bool = True
    detail: bool = False

    @property
    def in_full(self) -> str:
        """The heading without abbreviations, for axes and sentences."""
        return {"mse": "mean squared error", "nmse": "normalized mean squared error"}.get(self.name, self.heading)


def _error(name: str, heading: str, formula: str) -> Metric:
    return Metric(name=name, heading=heading, unit="", better="lower", formula=formula)


_ERRORS = (
    _error("mse", "MSE", "mean over targets of their mean squared errors, in mixed squared raw units"),
    _error(
        "nmse",
        "NMSE",
        "mean over targets of squared error over the variance of the training targets: 1 is the training mean",
    ),
    _error("error_rate", "error rate", "share of labels for which another class got the largest logit"),
    _error(
        "balanced_error_rate",
        "balanced error rate",
        "mean over classes of the share of their labels for which another class got the largest logit",
    ),
    _error("log_loss", "log loss", "mean of -log of the probability that was given to the true class"),
)
ERRORS = {error.name: error for error in _ERRORS}
"""The errors of every task by name; one of them is the main one of a study (`Scores.main`)."""
