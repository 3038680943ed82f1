"""Sizes that make a comparison fair: equal hidden units, or equal numbers of parameters that learn."""

from lnncmp.building import build_model
from lnncmp.errors import UsageError
from lnncmp.measure import count_parameters
from lnncmp.models.base import Arguments
from lnncmp.recipe import Recipe, model_spec, parse
from lnncmp.seeding import streams

_LARGEST = 2048


def matched_arguments(recipe: Recipe, inputs: int, outputs: int) -> dict[str, Arguments]:
    """Return the final arguments of every model of `recipe`, by label.

    With `match = "params"` each model other than the reference gets the hidden size whose active parameters come
    closest to the reference model's. Raises UsageError if no size of a model can be built.
    """
    if recipe.match != "params":
        return {label: recipe.arguments(label) for label in recipe.models}
    goal = _active(recipe, recipe.reference, recipe.hidden, inputs, outputs)
    assert goal is not None
    return {
        label: recipe.arguments(label) if label == recipe.reference else _closest(recipe, label, goal, inputs, outputs)
        for label in recipe.models
    }


def _closest(recipe: Recipe, label: str, goal: int, inputs: int, outputs: int) -> Arguments:
    """Bisect the hidden size: parameters grow with it; sizes too small to be built count as having none."""
    low, high = 1, 2
    while (_active(recipe, label, high, inputs, outputs) or 0) < goal and high < _LARGEST:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if (_active(recipe, label, middle, inputs, outputs) or 0) < goal:
            low = middle
        else:
            high = middle
    counts = {size: _active(recipe, label, size, inputs, outputs) for size in (low, high)}
    possible = {size: count for size, count in counts.items() if count is not None}
    if not possible:
        raise UsageError(f"no size of '{label}' has about {goal} active parameters", "Choose a larger hidden size.")
    return _sized(recipe, label, min(possible, key=lambda size: abs(possible[size] - goal)))


def _sized(recipe: Recipe, label: str, hidden: int) -> Arguments:
    kind = model_spec(recipe.entry(label).model)
    return parse(
        kind.arguments, {**recipe.arguments(label).model_dump(), "hidden": hidden}, f"models.{label}.arguments"
    )


def _active(recipe: Recipe, label: str, hidden: int, inputs: int, outputs: int) -> int | None:
    """Return the active parameters at this size, None if the model cannot be built so small."""
    derived = streams(recipe.seeds[0])
    try:
        model = build_model(
            model_spec(recipe.entry(label).model),
            _sized(recipe, label, hidden),
            inputs,
            outputs,
            dt_as_input=recipe.dt_as_input,
            model_seed=derived.model,
            wiring_seed=derived.wiring,
        )
    except UsageError:
        return None
    return count_parameters(model, inputs).active
