"""From a universe to the recipes of its comparisons."""

import json
from collections.abc import Iterator, Sequence

from lnncmp.errors import UsageError
from lnncmp.multiverse.choices import Choices
from lnncmp.multiverse.universes import Universe
from lnncmp.recipe.files import RecipeFile
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.run_recipe import leaves


def recipes_of(
    universe: Universe, seeds: Sequence[int], changes: Sequence[str] = (), own: RecipeFile | None = None
) -> dict[str, Recipe]:
    """Return the recipe of every variant of a universe, by the variant's name.

    changes: further `key=value` that hold in every universe and win. own: the recipe that all start from, in place of
    the preset of the choices. Raises UsageError.
    """
    choices = universe.choices
    players = list(dict.fromkeys(universe.player(side) for side in choices.sides))
    found = {}
    for variant in choices.variants:
        all_changes = [*choices.set, *_models(choices), *universe.changes(variant), *changes]
        found[variant] = load_recipe(
            choices.case, own or choices.preset, all_changes, {"seeds": tuple(seeds)}, players, variant or None
        )
    return found


def check_alternatives(choices: Choices, changes: Sequence[str] = (), own: RecipeFile | None = None) -> None:
    """Raise UsageError, naming choice and alternative, for the first one that no recipe can be made of.

    changes, own: as in `recipes_of`.
    """
    for words, universe in single_departures(choices):
        try:
            recipes_of(universe, choices.seeds, changes, own)
        except UsageError as error:
            raise UsageError(f"{words}: {error.message}", error.hint) from None


def single_departures(choices: Choices) -> Iterator[tuple[str, Universe]]:
    """Yield the default and each alternative alone, with what to call it."""
    start = tuple(0 for _ in choices.choice)
    yield f"the default of the choices of {choices.case}", Universe(choices, start)
    for place, choice in enumerate(choices.choice):
        for level in range(1, len(choice.alternative)):
            levels = tuple(level if n == place else 0 for n in range(len(start)))
            yield f"choice '{choice.name}', alternative '{choice.alternative[level].name}'", Universe(choices, levels)


def _models(choices: Choices) -> list[str]:
    """Return the file's own models as changes of the recipe."""
    return [f"models.{key}={json.dumps(value)}" for key, value in leaves(choices.models)]
