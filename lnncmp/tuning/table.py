"""What a search found, fully computed: the seam between tuning and its tables. Losses are validation losses."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TUNING_SCHEMA_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class TrialRow(_Part):
    """One trial. loss: geometric mean over conditions and seeds of the validation loss, None if it did not end well."""

    number: int
    learning_rate: float
    rate_left: float
    argument: Any
    loss: float | None
    status: Literal["ok", "diverged", "failed"]


class TunedRow(_Part):
    """One model. argument: the name of the argument that was tuned. best: None if no trial ended well.

    edges: at which ends of which ranges the best lies. minutes: of training, all trials and seeds together.
    """

    model: str
    name: str
    version: int
    argument: str
    trials: list[TrialRow]
    default: TrialRow
    best: TrialRow | None
    edges: list[str] = Field(default_factory=list)
    n_diverged: int
    n_failed: int
    minutes: float

    @property
    def ratio(self) -> float | None:
        """The loss of the best trial over that of the recipe's own settings; None if either did not end well."""
        if self.best is None or self.best.loss is None or not self.default.loss:
            return None
        return self.best.loss / self.default.loss


class TuningTable(_Part):
    """The tuning of all models of a case. conditions: data that counted, "" for the usual ones, one hash each."""

    schema_version: int = TUNING_SCHEMA_VERSION
    title: str
    case: str
    case_version: int
    source: str
    conditions: list[str]
    data_hash: list[str]
    preset: str
    match: str
    epochs: int
    patience: int | None
    trials: int
    dimensions: list[str]
    seeds: list[int]
    sampler: str
    rows: list[TunedRow]
    notes: list[str]
