"""The roofline model: the fewest operations that a training step needs, and their time at a machine's peak rates.

For B sequences of T steps, I inputs, H units, U unfolds. The backward pass has two products per forward product:

LTC      one sigmoid per synapse and unfold (per step for sensory synapses); in the backward pass as many adjoints of
         synapses, each with a sigmoid of its own; matrix products are negligible.
CfC      products with the weights of the backbone and of 4 heads, or 3 if all elapsed times are equal (the two gate
         heads merge); one sigmoid or tanh per backbone unit, 3 per unit.
         Wired: only the weights that a synapse, or the library's unmasked heads and recurrence, use.
LSTM     products with 4 H (I + H) weights, 5 sigmoids or tanh per unit.
GRU      products with 3 H (I + H) weights, 3 sigmoids or tanh per unit.

A sigmoid (a tanh, an adjoint) takes one exponential and half a division. Memory traffic is what no implementation can
avoid: inputs read in both passes, outputs written and their gradients read, one state per step kept and read again. The
readout's products and the optimizer are left out. A training step takes at least as long as its arithmetic and at least
as long as its traffic; which of them is longer is the bound that applies. Some implementations cannot approach it.
"""

from dataclasses import dataclass

UNFOLDS = 6
"""Solver steps of an LTC per interval: the default here and in ncps."""
BACKBONE_UNITS = 128
"""Units of a CfC's backbone, one layer: the default here and in ncps."""
CACHE_BYTES = 1_000_000
"""Traffic up to which all of it may stay in a core's cache."""
_NUMBER = 4
"""Bytes of a number in float32."""


@dataclass(frozen=True)
class PeakRates:
    """Peak rates of all threads, per second, in vectors as wide as those of the kernels.

    flops: in matrix products, two per multiply-add. sigmoids, adjoints: of the kernels' own functions on numbers in the
    nearest cache. cache_bytes, memory_bytes: read or written where all fits into a core's cache, or in main memory.
    """

    flops: float
    sigmoids: float
    adjoints: float
    cache_bytes: float
    memory_bytes: float


@dataclass(frozen=True)
class Limit:
    """The least time of a training step in milliseconds: of each kind of work, and what bounds it."""

    products: float
    exponentials: float
    traffic: float

    @property
    def milliseconds(self) -> float:
        """Return the least time: of all arithmetic, or of the traffic if that is longer."""
        return max(self.products + self.exponentials, self.traffic)

    @property
    def bound(self) -> str:
        """Return what takes most of it: products, exponentials or memory."""
        if self.traffic > self.products + self.exponentials:
            return "memory"
        return "products" if self.products > self.exponentials else "exponentials"


@dataclass(frozen=True)
class Sizes:
    """What the counts depend on: batch, steps, inputs, hidden units, outputs, and whether elapsed times differ."""

    batch: int
    steps: int
    inputs: int
    hidden: int
    outputs: int
    irregular: bool

    @property
    def traffic(self) -> float:
        """Return the bytes that cannot be avoided."""
        numbers = 2 * (self.inputs + self.irregular) + 2 * self.outputs + 2 * self.hidden
        return float(_NUMBER * self.batch * self.steps * numbers)


@dataclass(frozen=True)
class Operations:
    """Operations of one training step: multiply_adds in matrix products, sigmoids (or tanh), synapse adjoints.

    traffic: bytes to and from memory that cannot be avoided.
    """

    multiply_adds: float
    sigmoids: float
    adjoints: float = 0.0
    traffic: float = 0.0

    @property
    def exponentials(self) -> float:
        """Return the number of exponentials, which is that of divisions."""
        return self.sigmoids + self.adjoints

    def __add__(self, other: "Operations") -> "Operations":
        """Return the operations of both: of a cell and of the memory cell in front of it."""
        return Operations(
            self.multiply_adds + other.multiply_adds,
            self.sigmoids + other.sigmoids,
            self.adjoints + other.adjoints,
            self.traffic + other.traffic,
        )

    def limit(self, rates: PeakRates) -> Limit:
        """Return the least time at these rates."""
        bytes_a_second = rates.cache_bytes if self.traffic <= CACHE_BYTES else rates.memory_bytes
        return Limit(
            products=1e3 * 2.0 * self.multiply_adds / rates.flops,
            exponentials=1e3 * (self.sigmoids / rates.sigmoids + self.adjoints / rates.adjoints),
            traffic=1e3 * self.traffic / bytes_a_second,
        )


def ltc(sizes: Sizes, synapses: int, sensory_synapses: int) -> Operations:
    """Return the operations of an LTC with these numbers of recurrent and sensory synapses."""
    evaluated = sizes.batch * sizes.steps * (synapses * UNFOLDS + sensory_synapses)
    return Operations(0.0, evaluated, evaluated, sizes.traffic)


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
    return Operations(3.0 * cells * weights, float(cells * sigmoids), 0.0, sizes.traffic)
