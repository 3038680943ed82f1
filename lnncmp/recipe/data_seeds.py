"""The same study on several data sets: the data of a case drawn anew from further seeds."""

from lnncmp.cases.base import load_case
from lnncmp.errors import UsageError
from lnncmp.recipe.recipe import Recipe


def over_data_seeds(recipe: Recipe, count: int) -> list[Recipe]:
    """Return the recipe, and then `count` - 1 more that differ in the seed of their data, one higher each.

    Raises UsageError if the data of the case are not drawn from a seed, or not from so many.
    """
    if count == 1:
        return [recipe]
    key = load_case(recipe.case).data_seed
    if key is None:
        raise UsageError(
            f"--data-seeds {count} asks for several data sets, but the data of {recipe.case} are not drawn from a seed",
            "Leave --data-seeds out.",
        )
    first = recipe.data_settings().data_seed
    made = [recipe.model_copy(update={"data": {**recipe.data, key: first + n}}) for n in range(1, count)]
    for one in made:
        one.data_settings()
    return [recipe, *made]
