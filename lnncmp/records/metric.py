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


ERRORS = {
    "mse": Metric(
        name="mse",
        heading="MSE",
        unit="",
        better="lower",
        formula="mean over targets of their mean squared errors, in mixed squared raw units",
    ),
    "nmse": Metric(
        name="nmse",
        heading="NMSE",
        unit="",
        better="lower",
        formula="mean over targets of squared error over the variance of the training targets: 1 is the training mean",
    ),
    "error_rate": Metric(
        name="error_rate",
        heading="error rate",
        unit="",
        better="lower",
        formula="share of labels for which another class got the largest logit",
    ),
    "balanced_error_rate": Metric(
        name="balanced_error_rate",
        heading="balanced error rate",
        unit="",
        better="lower",
        formula="mean over classes of the share of their labels for which another class got the largest logit",
    ),
    "log_loss": Metric(
        name="log_loss",
        heading="log loss",
        unit="",
        better="lower",
        formula="mean of -log of the probability that was given to the true class",
    ),
}
"""The errors of every task by name; one of them is the main one of a study (`Scores.main`)."""
