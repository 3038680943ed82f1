"""Where stored runs come from: the recipe of today and the commands that ask for them again.

A record holds the resolved recipe of its run and names case and preset, but neither the variant nor the options that
were given. Both follow from what differs between the record and the recipes that ship with lnncmp.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from lnncmp.cases.base import load_case
from lnncmp.errors import LnncmpError
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.run_recipe import RunRecipe, leaves
from lnncmp.records.schema import RunRecord

Changes = dict[str, Any]
_FLAGS = ("source", "match", "device", "threads")
_TABLES = ("data", "evaluate", "train", "arguments")
_IMPLEMENTATION = "arguments.implementation"
_ABSENT = object()


def recipe_of(run: RunRecord) -> tuple[Recipe | None, str | None]:
    """Return the recipe of the run's case and preset, and the variant of it that comes closest; None if unknown."""
    found: list[tuple[int, int, Recipe, str | None]] = []
    try:
        for n, variant in enumerate((None, *load_case(run.case).variants)):
            recipe = load_recipe(run.case, run.preset, variant=variant)
            found.append((len(_changes(run, recipe)), n, recipe, variant))
    except LnncmpError:  # a case, preset or variant that this version does not have
        pass
    if not found:
        return None, None
    *_, recipe, variant = min(found, key=lambda item: item[:2])
    return recipe, variant


def commands(runs: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    """Return the commands that ask for these runs: one, and one more for each further setting of a model.

    runs: by row of the table; rows may share a model. Where the preset is none that comes with the case, it is a recipe
    of the user's own: the command gives its file the recipe's name, and what was changed in it is not known.
    """
    layers: list[dict[str, RunRecord]] = []
    seeds = sorted({run.seeds.root for group in runs.values() for run in group})
    for group in runs.values():
        label = group[0].recipe.model.label
        layer = next((layer for layer in layers if label not in layer), None)
        if layer is None:
            layers.append(layer := {})
        layer[label] = group[0]
    return [_command(layer, seeds) for layer in layers]


def _command(layer: Mapping[str, RunRecord], seeds: Sequence[int]) -> str:
    """Return the command for one setting of each model. layer: model -> a run of it."""
    first = next(iter(layer.values()))
    recipe, variant = recipe_of(first)
    if recipe is None:
        own = f"{first.preset}.toml"
        return shlex.join(
            ["lnncmp", first.case, "--recipe", own, "--models", ",".join(layer), "--seeds", _seed_text(seeds)]
        )
    data = ["FILE"] if load_case(first.case).reads_files else []
    words = ["lnncmp", first.case, *data, *([f"--{variant}"] if variant else []), "--preset", first.preset]
    if set(layer) != set(recipe.models):
        words += ["--models", ",".join(layer)]
    if list(seeds) != sorted(recipe.seeds):
        words += ["--seeds", _seed_text(seeds)]
    for key, value in _merged({label: _changes(run, recipe) for label, run in layer.items()}).items():
        if key in (*_FLAGS, "implementation"):
            words += [f"--{key}", str(value)]
        elif key == "deterministic":
            words += ["--deterministic"] if value else []
        else:
            words += ["--set", f"{key}={_toml(value)}"]
    return shlex.join(words)


def _changes(run: RunRecord, recipe: Recipe) -> Changes:
    """Return what the run's recipe changes in `recipe`: "data.window", "train.epochs", "arguments.hidden"..."""
    stored, label = run.recipe, run.recipe.model.label
    ours: dict[str, Any] = {key: getattr(recipe, key) for key in (*_FLAGS, "deterministic", "dt_as_input")}
    theirs: dict[str, Any] = {key: getattr(stored, key) for key in ours}
    for name, own, kept in zip(_TABLES, _own_tables(recipe, label), _kept_tables(stored), strict=True):
        ours |= leaves(own, f"{name}.")
        theirs |= leaves(kept, f"{name}.")
    changed = {key: value for key, value in theirs.items() if value is not None and ours.get(key) != value}
    if _same_schedule(recipe, label, stored):
        changed.pop("train.decay", None)
    if "arguments.hidden" in changed and theirs["match"] != "own":
        hidden = changed.pop("arguments.hidden")
        if theirs["match"] == "hidden":  # else it follows from matching
            changed["hidden"] = hidden
    return changed


def _same_schedule(recipe: Recipe, label: str, stored: RunRecipe) -> bool:
    """Tell whether the recipe, asked for the stored number of epochs, makes the stored decay of the learning rate."""
    if label not in recipe.models:
        return False
    asked = recipe.model_copy(update={"train": {**recipe.train, "epochs": stored.train.epochs}})
    return asked.train_settings(label).decay == stored.train.decay


def _own_tables(recipe: Recipe, label: str) -> list[dict[str, Any]]:
    known = label in recipe.models
    train = recipe.train_settings(label if known else None)
    tables = [recipe.data_settings(), recipe.evaluate_settings(), train]
    return [*(table.model_dump(mode="json") for table in tables), _arguments(recipe, label)]


def _arguments(recipe: Recipe, label: str) -> dict[str, Any]:
    """Return the model's arguments by this recipe; those of a model that the recipe does not name are defaults."""
    try:
        chosen = recipe if label in recipe.models else recipe.model_copy(update={"models": {label: {}}})
        return chosen.arguments(label).model_dump(mode="json")
    except LnncmpError:
        return {}


def _kept_tables(stored: RunRecipe) -> list[dict[str, Any]]:
    settings = [table.model_dump(mode="json") for table in (stored.evaluate, stored.train)]
    return [stored.data, *settings, stored.model.arguments]


def _merged(changes: Mapping[str, Changes]) -> Changes:
    """Return the keys of `--set` and the flags for all models: a change that all share once, else one per model."""
    merged: Changes = {}
    for key in dict.fromkeys(key for own in changes.values() for key in own):
        values = [own.get(key, _ABSENT) for own in changes.values()]
        shared = all(value == values[0] for value in values)
        table = key.partition(".")[0]
        if shared and key == _IMPLEMENTATION:
            merged["implementation"] = values[0]
        elif table in ("train", "arguments") and not (shared and table == "train"):
            merged |= {f"models.{label}.{key}": own[key] for label, own in changes.items() if key in own}
        else:
            merged[key] = next(value for value in values if value is not _ABSENT)
    return merged


def _seed_text(seeds: Sequence[int]) -> str:
    first, last = seeds[0], seeds[-1]
    if list(seeds) == list(range(last + 1)):
        return str(last + 1)
    if len(seeds) > 1 and list(seeds) == list(range(first, last + 1)):
        return f"{first}-{last}"
    return ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else "")


def _toml(value: Any) -> str:
    """Return a TOML value; strings are quoted only where they could be taken for something else."""
    plain = isinstance(value, str) and value.replace("_", "").isalpha() and value not in ("true", "false", "inf", "nan")
    return value if plain else json.dumps(value)
