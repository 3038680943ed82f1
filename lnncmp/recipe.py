"""Recipes: everything that can change a number, as TOML, checked on load, stored whole in every record.

`recipes/<case>.<preset>.toml` is the recipe of one study command and preset. With `extends = "<name>"` it states
only what differs from `recipes/<name>.toml`. `--set key=value` changes single values on top.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lnncmp.cases.base import Settings, load_case
from lnncmp.errors import UsageError, unknown_name
from lnncmp.models.base import Arguments
from lnncmp.models.registry import load_model, model_names
from lnncmp.published import Published
from lnncmp.resources import share_dir
from lnncmp.settings import EvaluateSettings, TrainSettings

Table = dict[str, Any]
_BY_COMMAND = {"case": "lnncmp CASE", "preset": "lnncmp CASE --preset NAME"}
_WORDS = {"device": "should be cpu, cuda or cuda:N"}
Parsed = TypeVar("Parsed", bound=BaseModel)


class ModelEntry(BaseModel):
    """One row of a comparison: which model, its arguments, training settings that differ, a published number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    arguments: Table = Field(default_factory=dict)
    train: Table = Field(default_factory=dict)
    published: Published | None = None


class Recipe(BaseModel):
    """A resolved recipe.

    match: `hidden` gives every model the same number of hidden units, `params` the hidden units whose active
    parameters come closest to the reference model's, `own` leaves each model's own size (published settings).
    dt_as_input: append the elapsed time to the inputs of models that do not use it otherwise (LSTM, GRU).
    implementation: fused kernels, plain PyTorch or auto, for models whose own arguments do not say it.
    assumptions: dotted key -> why this value, for every setting that the study left open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str
    title: str
    source: str
    preset: str = "standard"
    reference: str = "lstm"
    match: Literal["hidden", "params", "own"] = "hidden"
    hidden: Annotated[int, Field(ge=1)] = 64
    dt_as_input: bool = True
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")] = "cpu"
    threads: Annotated[int, Field(ge=1)] = 1
    deterministic: bool = False
    implementation: Literal["auto", "fused", "loop"] = "auto"
    data: Table = Field(default_factory=dict)
    train: Table = Field(default_factory=dict)
    evaluate: Table = Field(default_factory=dict)
    models: Annotated[dict[str, Table], Field(min_length=1)]
    assumptions: dict[str, str] = Field(default_factory=dict)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("should name each seed once")
        return seeds

    def data_settings(self) -> Settings:
        """Return the checked `data` table."""
        return parse(load_case(self.case).settings, self.data, "data")

    def train_settings(self, label: str | None = None) -> TrainSettings:
        """Return the checked `train` table, with the differences of the model `label` applied."""
        own = self.entry(label).train if label else {}
        return parse(TrainSettings, {**self.train, **own}, "train" if label is None else f"models.{label}.train")

    def evaluate_settings(self) -> EvaluateSettings:
        """Return the checked `evaluate` table."""
        return parse(EvaluateSettings, self.evaluate, "evaluate")

    def entry(self, label: str) -> ModelEntry:
        """Return the model row `label`; its `model` defaults to the label itself."""
        return parse(ModelEntry, {"model": label, **self.models[label]}, f"models.{label}")

    def arguments(self, label: str) -> Arguments:
        """Return the checked arguments of the model `label`; `hidden` is the recipe's unless `match` is `own`."""
        entry = self.entry(label)
        kind = load_model(entry.model).arguments
        given = entry.arguments if self.match == "own" else {**entry.arguments, "hidden": self.hidden}
        if "implementation" in kind.model_fields:
            given = {"implementation": self.implementation, **given}
        return parse(kind, given, f"models.{label}.arguments")


def parse(kind: type[Parsed], table: Mapping[str, Any], where: str) -> Parsed:
    """Return `table` as a checked `kind`. Raises UsageError that names the key, what was expected and what came."""
    try:
        return kind.model_validate(table)
    except ValidationError as invalid:
        raise _explained(kind, invalid, where) from None


def _explained(kind: type[BaseModel], invalid: ValidationError, where: str) -> UsageError:
    first = invalid.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    key = f"{where}.{path}" if where else path
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        near = difflib.get_close_matches(name, list(kind.model_fields), n=1, cutoff=0.5)
        guess = f"Did you mean '{near[0]}'? " if near else ""
        return UsageError(
            f"unknown recipe key '{key}'", f"{guess}Known keys here: {', '.join(sorted(kind.model_fields))}"
        )
    if first["type"] == "missing":
        return UsageError(f"the recipe lacks the key '{key}'")
    expected = _WORDS.get(key) or first["msg"].removeprefix("Value error, ")
    return UsageError(f"recipe key '{key}' is {first['input']!r}: {expected[:1].lower()}{expected[1:]}")


