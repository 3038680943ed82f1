"""Loads a recipe: merges the files of a case and preset, options and `--set`, and validates the result."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from lnncmp.cases.base import load_case
from lnncmp.common.toml import value_of
from lnncmp.errors import UsageError, shown, unknown_name
from lnncmp.models.base import load_model, model_names
from lnncmp.recipe import decay
from lnncmp.recipe.files import RecipeFile, merged, preset_names, read_preset
from lnncmp.recipe.recipe import Recipe, Table, parse
from lnncmp.recipe.tuned import TunedRecipe, forget_changed, laid_over, load_tuned, require_other_seeds

__all__ = ["RecipeFile", "check", "load_recipe", "preset_names"]
_MOST_PARTS, _LONGEST_KEY = 10, 300
"""Parts and characters of a key of `--set`."""
_BY_COMMAND = {"case": "lnncmp CASE", "preset": "lnncmp CASE --preset NAME or --recipe FILE"}


def load_recipe(
    case: str,
    preset: str | RecipeFile,
    changes: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    only: Sequence[str] | None = None,
    variant: str | None = None,
) -> Recipe:
    """Return the resolved, validated recipe of `case` and `preset`.

    preset: the name of one that comes with the case, or a file of the user's own.
    changes: `key=value` with dotted keys and TOML values, as in `--set`; train.KEY applies to every model, including
    those with their own value. overrides: top-level keys set by options.
    only: models to compare instead of the recipe's; models that the recipe lacks get their default arguments.
    variant: name of a table `variants.<name>` of the recipe that is merged into it before the changes; its key `only`
    names the models that the variant compares. A tuned recipe that the recipe or an option asks for (key `tuned`) is
    laid over it before the changes, too.
    Raises UsageError for unknown presets, keys or values, with the nearest match if there is one; what is wrong in a
    file of the user's own by itself is said with the file's name.
    """
    if isinstance(preset, str):
        return _resolved(case, preset, read_preset(case, preset), changes, overrides or {}, only, variant)
    with preset.named():
        _check_form(case, preset.table)
        for other in preset.table.get("variants", {}):
            _resolved(case, preset.preset, preset.table, (), {}, None, other)
        recipe = _resolved(case, preset.preset, preset.table, (), {}, None, variant)
    if not changes and not overrides and only is None:
        return recipe
    return _resolved(case, preset.preset, preset.table, changes, overrides or {}, only, variant)


def _check_form(case: str, table: Table) -> None:
    """Raise UsageError unless what a user's file holds beside the keys of a recipe has the form that it should."""
    only = table.get("only", [])
    if not isinstance(only, list) or not all(isinstance(one, str) for one in only):
        raise UsageError(f'recipe key \'only\' is {only!r}: it should list models, e.g. ["cfc", "gru"]')
    own = {key: value for key, value in table.items() if key not in ("variants", "only")}
    parse(Recipe, {**own, "case": case}, "")


def _resolved(
    case: str,
    preset: str,
    given: Table,
    changes: Sequence[str],
    overrides: Mapping[str, Any],
    only: Sequence[str] | None,
    variant: str | None,
) -> Recipe:
    table = _varied(deepcopy(given), variant)
    tuned = _tuned(table, case, changes, overrides)
    if tuned is not None:
        table["models"] = laid_over(table["models"], *tuned)
    for change in changes:
        _set(table, change)
    table.update(overrides)
    if isinstance(table.get("data"), dict):
        table["data"] = load_case(case).settings.concealed(table["data"])
    kept = table.pop("only", None)
    _check_entries(parse(Recipe, {**table, "case": case, "preset": preset}, ""))
    if only is not None or kept is not None:
        _choose_models(table, only if only is not None else kept)
    if tuned is not None:
        forget_changed(table["models"], tuned[0])
    recipe = parse(Recipe, {**table, "case": case, "preset": preset}, "")
    if tuned is not None:
        require_other_seeds(recipe.seeds, *tuned)
    _require_own_sizes(recipe, changes)
    check(recipe)
    return recipe


