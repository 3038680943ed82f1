"""Recipes: all settings that can change a number, as TOML, validated on load, stored completely in every record.

`recipes/<case>.<preset>.toml` is the recipe of one study command and preset. With `extends = "<name>"` it contains
only the differences from `recipes/<name>.toml`. `--set key=value` changes single values.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lnncmp.cases.base import Settings, load_case
from lnncmp.errors import UsageError, shown
from lnncmp.models.base import Arguments, load_model
from lnncmp.recipe import decay
from lnncmp.records.metric import Published
from lnncmp.records.settings import EvaluateSettings, Matching, TrainSettings
from lnncmp.records.tuning import Tuning

Table = dict[str, Any]
MAX_SEEDS = 1000
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Label = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\S(.*\S)?$")]
_WORDS = {"device": "should be cpu, cuda or cuda:N"}
Parsed = TypeVar("Parsed", bound=BaseModel)


class ModelEntry(BaseModel):
    """One row of a comparison: a model, its arguments, its own training settings, a published number.

    tuning: the search that found its settings, put here when a tuned recipe is applied; a recipe does not set it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    arguments: Table = Field(default_factory=dict)
    train: Table = Field(default_factory=dict)
    published: Published | None = None
    tuning: Tuning | None = None


class CostEntry(BaseModel):
    """A model whose cost is measured and that is not trained, for example with a solver that takes too long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    arguments: Table = Field(default_factory=dict)


class Recipe(BaseModel):
    """A resolved recipe.

    match: `hidden` gives every model the same number of hidden units; `params` gives it the hidden units whose number
    of active parameters is closest to the reference model's; `smallest` does so with the goal of the model that has
    the fewest at the recipe's hidden units, so that its rivals shrink; `own` keeps each model's own size (published
    settings).
    dt_as_input: append the elapsed time to the inputs of models that do not use it otherwise (LSTM, GRU).
    cost_repeats: fresh processes in which the cost of the models is measured; under three, times and peaks of memory
    get no verdict.
    implementation: fused kernels, plain PyTorch or auto, unless a model's arguments specify it.
    without_time: whether all models are also trained and tested with every elapsed time set to 1, beside the table.
    cost_only: label -> a model that is measured together with the others and not trained.
    assumptions: dotted key -> reason for the value, for every setting that the paper leaves unspecified.
    tuned: apply the tuned recipe of the case, or the one named (a name under recipes/tuned, or a .toml file).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str
    title: str
    source: str
    preset: str = "standard"
    reference: str = "lstm"
    match: Matching = "hidden"
    hidden: Annotated[int, Field(ge=1)] = 64
    dt_as_input: bool = True
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)] = (0,)
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")] = "cpu"
    threads: Annotated[int, Field(ge=1)] = 1
    cost_repeats: Annotated[int, Field(ge=1, le=100)] = 5
    deterministic: bool = False
    implementation: Literal["auto", "fused", "loop"] = "auto"
    without_time: bool = False
    data: Table = Field(default_factory=dict)
    train: Table = Field(default_factory=dict)
    evaluate: Table = Field(default_factory=dict)
    models: Annotated[dict[Label, Table], Field(min_length=1, max_length=1000)]
    cost_only: dict[Label, CostEntry] = Field(default_factory=dict)
    assumptions: dict[str, str] = Field(default_factory=dict)
    tuned: bool | str = False

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("should name each seed once")
        return seeds

    def ablations(self) -> list["Recipe"]:
        """Return the recipes whose runs belong beside this one's table: without elapsed times, if it asks for that."""
        if not self.without_time or self.data.get("timespans") == "ones":
            return []
        changed = {"without_time": False, "data": {**self.data, "timespans": "ones"}}
        return [self.model_copy(update=changed)]

    def count_runs(self) -> int:
        """Return the number of runs, those of the ablations included."""
        return len(self.models) * len(self.seeds) * (1 + len(self.ablations()))

    def data_settings(self) -> Settings:
        """Return the validated `data` table."""
        return parse(load_case(self.case).settings, self.data, "data")

    def train_settings(self, label: str | None = None) -> TrainSettings:
        """Return the validated `train` table, including the own settings of the model `label`.

        A share of the learning rate that is left at the end (`rate_left`) becomes the decay per epoch.
        """
        where = "train" if label is None else f"models.{label}.train"
        table = decay.joined(self.train, self.entry(label).train if label else {})
        rest = {key: value for key, value in table.items() if key != decay.RATE_LEFT}
        return parse(TrainSettings, decay.per_epoch(table, parse(TrainSettings, rest, where).epochs, where), where)

    def evaluate_settings(self) -> EvaluateSettings:
        """Return the validated `evaluate` table."""
        return parse(EvaluateSettings, self.evaluate, "evaluate")

    def entry(self, label: str) -> ModelEntry:
        """Return the entry of the model `label`; its `model` defaults to the label."""
        return parse(ModelEntry, {"model": label, **self.models[label]}, f"models.{label}")

    def arguments(self, label: str) -> Arguments:
        """Return the validated arguments of the model `label`; `hidden` is the recipe's unless `match` is `own`."""
        entry = self.entry(label)
        kind = load_model(entry.model).arguments
        given = entry.arguments if self.match == "own" else {**entry.arguments, "hidden": self.hidden}
        if "implementation" in kind.model_fields:
            given = {"implementation": self.implementation, **given}
        return parse(kind, given, f"models.{label}.arguments")

    def cost_only_arguments(self, label: str, hidden: int) -> Arguments:
        """Return the validated arguments of a model that is not trained; it has `hidden` units unless they are set."""
        entry = self.cost_only[label]
        kind = load_model(entry.model).arguments
        chosen = "auto" if self.implementation == "fused" else self.implementation  # not every solver has a kernel
        own: Table = {"implementation": chosen} if "implementation" in kind.model_fields else {}
        return parse(kind, {**own, "hidden": hidden, **entry.arguments}, f"cost_only.{label}.arguments")


