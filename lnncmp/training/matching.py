"""Matched model sizes for a fair comparison: equal hidden units, or equal numbers of active parameters.

Parameters are matched both ways: to the reference model, which lets small models grow, and to the smallest model, which
shrinks its rivals. A small model may win at equal size only because the large one is larger than the task needs.
"""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from lnncmp.common.seeding import streams
from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, load_model
from lnncmp.records.settings import BY_PARAMETERS
from lnncmp.training.build import build_model
from lnncmp.training.parameter_counts import count_parameters

if TYPE_CHECKING:
    from lnncmp.recipe.recipe import Recipe

_LARGEST = 2048


def matched_arguments(recipe: "Recipe", inputs: int, outputs: int) -> dict[str, Arguments]:
    """Return the final arguments of every model of `recipe`, by label.

    With `match = "params"` each model gets the hidden size whose number of active parameters is closest to that of the
    reference model, with "smallest" to that of the model with the fewest of them; that model itself keeps the recipe's
    hidden units. Raises UsageError if no size of a model can be built.
    """
    own = {label: recipe.arguments(label) for label in recipe.models}
    if recipe.match not in BY_PARAMETERS:
        return own
    if recipe.match == "smallest":
        counts = {label: _active(recipe, label, own[label], inputs, outputs) for label in own}
        kept = min(counts, key=lambda label: counts[label])
        goal = counts[kept]
    else:
        kept = recipe.reference
        goal = _active(recipe, kept, recipe.arguments(kept), inputs, outputs)
    return {
        label: arguments if label == kept else _closest(recipe, label, goal, inputs, outputs)
        for label, arguments in own.items()
    }


def _closest(recipe: "Recipe", label: str, goal: int, inputs: int, outputs: int) -> Arguments:
    """Bisect the hidden size, with which the parameters grow; sizes too small to build count as zero parameters."""
    counts: dict[int, int | None] = {}

    def count(hidden: int) -> int:
        if hidden not in counts:
            counts[hidden] = _count(recipe, label, hidden, inputs, outputs)
        return counts[hidden] or 0

    low, high = 1, 2
    while count(high) < goal and high < _LARGEST:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if count(middle) < goal:
            low = middle
        else:
            high = middle
    count(low)
    distance = {size: abs(counted - goal) for size, counted in counts.items() if counted is not None}
    if not distance:
        raise UsageError(f"no size of '{label}' has about {goal} active parameters", "Choose a larger hidden size.")
    return _sized(recipe, label, min(distance, key=lambda size: distance[size]))


def _sized(recipe: "Recipe", label: str, hidden: int) -> Arguments:
    """Return the arguments of `label` with another hidden size. Raises ValidationError if it is out of range."""
    arguments = recipe.arguments(label)
    return type(arguments).model_validate({**arguments.model_dump(), "hidden": hidden})


def _count(recipe: "Recipe", label: str, hidden: int, inputs: int, outputs: int) -> int | None:
    """Return the number of active parameters at this size, None if the model cannot be built with it."""
    try:
        return _active(recipe, label, _sized(recipe, label, hidden), inputs, outputs)
    except (UsageError, ValidationError):
        return None


def _active(recipe: "Recipe", label: str, arguments: Arguments, inputs: int, outputs: int) -> int:
    derived = streams(recipe.seeds[0])
    model = build_model(
        load_model(recipe.entry(label).model),
        arguments,
        inputs,
        outputs,
        dt_as_input=recipe.dt_as_input,
        model_seed=derived.model,
        wiring_seed=derived.wiring,
    )
    return count_parameters(model, inputs).active