def _tuned(
    table: Table, case: str, changes: Sequence[str], overrides: Mapping[str, Any]
) -> tuple[TunedRecipe, str] | None:
    """Return the tuned recipe that the recipe, a change or an option asks for, with its name."""
    asked: Table = {"tuned": table.get("tuned", False)}
    for change in changes:
        if change.partition("=")[0].strip() == "tuned":
            _set(asked, change)
    wanted = overrides.get("tuned", asked["tuned"])
    return load_tuned(case, wanted) if wanted is True or (wanted and isinstance(wanted, str)) else None


def _varied(table: Table, variant: str | None) -> Table:
    """Return the recipe without its variants, with the requested one merged into it."""
    variants = table.pop("variants", {})
    if variant is None:
        return table
    if variant not in variants:
        raise unknown_name("variant of this recipe", variant, variants)
    return merged(table, variants[variant])


def _require_own_sizes(recipe: Recipe, changes: Sequence[str]) -> None:
    """Reject a size set for one model if matching would silently override it."""
    sized = [change for change in changes if change.partition("=")[0].strip().endswith(".arguments.hidden")]
    if sized and recipe.match != "own":
        raise UsageError(
            f"--set {sized[0]} has no effect: sizes are matched by '{recipe.match}'",
            "Set the size of all models with --set hidden=N, or use each model's own size with --match own.",
        )


def _choose_models(table: Table, only: Sequence[str]) -> None:
    known = {name: {} for name in model_names()} | table["models"]
    for name in only:
        if name not in known:
            raise unknown_name("model", name, known)
    if not only:
        raise UsageError("--models names no model", f"Available: {', '.join(known)}")
    table["models"] = {name: known[name] for name in only}
    trained = {entry.get("model", name) for name, entry in table["models"].items()}
    untrained = table.get("cost_only", {})
    table["cost_only"] = {name: entry for name, entry in untrained.items() if entry.get("model") in trained}
    if table.get("reference", "lstm") not in only:
        table["reference"] = only[0]


def _check_entries(recipe: Recipe) -> None:
    """Raise UsageError for a model, argument or setting that does not exist, also of models that are not compared."""
    recipe.train_settings()
    for label in recipe.models:
        load_model(recipe.entry(label).model)
        recipe.arguments(label)
        recipe.train_settings(label)
    for entry in recipe.cost_only.values():
        load_model(entry.model)


def check(recipe: Recipe) -> None:
    """Raise UsageError unless all names in `recipe` exist and all values are valid."""
    case = load_case(recipe.case)
    if recipe.source not in case.sources:
        raise unknown_name("source", recipe.source, case.sources)
    recipe.data_settings()
    recipe.evaluate_settings()
    _check_entries(recipe)
    for label in recipe.cost_only:
        if label in recipe.models:
            raise UsageError(f"the recipe names '{label}' both in models and in cost_only", "Rename one of them.")
        recipe.cost_only_arguments(label, recipe.hidden)
    if recipe.reference not in recipe.models:
        raise unknown_name("reference model", recipe.reference, recipe.models)


def _set(table: Table, change: str) -> None:
    key, equals, text = change.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts) or len(parts) > _MOST_PARTS or len(key) > _LONGEST_KEY:
        raise UsageError(f"--set takes key=value, got '{shown(change)}'", "For example: --set train.epochs=5")
    try:
        value = value_of(text)
    except UsageError as error:
        raise UsageError(f"--set {key.strip()}: {error.message}", error.hint) from None
    *parents, last = parts
    if parents == ["train"]:
        _forget_own(table, last)
    if not parents and last in _BY_COMMAND:
        raise UsageError(f"--set cannot change '{last}'", f"It is set by the command: {_BY_COMMAND[last]}.")
    for parent in parents:
        if not isinstance(table.setdefault(parent, {}), dict):
            raise UsageError(f"--set {key}: '{parent}' is a value, not a table")
        table = table[parent]
    decay.put(table, last, value)


def _forget_own(table: Table, setting: str) -> None:
    """Remove the models' own values of a training setting: a value set for all applies to all."""
    models = table.get("models")
    names = {setting, decay.OTHER.get(setting, setting)}
    for label, entry in models.items() if isinstance(models, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("train"), dict):
            rest = {key: value for key, value in entry["train"].items() if key not in names}
            table["models"][label] = {**entry, "train": rest}
