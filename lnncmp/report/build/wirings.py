"""The wiring of a stored run, drawn again from its recipe and its seed, without torch.

A record holds no wiring, only what it was drawn from and how many neurons and synapses came out. How many inputs the
model had stands nowhere; the number of synapses from inputs tells. What does not come out as recorded is not shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from lnncmp.errors import LnncmpError
from lnncmp.records.schema import RunRecord

if TYPE_CHECKING:
    from lnncmp.layers.wiring import Wiring

MOST_INPUTS = 512
SEED_RANGE = 2**32
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
    """Return the wiring of a run whose model has a sparse one; None if it has not, or if it cannot be drawn again."""
    model = run.recipe.get("model")
    arguments = model.get("arguments") if isinstance(model, Mapping) else None
    if not isinstance(arguments, Mapping) or "sparsity" not in arguments or "sensory_synapses" not in run.structure:
        return None
    seed = arguments.get("wiring_seed")
    for inputs in range(1, min(MOST_INPUTS, run.structure["sensory_synapses"]) + 1):
        try:
            found = _wire(arguments, run.structure, inputs, run.seeds.wiring % SEED_RANGE if seed is None else seed)
        except (LnncmpError, TypeError, ValueError):  # a recipe that this version cannot follow
            return None
        if found is None:
            return None
        if all(run.structure.get(name) == count for name, count in found.structure().items()):
            return _drawn(found)
    return None


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
