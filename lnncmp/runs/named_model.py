"""A model by the name and arguments that a specification carries."""

from typing import Any

from lnncmp.building import build_model
from lnncmp.cells.base import SequenceModel
from lnncmp.errors import UsageError
from lnncmp.models.registry import load_model
from lnncmp.recipe import parse


def build_named(
    label: str, name: str, given: dict[str, Any], sizes: tuple[int, int], dt_as_input: bool, seeds: tuple[int, int]
) -> SequenceModel:
    """Return a model for `sizes` = (inputs, outputs); seeds = (weights, wiring).

    Raises UsageError, naming the model, if its arguments do not go together.
    """
    kind = load_model(name)
    arguments = parse(kind.arguments, given, "arguments")
    try:
        return build_model(kind, arguments, *sizes, dt_as_input=dt_as_input, model_seed=seeds[0], wiring_seed=seeds[1])
    except UsageError as error:
        raise UsageError(f"model '{label}' cannot be built: {error.message}", error.hint) from error