def parse(kind: type[Parsed], table: Mapping[str, Any], where: str) -> Parsed:
    """Return `table` as a validated `kind`. Raises UsageError with the key, the expected and the given value."""
    try:
        made = kind.model_validate(table)
    except ValidationError as invalid:
        raise _explained(kind, invalid, where) from None
    for key, value in table.items():
        if _is_other_kind(value, getattr(made, key, None)):
            name = f"{where}.{key}" if where else key
            expected = "true or false" if isinstance(getattr(made, key), bool) else "a number"
            raise UsageError(f"recipe key '{name}' is {shown(repr(value))}: it should be {expected}")
    return made


def _is_other_kind(given: object, taken: object) -> bool:
    """Tell whether a flag or a text was taken for a number, or the reverse: pydantic reads true as 1 and "16" as 16."""
    if isinstance(given, list | tuple) and isinstance(taken, list | tuple) and len(given) == len(taken):
        return any(map(_is_other_kind, given, taken))
    if isinstance(taken, bool):
        return not isinstance(given, bool)
    return isinstance(given, bool | str) and isinstance(taken, int | float)


def _explained(kind: type[BaseModel], invalid: ValidationError, where: str) -> UsageError:
    first = invalid.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    key = f"{where}.{path}" if where else path
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        near = difflib.get_close_matches(name, list(kind.model_fields), n=1, cutoff=0.5)
        guess = f"Did you mean '{near[0]}'? " if near else ""
        return UsageError(
            f"unknown recipe key '{shown(key)}'", f"{guess}Known keys here: {', '.join(sorted(kind.model_fields))}"
        )
    if first["type"] == "missing":
        return UsageError(f"the recipe lacks the key '{key}'")
    expected = _WORDS.get(key) or first["msg"].removeprefix("Value error, ")
    return UsageError(f"recipe key '{key}' is {shown(repr(first['input']))}: {expected[:1].lower()}{expected[1:]}")
