"""The resolved recipe of one run: everything that can change its numbers, typed, from the plan to the comparison."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.records.settings import EvaluateSettings, Matching, TrainSettings

PROTOCOL = ("data", "train", "evaluate", "match", "dt_as_input", "device", "threads", "deterministic")
"""What models of one comparison must have in common to be treated alike."""


class ModelChoice(BaseModel):
    """A model as it runs: its label in the recipe, its name among the models, their version, its arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    name: str
    version: int
    arguments: dict[str, Any] = Field(default_factory=dict)

    @property
    def wiring_seed(self) -> int | None:
        """The seed of the wiring that the arguments fix, None if there is none."""
        seed = self.arguments.get("wiring_seed")
        return seed if isinstance(seed, int) else None


class RunRecipe(BaseModel):
    """The settings of one run. `data` is the case's own table, checked by the case.

    Its JSON form is hashed into the identity of the run (see lnncmp.runs.plan), so a field that is added or renamed
    changes the identity of every run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str
    case_version: int
    source: str
    match: Matching
    dt_as_input: bool
    device: str
    threads: int
    deterministic: bool
    data: dict[str, Any]
    train: TrainSettings
    evaluate: EvaluateSettings
    model: ModelChoice
    seed: int

    @property
    def withholds_time(self) -> bool:
        """Whether every elapsed time is set to 1, in training and test: an ablation."""
        return self.data.get("timespans") == "ones"

    def flat(self) -> dict[str, Any]:
        """Return all settings but the seed as one table with dotted keys, such as "train.epochs"."""
        return {key: value for key, value in leaves(self.model_dump(mode="json")) if key != "seed"}

    def but_for_time(self) -> dict[str, Any]:
        """Return all settings but the seed and whether elapsed times are withheld."""
        return {key: value for key, value in self.flat().items() if key != "data.timespans"}

    def protocol(self) -> dict[str, Any]:
        """Return the settings that models of one comparison share, with dotted keys."""
        return {key: value for key, value in self.flat().items() if key.partition(".")[0] in PROTOCOL}


def leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of every leaf of nested tables.

    >>> dict(leaves({"a": {"b": 1}, "c": 2}))
    {'a.b': 1, 'c': 2}
    """
    for key, value in table.items():
        if isinstance(value, dict):  # asked of every setting of every run; `Mapping` takes ten times as long
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
