"""Wirings of ncps, as this folder's layers use them."""

from typing import Any

from ncps.wirings import FullyConnected, Wiring

from lnncmp.errors import UsageError


def is_wiring(units: Any) -> bool:
    """Return whether `units` is a wiring of ncps, not a number of units."""
    return isinstance(units, Wiring)


def wiring_of(units: Any) -> Wiring:
    """Return `units` if it is a wiring, else the wiring of all pairs of that many neurons."""
    return units if is_wiring(units) else FullyConnected(units)


def build_wiring(wiring: Wiring, inputs: int | None) -> None:
    """Build a wiring for a number of inputs, unless it is built already.

    ncps builds it anew for every layer, which adds sensory synapses to those of the first time. Raises UsageError if it
    is built for another number of inputs, or if that number is unknown.
    """
    if inputs is None:
        if not wiring.is_built():
            raise UsageError("the wiring does not know its number of inputs", "Pass it, or call wiring.build(inputs).")
        return
    if not wiring.is_built():
        wiring.build(inputs)
    elif wiring.input_dim != inputs:
        raise UsageError(f"the wiring is built for {wiring.input_dim} inputs, the layer has {inputs}")
