"""From the recipe files of a command and preset, options and `--set` to one checked recipe."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lnncmp.cases.base import load_case
from lnncmp.common.files import share_dir
from lnncmp.errors import UsageError, unknown_name
from lnncmp.models.base import model_names
from lnncmp.recipe.recipe import Recipe, Table, parse

_BY_COMMAND = {"case": "lnncmp CASE", "preset": "lnncmp CASE --preset NAME"}


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
