"""Wirings: which neurons and inputs have synapses, and of which sign, by the generators of ncps.wirings.

Source: Lechner et al., Neural circuit policies enabling auditable autonomy, Nature Machine Intelligence 2, 2020.
Entry [i, j] of a polarity matrix is the sign of the synapse from i to j, 0 for no synapse. The neurons of an NCP
are in the order motor, command, inter; the motor neurons are the first.
"""

from dataclasses import dataclass, replace

import numpy as np
from ncps import wirings

from lnncmp.errors import UsageError


@dataclass(frozen=True)
class Wiring:
    """A wiring of H neurons and I inputs.

    polarity (H, H) and sensory_polarity (I, H), int8 in {-1, 0, 1}; `layers` are the neurons of each layer, in the
    order in which a signal passes them; `groups` counts the neurons of each kind (empty without kinds).
    """

    polarity: np.ndarray
    sensory_polarity: np.ndarray
    layers: tuple[tuple[int, ...], ...]
    groups: dict[str, int]

    @property
    def neurons(self) -> int:
        """H, the number of neurons."""
        return int(self.polarity.shape[0])

    @property
    def inputs(self) -> int:
        """I, the number of inputs."""
        return int(self.sensory_polarity.shape[0])

    def structure(self) -> dict[str, int]:
        """Return the numbers of neurons, synapses and sensory synapses, and of neurons of each kind.

        `sensory_synapse_count` of ncps returns the recurrent synapses; here sensory ones are counted.
        """
        return {
            "neurons": self.neurons,
            "synapses": int(np.count_nonzero(self.polarity)),
            "sensory_synapses": int(np.count_nonzero(self.sensory_polarity)),
            **self.groups,
        }


@dataclass(frozen=True)
class NCPSizes:
    """Sizes of a neural circuit policy; None is derived as AutoNCP does, from the sparsity."""

    inter: int | None = None
    command: int | None = None
    motor: int | None = None
    sensory_fanout: int | None = None
    inter_fanout: int | None = None
    recurrent_command_synapses: int | None = None
    motor_fanin: int | None = None


def fully_connected(neurons: int, inputs: int, outputs: int, seed: int, *, even: bool = False) -> Wiring:
    """Return the wiring of all pairs, self-connections included.

    A third of the synapses is inhibitory, or, if `even`, each with probability one half.
    """
    made = _adopt(wirings.FullyConnected(neurons, outputs, erev_init_seed=seed), inputs)
    if not even:
        return made
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.array([-1, 1], np.int8), part.shape) for part in (made.polarity, made.sensory_polarity)]
    return replace(made, polarity=drawn[0], sensory_polarity=drawn[1])


def random(neurons: int, inputs: int, outputs: int, sparsity: float, seed: int) -> Wiring:
    """Return a wiring with round((1 - sparsity) pairs) synapses, drawn without replacement."""
    return _adopt(wirings.Random(neurons, outputs, sparsity_level=sparsity, random_seed=seed), inputs)


def auto_ncp(neurons: int, inputs: int, outputs: int, sparsity: float, seed: int) -> Wiring:
    """Return an NCP with `outputs` motor neurons whose other sizes follow from `sparsity` in [0.1, 1].

    Raises UsageError if the neurons do not suffice: at least one inter and one command neuron are needed.
    """
    if outputs >= neurons - 2:
        raise UsageError(
            f"a wiring auto_ncp with {outputs} motor neurons needs at least {outputs + 3} neurons, hidden is {neurons}",
            f"set hidden to {outputs + 3} or more, or wiring to fully_connected or random",
        )
    return _adopt(wirings.AutoNCP(neurons, outputs, sparsity_level=sparsity, seed=seed), inputs)


def ncp(neurons: int, inputs: int, outputs: int, sparsity: float, sizes: NCPSizes, seed: int) -> Wiring:
    """Return an NCP of the given sizes; those left None are derived from `sparsity` by AutoNCP's rules.

    Raises UsageError if the sizes do not add up to `neurons` or a fan-out is larger than its layer.
    """
    motor = outputs if sizes.motor is None else sizes.motor
    rest = neurons - motor
    command = _command_size(rest, sizes)
    inter = rest - command if sizes.inter is None else sizes.inter
    if min(inter, command) < 1 or inter + command + motor != neurons:
        raise UsageError(
            f"inter, command and motor neurons must be at least 1 and add up to hidden = {neurons}, "
            f"got {inter} + {command} + {motor}",
            "change hidden, or leave inter_neurons or command_neurons out to have them derived",
        )
    density = 1.0 - sparsity
    chosen = (
        (sizes.sensory_fanout, inter * density),
        (sizes.inter_fanout, command * density),
        (sizes.recurrent_command_synapses, command * density * 2),
        (sizes.motor_fanin, command * density),
    )
    fans = [max(int(derived), 1) if given is None else given for given, derived in chosen]
    try:
        return _adopt(wirings.NCP(inter, command, motor, *fans, seed=seed), inputs)
    except ValueError as error:
        reason = str(error).removeprefix("Error:").lstrip(": ")
        raise UsageError(f"no such wiring: {reason}", "lower the fan-outs or raise the layer sizes") from error


def _command_size(rest: int, sizes: NCPSizes) -> int:
    """Return the number of command neurons among `rest` inter and command neurons."""
    if sizes.command is not None:
        return sizes.command
    return max(int(0.4 * rest), 1) if sizes.inter is None else rest - sizes.inter


def _adopt(source: wirings.Wiring, inputs: int) -> Wiring:
    """Build a wiring of ncps for `inputs` features and return what the models need of it."""
    source.build(inputs)
    layers = tuple(tuple(int(n) for n in source.get_neurons_of_layer(k)) for k in range(source.num_layers))
    names = ("inter_neurons", "command_neurons", "motor_neurons") if len(layers) == 3 else ()
    return Wiring(
        polarity=source.adjacency_matrix.astype(np.int8),
        sensory_polarity=source.sensory_adjacency_matrix.astype(np.int8),
        layers=layers,
        groups={name: len(layer) for name, layer in zip(names, layers, strict=False)},
    )
