"""The keys of a recipe that `--set` can change, for a shell that completes them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lnncmp.cases.base import load_case
from lnncmp.recipe.decay import RATE_LEFT
from lnncmp.recipe.files import read_recipe
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.settings import EvaluateSettings, TrainSettings

_TABLES = {"data", "train", "evaluate", "models", "cost_only", "assumptions"}
_BY_COMMAND = {"case", "preset", "title"}
_TRAIN = (*TrainSettings.model_fields, RATE_LEFT)
MODELS = "models."
"""What the keys of single models begin with."""


def keys(case: str) -> list[str]:
    """Return the dotted keys that concern all models of a case. Raises UsageError for an unknown case."""
    tables: dict[str, Iterable[str]] = {
        "data": load_case(case).settings.model_fields,
        "train": _TRAIN,
        "evaluate": EvaluateSettings.model_fields,
    }
    own = [name for name in Recipe.model_fields if name not in _TABLES | _BY_COMMAND]
    return sorted([*own, *(f"{table}.{name}" for table, fields in tables.items() for name in fields)])


def model_keys(case: str, preset: str, file: Path | None = None, only: Iterable[str] = ()) -> list[str]:
    """Return the keys of each model of a recipe: its arguments, its own training settings.

    preset, file: the recipe, by name or as a file, which counts. only: these models in place of the recipe's.
    Raises UsageError if there is no such recipe or model.
    """
    recipe = load_recipe(case, preset if file is None else read_recipe(file, case), only=list(only) or None)
    return sorted(key for label in recipe.models for key in _of_model(recipe, label))


def _of_model(recipe: Recipe, label: str) -> Iterator[str]:
    for name in type(recipe.arguments(label)).model_fields:
        yield f"{MODELS}{label}.arguments.{name}"
    for name in _TRAIN:
        yield f"{MODELS}{label}.train.{name}"
