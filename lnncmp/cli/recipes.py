"""`lnncmp recipes`: the settings of each preset; `lnncmp recipes FILE`: those of a recipe of one's own, resolved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lnncmp.cases.base import case_names, load_case, own_case_names
from lnncmp.cli import complete
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.terminal import note, print_result
from lnncmp.common.registry import usable
from lnncmp.errors import UsageError
from lnncmp.recipe.files import RecipeFile, preset_names, read_recipe
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.run_recipe import leaves

OwnFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", autocompletion=complete.toml_file, help="Your own recipe (TOML) to check and show."
    ),
]


def recipes(file: OwnFile = None, format: ListFormat = "table") -> None:
    """List the recipes, one per case study and preset; or check one of yours and show every value that it has."""
    check_choice("format", format, LIST_FORMATS)
    if file is not None:
        _show(read_recipe(file), format)
        return
    rows = [
        {
            "command": f"lnncmp {recipe.case} --preset {recipe.preset}",
            "source": recipe.source,
            "models": ", ".join(recipe.models),
            "seeds": len(recipe.seeds),
            "match": recipe.match,
            "epochs": recipe.train_settings().epochs,
        }
        for case in usable(case_names(), load_case, note)
        for recipe in _recipes(case)
    ]
    print_listing("Recipes", rows, format)


def _recipes(case: str) -> Iterator[Recipe]:
    """Yield the recipes of a case; what is wrong with one of another package is noted, and the others are listed."""
    for preset in preset_names(case):
        try:
            yield load_recipe(case, preset)
        except UsageError as error:
            if case in own_case_names():
                raise
            note(f"{case}.{preset}: {error.message}")


def _show(file: RecipeFile, format: str) -> None:
    """Print every value of a recipe, and why those are assumed that are marked as assumptions."""
    recipe = load_recipe(file.case, file)
    resolved = recipe.model_dump(mode="json", exclude={"assumptions"}) | {
        "data": recipe.data_settings().model_dump(mode="json"),
        "train": recipe.train_settings().model_dump(mode="json"),
        "evaluate": recipe.evaluate_settings().model_dump(mode="json"),
        "models": {label: _model(recipe, label) for label in recipe.models},
        "files": [str(path) for path in file.files],
    }
    if format == "json":
        print_result(json.dumps({**resolved, "assumptions": recipe.assumptions}, indent=2))
        return
    rows = [
        {"key": key, "value": json.dumps(value), "assumed": recipe.assumptions.get(key, "")}
        for key, value in leaves(resolved)
    ]
    print_listing(f"{file.path.name}: {recipe.case}, {recipe.preset}", rows, format, whole=("key",))


def _model(recipe: Recipe, label: str) -> dict[str, Any]:
    return {
        "model": recipe.entry(label).model,
        "arguments": recipe.arguments(label).model_dump(mode="json"),
        "train": recipe.train_settings(label).model_dump(mode="json"),
    }
