"""Tuned recipes: what `lnncmp tune` found for the models of a case, laid over any preset of it.

A file under `recipes/tuned/`, or one's own: a table `tuning` with the provenance and a table for each model.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.cases.base import load_case, recipe_folder
from lnncmp.common.toml import read_toml
from lnncmp.errors import UsageError, unknown_name
from lnncmp.models.base import load_model, model_names
from lnncmp.recipe import decay
from lnncmp.recipe.recipe import Table, parse
from lnncmp.records.tuning import Tuning

_AGAIN = "Tune it again with: lnncmp tune {case}"
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Provenance(BaseModel):
    """Where tuned values come from. conditions: the data that counted ("" = the usual ones), with one hash each.

    epochs, patience: the training of a trial. trials: of each model, its untuned settings among them. seeds: of the
    trials. sampler: how trials were chosen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str
    case_version: int
    source: str
    conditions: tuple[str, ...]
    data_hash: tuple[str, ...]
    preset: str
    match: str
    epochs: int
    patience: int | None = None
    trials: Annotated[int, Field(ge=1)]
    seeds: tuple[int, ...]
    sampler: str


class TunedTraining(BaseModel):
    """The tuned training settings of a model. rate_left: share of the learning rate that is left at the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Rate
    rate_left: Annotated[float, Field(gt=0, le=1)]


class TunedModel(BaseModel):
    """The tuned settings of one model. model, version: what was tuned; another version has other best values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: int
    train: TunedTraining
    arguments: dict[str, Any]


class TunedRecipe(BaseModel):
    """The tuned settings of the models of a case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tuning: Provenance
    models: Annotated[dict[str, TunedModel], Field(min_length=1)]

    def note(self, label: str, name: str) -> Tuning:
        """Return what a record says about the tuning of a model; name: of the tuned recipe."""
        own, how = self.models[label], self.tuning
        seeds = f"seeds {min(how.seeds)}-{max(how.seeds)}" if len(how.seeds) > 1 else f"seed {how.seeds[0]}"
        return Tuning(
            trials=how.trials,
            dimensions=(
                *(f"train.{key}" for key in TunedTraining.model_fields),
                *(f"arguments.{k}" for k in own.arguments),
            ),
            origin=f"tuned recipe {name}: preset {how.preset}, {how.source} data, {how.epochs} epochs, {seeds}",
        )

    def as_toml(self) -> str:
        """Return the file of this recipe."""
        how = self.tuning
        lines = [
            f"# Made by `lnncmp tune {how.case}`, used with --tuned: equal numbers of trials for each model, judged by",
            "# the validation loss; no test data were used.",
            "[tuning]",
            *(f"{key} = {_toml(value)}" for key, value in how.model_dump().items() if value is not None),
        ]
        for label, own in self.models.items():
            lines += ["", f"[models.{_key(label)}]", f"model = {_toml(own.model)}", f"version = {own.version}"]
            lines += [f"train = {_toml(own.train.model_dump())}", f"arguments = {_toml(own.arguments)}"]
        return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return text if text.replace("_", "").replace("-", "").isalnum() and text.isascii() else json.dumps(text)


def _toml(value: Any) -> str:
    """Return a string, number, flag, list or table of them as a TOML value."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(part)}" for key, part in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def load_tuned(case: str, wanted: bool | str) -> tuple[TunedRecipe, str]:
    """Return a tuned recipe and its name.

    wanted: True for the one of the case, the name of another under recipes/tuned, or a .toml file. Raises UsageError if
    it belongs to another case, version or model, or holds anything else; DataError if a file cannot be read.
    """
    name, folder = case if wanted is True else str(wanted), recipe_folder(case)
    shipped = {path.stem: path for path in (folder / "tuned").glob("*.toml")} if folder is not None else {}
    if not name.endswith(".toml") and name not in shipped:
        raise UsageError(
            f"there is no tuned recipe '{name}': available are {', '.join(sorted(shipped)) or 'none'}",
            f"Make one with `lnncmp tune {case}` and use it with --tuned-with FILE.",
        )
    path = Path(name) if name.endswith(".toml") else shipped[name]
    tuned = parse(TunedRecipe, read_toml(path, "the tuned recipe"), "")
    _check(tuned, case, path.name)
    return tuned, path.stem


def _check(tuned: TunedRecipe, case: str, name: str) -> None:
    how, again = tuned.tuning, _AGAIN.format(case=case)
    if how.case != case:
        raise UsageError(f"the tuned recipe {name} belongs to the case {how.case}, not {case}", again)
    version = load_case(case).version
    if how.case_version != version:
        raise UsageError(
            f"the tuned recipe {name} was made for version {how.case_version} of {case}; this is version {version}",
            again,
        )
    for label, own in tuned.models.items():
        if own.model not in model_names():
            raise unknown_name(f"model of {label} in the tuned recipe {name}", own.model, model_names())
        spec = load_model(own.model)
        if own.version != spec.version:
            raise UsageError(
                f"the tuned recipe {name} was made with version {own.version} of {own.model}; this is version "
                f"{spec.version}",
                again,
            )
        for key in own.arguments:
            if key not in spec.arguments.model_fields:
                raise unknown_name(f"argument of {label} in the tuned recipe {name}", key, spec.arguments.model_fields)


def laid_over(models: Table, tuned: TunedRecipe, name: str) -> Table:
    """Return the `models` table of a recipe with the tuned values of the models that it has.

    Raises UsageError for a tuned model that neither the recipe nor lnncmp has, or that is another model there.
    """
    made = dict(models)
    for label, own in tuned.models.items():
        if label not in models:
            if label not in model_names():
                raise unknown_name(f"model in the tuned recipe {name}", label, models)
            continue
        entry = models[label]
        if entry.get("model", label) != own.model:
            raise UsageError(
                f"the tuned recipe {name} has {own.model} as {label}, the recipe {entry.get('model', label)}"
            )
        made[label] = tuned_entry(entry, own.train.model_dump(), own.arguments) | {
            "tuning": tuned.note(label, name).model_dump()
        }
    return made


def tuned_entry(entry: Table, train: Mapping[str, Any], arguments: Mapping[str, Any]) -> Table:
    """Return a model's entry in a recipe with other training settings and arguments."""
    own = dict(entry.get("train", {}))
    for key, value in train.items():
        decay.put(own, key, value)
    return {**entry, "train": own, "arguments": {**entry.get("arguments", {}), **arguments}}


def forget_changed(models: Table, tuned: TunedRecipe) -> None:
    """Drop the notes on tuning of models whose tuned values were changed afterwards: those count as untuned."""
    for label, own in tuned.models.items():
        entry = models.get(label)
        if isinstance(entry, dict) and "tuning" in entry:
            kept = {**entry.get("train", {}), **own.train.model_dump()} == entry.get("train")
            if not kept or {**entry["arguments"], **own.arguments} != entry["arguments"]:
                del entry["tuning"]


def require_other_seeds(seeds: Sequence[int], tuned: TunedRecipe, name: str) -> None:
    """Raise UsageError if a seed of the runs was used for tuning: its result would be too good."""
    shared = sorted(set(seeds) & set(tuned.tuning.seeds))
    if shared:
        raise UsageError(
            f"the tuned recipe {name} was tuned with seed {shared[0]}, which these runs would use too",
            "Choose other seeds with --seeds.",
        )