def preset_names(case: str) -> list[str]:
    """Return the presets that have a recipe for `case`."""
    return sorted(path.name.split(".")[1] for path in share_dir("recipes").glob(f"{case}.*.toml"))


def load_recipe(
    case: str,
    preset: str,
    changes: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    only: Sequence[str] | None = None,
    variant: str | None = None,
) -> Recipe:
    """Return the resolved, checked recipe of `case` and `preset`.

    changes: `key=value` with dotted keys and TOML values, as of `--set`; train.KEY holds for every model, also for
    those that have a value of their own. overrides: top-level keys given by options.
    only: models to compare in place of the recipe's; one that the recipe lacks gets its default arguments.
    variant: name of a table `variants.<name>` of the recipe that is laid over it, before the changes.
    Raises UsageError for unknown presets, keys or values, each with the nearest match where there is one.
    """
    if preset not in preset_names(case):
        raise unknown_name("preset", preset, preset_names(case))
    table = _varied(_read(share_dir("recipes") / f"{case}.{preset}.toml"), variant)
    for change in changes:
        _set(table, change)
    table.update(overrides or {})
    parse(Recipe, {**table, "case": case, "preset": preset}, "")
    if only is not None:
        _choose_models(table, only)
    recipe = parse(Recipe, {**table, "case": case, "preset": preset}, "")
    _require_own_sizes(recipe, changes)
    check(recipe)
    return recipe


def _varied(table: Table, variant: str | None) -> Table:
    """Return the recipe without its variants, the one asked for laid over it."""
    variants = table.pop("variants", {})
    if variant is None:
        return table
    if variant not in variants:
        raise unknown_name("variant of this recipe", variant, variants)
    return _merged(table, variants[variant])


def _require_own_sizes(recipe: Recipe, changes: Sequence[str]) -> None:
    """Refuse a size set for one model where matching would overrule it without a word."""
    sized = [change for change in changes if change.partition("=")[0].strip().endswith(".arguments.hidden")]
    if sized and recipe.match != "own":
        raise UsageError(
            f"--set {sized[0]} has no effect: sizes are matched by '{recipe.match}'",
            "Set the size of all models with --set hidden=N, or let each have its own with --match own.",
        )


def _choose_models(table: Table, only: Sequence[str]) -> None:
    known = {name: {} for name in model_names()} | table["models"]
    for name in only:
        if name not in known:
            raise unknown_name("model", name, known)
    if not only:
        raise UsageError("--models names no model", f"Available: {', '.join(known)}")
    table["models"] = {name: known[name] for name in only}
    if table.get("reference", "lstm") not in only:
        table["reference"] = only[0]


def check(recipe: Recipe) -> None:
    """Raise UsageError unless every table of `recipe` names real things with values in range."""
    case = load_case(recipe.case)
    if recipe.source not in case.sources:
        raise unknown_name("source", recipe.source, case.sources)
    recipe.data_settings()
    recipe.evaluate_settings()
    recipe.train_settings()
    for label in recipe.models:
        recipe.arguments(label)
        recipe.train_settings(label)
    if recipe.reference not in recipe.models:
        raise unknown_name("reference model", recipe.reference, recipe.models)


def _read(path: Path) -> Table:
    """Return the table of `path`, laid over the one it extends."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    base = table.pop("extends", None)
    return table if base is None else _merged(_read(path.parent / f"{base}.toml"), table)


def _merged(base: Table, over: Table) -> Table:
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _merged(out[key], value) if both else value
    return out


def _set(table: Table, change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set takes key=value, got '{change}'", "For example: --set train.epochs=5")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *parents, last = key.strip().split(".")
    if parents == ["train"]:
        _forget_own(table, last)
    if not parents and last in _BY_COMMAND:
        raise UsageError(f"--set cannot change '{last}'", f"It follows from the command: {_BY_COMMAND[last]}.")
    for parent in parents:
        if not isinstance(table.setdefault(parent, {}), dict):
            raise UsageError(f"--set {key}: '{parent}' is a value, not a table")
        table = table[parent]
    table[last] = value


def _forget_own(table: Table, setting: str) -> None:
    """Drop the models' own values of a training setting: who sets it for all means all."""
    models = table.get("models")
    for label, entry in models.items() if isinstance(models, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("train"), dict):
            rest = {key: value for key, value in entry["train"].items() if key != setting}
            table["models"][label] = {**entry, "train": rest}
