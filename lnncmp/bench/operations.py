"""How many operations a training step needs at least, and the time that a machine's peak rates allow for them.

For B sequences of T steps, I inputs, H units, U unfolds; a backward pass costs two products for each of the forward's:

LTC      every synapse has one sigmoid in each unfold (an input's synapse in each step), and one again in the backward
         pass, whose adjoints take 1 / BACKWARD_RATE of the time of a sigmoid; matrix products have no part.
CfC      products with the weights of the backbone and of the heads, of which there are 4, or 3 where all elapsed times
         are equal (the gate's two merge); a sigmoid or hyperbolic tangent for each backbone unit, 3 for each unit.
         Wired: the weights that a synapse, or the library's unmasked heads and recurrence, give.
LSTM     products with 4 H (I + H) weights, 5 sigmoids or tangents for each unit.
GRU      products with 3 H (I + H) weights, 3 sigmoids or tangents for each unit.

Memory traffic, the readout and the optimizer are left out: no implementation is faster, some may never come near.
Measurements for LTC and CfC on another machine gave the same formulas.
"""

from dataclasses import dataclass

UNFOLDS = 6
"""Solver steps of an LTC per interval: the default here and in ncps."""
BACKBONE_UNITS = 128
"""Units of a CfC's backbone: the default here and in ncps, one layer."""
BACKWARD_RATE = 0.8
"""Synapses adjoined per sigmoid's time: 13 multiply-adds, 5 additions and a division, counted, not measured."""


@dataclass(frozen=True)
class Sizes:
    """What the counts depend on: sequences, steps, features, units, and whether elapsed times differ."""

    batch: int
    steps: int
    inputs: int
    hidden: int
    irregular: bool


@dataclass(frozen=True)
class Operations:
    """Of one training step: multiply_adds in matrix products, sigmoids (or tangents), adjoined synapses."""

    multiply_adds: float
    sigmoids: float
    adjoints: float = 0.0

    def milliseconds(self, flops: float, sigmoids: float) -> float:
        """Return the least time at `flops` (2 a multiply-add) and `sigmoids` per second."""
        seconds = 2.0 * self.multiply_adds / flops + (self.sigmoids + self.adjoints / BACKWARD_RATE) / sigmoids
        return 1e3 * seconds


def ltc(sizes: Sizes, synapses: int, sensory_synapses: int) -> Operations:
    """Return the operations of an LTC with so many recurrent and sensory synapses."""
    evaluated = sizes.batch * sizes.steps * (synapses * UNFOLDS + sensory_synapses)
    return Operations(0.0, evaluated, evaluated)


def cfc(sizes: Sizes) -> Operations:
    """Return the operations of a CfC with one backbone layer."""
    heads = 4 if sizes.irregular else 3
    weights = BACKBONE_UNITS * (sizes.inputs + sizes.hidden + heads * sizes.hidden)
    return _trained(sizes, weights, BACKBONE_UNITS + 3 * sizes.hidden)


def wired_cfc(sizes: Sizes, state_weights: int, time_weights: int) -> Operations:
    """Return the operations of a CfC without backbone.

    state_weights: that exist in the two heads for states. time_weights: that exist in one of the two for the gate.
    """
    heads = 2 if sizes.irregular else 1
    return _trained(sizes, state_weights + heads * time_weights, 3 * sizes.hidden)


def lstm(sizes: Sizes) -> Operations:
    """Return the operations of an LSTM."""
    return _trained(sizes, 4 * sizes.hidden * (sizes.inputs + sizes.hidden), 5 * sizes.hidden)


def gru(sizes: Sizes) -> Operations:
    """Return the operations of a GRU."""
    return _trained(sizes, 3 * sizes.hidden * (sizes.inputs + sizes.hidden), 3 * sizes.hidden)


def _trained(sizes: Sizes, weights: int, sigmoids: int) -> Operations:
    """Return the operations where each weight takes part once in a sample's step, and twice more in the backward."""
    cells = sizes.batch * sizes.steps
    return Operations(3.0 * cells * weights, float(cells * sigmoids))
