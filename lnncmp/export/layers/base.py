"""The contract of a described layer: which classes it covers, and the statements of one of their steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lnncmp.common.registry import load_member, member_names
from lnncmp.errors import UsageError
from lnncmp.export import layers
from lnncmp.export.builder import Builder
from lnncmp.export.program import Ref
from lnncmp.layers.recurrent_layer import RecurrentLayer


@dataclass(frozen=True)
class Described:
    """A kind of recurrent layer that can be exported.

    kinds: the classes of lnncmp.layers that it covers. title: what a user calls them.
    describe: (builder, layer, inputs, elapsed time) -> the hidden units that the readout gets. It declares the states
    in the order of `layer.initial_state`, and sets them.
    """

    kinds: tuple[type[RecurrentLayer], ...]
    title: str
    describe: Callable[[Builder, Any, Ref, Ref], Ref]


def describe_layer(builder: Builder, layer: RecurrentLayer, x: Ref, dt: Ref) -> Ref:
    """Write the step of `layer` and return its hidden units. Raises UsageError for a layer that nobody describes."""
    known = [load_member(layers, name, "LAYER", "layer", Described) for name in member_names(layers)]
    for one in known:
        if isinstance(layer, one.kinds):
            return one.describe(builder, layer, x, dt)
    raise UsageError(
        f"no export format knows the layer {type(layer).__name__}",
        f"Known are {', '.join(one.title for one in known)}.",
    )
