"""The roofline model: the fewest operations that a training step needs, and their time at a machine's peak rates.

For B sequences of T steps, I inputs, H units, U unfolds. The backward pass has two products per forward product:

LTC      one sigmoid per synapse and unfold (per step for sensory synapses), and one more in the backward pass, where
         the adjoint of a synapse takes 1 / BACKWARD_RATE of the time of a sigmoid; matrix products are negligible.
CfC      products with the weights of the backbone and of 4 heads, or 3 if all elapsed times are equal (the two gate
         heads merge); one sigmoid or tanh per backbone unit, 3 per unit.
         Wired: only the weights that a synapse, or the library's unmasked heads and recurrence, use.
LSTM     products with 4 H (I + H) weights, 5 sigmoids or tanh per unit.
GRU      products with 3 H (I + H) weights, 3 sigmoids or tanh per unit.

Memory traffic, the readout and the optimizer are left out. The result is a lower bound that some implementations
cannot approach. Measurements of LTC and CfC on another machine led to the same formulas.
"""

from dataclasses import dataclass

UNFOLDS = 6
"""Solver steps of an LTC per interval: the default here and in ncps."""
BACKBONE_UNITS = 128
"""Units of a CfC's backbone, one layer: the default here and in ncps."""
BACKWARD_RATE = 0.8
"""Synapse adjoints in the time of one sigmoid: 13 multiply-adds, 5 additions and a division; counted, not measured."""


@dataclass(frozen=True)
class Sizes:
    """What the counts depend on: batch, steps, inputs, hidden units, and whether elapsed times differ."""

    batch: int
    steps: int
    inputs: int
    hidden: int
    irregular: bool


@dataclass(frozen=True)
class Operations:
    """Operations of one training step: multiply_adds in matrix products, sigmoids (or tanh), synapse adjoints."""

    multiply_adds: float
    sigmoids: float
    adjoints: float = 0.0

    def __add__(self, other: "Operations") -> "Operations":
        """Return the operations of both: of a cell and of the memory cell in front of it."""
        return Operations(
            self.multiply_adds + other.multiply_adds,
            self.sigmoids + other.sigmoids,
            self.adjoints + other.adjoints,
        )

    def milliseconds(self, flops: float, sigmoids: float) -> float:
        """Return the minimum time at `flops` (2 per multiply-add) and `sigmoids` per second."""
        seconds = 2.0 * self.multiply_adds / flops + (self.sigmoids + self.adjoints / BACKWARD_RATE) / sigmoids
        return 1e3 * seconds


def ltc(sizes: Sizes, synapses: int, sensory_synapses: int) -> Operations:
    """Return the operations of an LTC with these numbers of recurrent and sensory synapses."""
    evaluated = sizes.batch * sizes.steps * (synapses * UNFOLDS + sensory_synapses)
    return Operations(0.0, evaluated, evaluated)


def cfc(sizes: Sizes) -> Operations:
    """Return the operations of a CfC with one backbone layer."""
    heads = 4 if sizes.irregular else 3
    weights = BACKBONE_UNITS * (sizes.inputs + sizes.hidden + heads * sizes.hidden)
    return _trained(sizes, weights, BACKBONE_UNITS + 3 * sizes.hidden)


def wired_cfc(sizes: Sizes, state_weights: int, time_weights: int) -> Operations:
    """Return the operations of a CfC without backbone.

    state_weights: weights of the two state heads together. time_weights: weights of one gate head.
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
    """Return the operations if each weight is used once per sample and step, and twice more in the backward pass."""
    cells = sizes.batch * sizes.steps
    return Operations(3.0 * cells * weights, float(cells * sigmoids))
