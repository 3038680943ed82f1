"""The wiring of a stored run, drawn again from its recipe and its seed, without torch.

A record holds no wiring, only what it was drawn from and its numbers of neurons and synapses. A wiring whose numbers
differ is not shown, nor are those of records of schema 1, which do not hold all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from lnncmp.errors import LnncmpError
from lnncmp.records.schema import RunRecord

if TYPE_CHECKING:
    from lnncmp.layers.wiring import Wiring

_NAMES = {3: ("inter", "command", "motor"), 1: ("neurons",)}
_SIZES = {
    "inter": "inter_neurons",
    "command": "command_neurons",
    "motor": "motor_neurons",
    "sensory_fanout": "sensory_fanout",
    "inter_fanout": "inter_fanout",
    "recurrent_command_synapses": "recurrent_command_synapses",
    "motor_fanin": "motor_fanin",
}

Place = tuple[int, int]
"""A layer, counted from the inputs (0), and a neuron in it."""


@dataclass(frozen=True)
class Drawn:
    """A wiring as layers of (name, number of neurons), the inputs first, and synapses (from, to, sign +1 or -1)."""

    layers: tuple[tuple[str, int], ...]
    synapses: tuple[tuple[Place, Place, int], ...]


def drawn_wiring(run: RunRecord) -> Drawn | None:
    """Return the wiring of a run whose model has a sparse one; None if it has not, or if the record does not say it."""
    if "sparsity" not in run.recipe.model.arguments or run.inputs is None or run.wiring_seed is None:
        return None
    try:
        found = _wire(run.recipe.model.arguments, run.structure, run.inputs, run.wiring_seed)
    except (LnncmpError, TypeError, ValueError, KeyError):  # arguments that this version cannot follow
        return None
    if found is None or any(run.structure.get(name) != count for name, count in found.structure().items()):
        return None
    return _drawn(found)


def _wire(arguments: Mapping[str, Any], structure: Mapping[str, int], inputs: int, seed: int) -> "Wiring | None":
    """Draw what the arguments ask for; None for wirings that have every synapse."""
    from lnncmp.layers import wiring

    kind, neurons, sparsity = arguments.get("wiring", "auto_ncp"), arguments["hidden"], arguments["sparsity"]
    outputs = structure.get("motor_neurons", 1)
    if kind == "auto_ncp":
        return wiring.auto_ncp(neurons, inputs, outputs, sparsity, seed)
    if kind == "ncp":
        sizes = wiring.NCPSizes(**{name: arguments.get(key) for name, key in _SIZES.items()})
        return wiring.ncp(neurons, inputs, outputs, sparsity, sizes, seed)
    return wiring.random(neurons, inputs, outputs, sparsity, seed) if kind == "random" else None


def _drawn(wiring: "Wiring") -> Drawn:
    layers = wiring.layers
    names = _NAMES.get(len(layers), tuple(f"layer {n + 1}" for n in range(len(layers))))
    places = {neuron: (n + 1, k) for n, layer in enumerate(layers) for k, neuron in enumerate(layer)}
    sensory = (((0, i), places[j], sign) for (i, j), sign in _entries(wiring.sensory_polarity))
    inner = ((places[i], places[j], sign) for (i, j), sign in _entries(wiring.polarity))
    sizes = ((name, len(layer)) for name, layer in zip(names, layers, strict=True))
    return Drawn((("inputs", wiring.inputs), *sizes), tuple(chain(sensory, inner)))


def _entries(matrix: Any) -> list[tuple[tuple[int, int], int]]:
    """Return ((row, column), sign) of all entries that are not zero."""
    rows, columns = matrix.nonzero()
    return [((int(i), int(j)), int(matrix[i, j])) for i, j in zip(rows, columns, strict=True)]
