"""NCP: a neural circuit policy, that is a sparsely wired LTC or CfC."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.recurrent_layer import RecurrentLayer
    from lnncmp.layers.sequence_model import SequenceModel
    from lnncmp.layers.wiring import Wiring

SEED_RANGE = 2**32
"""ncps draws wirings from numpy.random.RandomState, whose seeds are smaller than this."""


class NCPArguments(Arguments):
    """Arguments of the NCP."""

    hidden: int = Field(64, ge=4, le=4096, description="all neurons: inter, command and motor")
    cell: Literal["ltc", "cfc"] = Field("ltc", description="what a neuron computes")
    wiring: Literal["auto_ncp", "ncp", "random", "fully_connected"] = Field(
        "auto_ncp", description="how synapses are drawn; ncp: by the sizes below"
    )
    sparsity: float = Field(0.5, ge=0.1, le=0.95, description="share of possible synapses that is left out")
    inter_neurons: int | None = Field(None, ge=1, description="wiring ncp: inter neurons; None: derived")
    command_neurons: int | None = Field(None, ge=1, description="wiring ncp: command neurons; None: derived")
    motor_neurons: int | None = Field(None, ge=1, description="wiring ncp: motor neurons; None: the outputs")
    sensory_fanout: int | None = Field(None, ge=1, description="wiring ncp: synapses of an input; None: derived")
    inter_fanout: int | None = Field(None, ge=1, description="wiring ncp: synapses of an inter neuron")
    recurrent_command_synapses: int | None = Field(
        None, ge=0, description="wiring ncp: draws of a synapse between command neurons (duplicates count once)"
    )
    motor_fanin: int | None = Field(None, ge=1, description="wiring ncp: synapses onto a motor neuron")
    wiring_seed: int | None = Field(
        None, ge=0, lt=SEED_RANGE, description="seed of the wiring; None: every run draws its own"
    )
    readout: Literal["motor", "linear"] = Field(
        "motor", description="motor: motor neurons, one gain and offset each; linear: of all neurons"
    )
    unfolds: int = Field(6, ge=1, le=1000, description="LTC: solver steps in each interval")
    solver: Literal["semi_implicit", "explicit_euler", "rk4", "dopri5"] = Field(
        "semi_implicit", description="LTC: semi_implicit is the paper's fused solver"
    )
    rtol: float = Field(1e-5, gt=0, le=0.1, description="LTC: relative tolerance of dopri5")
    atol: float = Field(1e-6, gt=0, le=0.1, description="LTC: absolute tolerance of dopri5")
    constraint: Literal["softplus", "clip"] = Field("softplus", description="LTC: how conductances stay positive")
    synapses: Literal["auto", "dense", "gathered"] = Field(
        "auto", description="LTC: evaluate all pairs or only those that exist; the same numbers, another speed"
    )
    masking: Literal["all_heads", "ncps"] = Field(
        "all_heads", description="CfC: ncps leaves two heads and the recurrence unmasked, as that library does"
    )
    mode: Literal["default", "no_gate"] = Field("default", description="CfC: default Eq. 4, or without (1 - gate)")
    implementation: Implementation = "auto"


def _wire(arguments: NCPArguments, inputs: int, outputs: int, seed: int) -> "Wiring":
    """Draw the wiring that the arguments ask for; see lnncmp.layers.wiring for the errors raised."""
    from lnncmp.layers import wiring

    neurons, sparsity = arguments.hidden, arguments.sparsity
    if arguments.wiring == "auto_ncp":
        return wiring.auto_ncp(neurons, inputs, outputs, sparsity, seed)
    if arguments.wiring == "ncp":
        sizes = wiring.NCPSizes(
            arguments.inter_neurons,
            arguments.command_neurons,
            arguments.motor_neurons,
            arguments.sensory_fanout,
            arguments.inter_fanout,
            arguments.recurrent_command_synapses,
            arguments.motor_fanin,
        )
        return wiring.ncp(neurons, inputs, outputs, sparsity, sizes, seed)
    if arguments.wiring == "random":
        return wiring.random(neurons, inputs, min(outputs, neurons), sparsity, seed)
    return wiring.fully_connected(neurons, inputs, min(outputs, neurons), seed)


def _check_motors(arguments: NCPArguments, outputs: int) -> None:
    """Raise UsageError unless the motor readout has a neuron, and in an NCP a motor neuron, for each output."""
    motors = arguments.motor_neurons if arguments.wiring == "ncp" else None
    if motors is not None and motors != outputs:
        raise UsageError(
            f"readout motor needs one motor neuron for each of the {outputs} outputs, motor_neurons is {motors}",
            "leave motor_neurons out, or set readout to linear",
        )
    if outputs > arguments.hidden:
        raise UsageError(
            f"readout motor needs at least as many neurons as the {outputs} outputs, hidden is {arguments.hidden}",
            f"set hidden to {outputs} or more, or readout to linear",
        )


def _layer(arguments: NCPArguments, wiring: "Wiring") -> "RecurrentLayer":
    """Return the wired layer of the chosen cell."""
    if arguments.cell == "cfc":
        from lnncmp.layers.wired_cfc import WiredCfCLayer

        return WiredCfCLayer(wiring, arguments.masking, arguments.mode)
    from lnncmp.layers.ltc import LTCLayer
    from lnncmp.layers.solvers import SolverOptions

    options = SolverOptions(arguments.solver, arguments.unfolds, rtol=arguments.rtol, atol=arguments.atol)
    return LTCLayer(wiring, options, arguments.constraint, arguments.synapses)


def build(arguments: NCPArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an NCP for `inputs` features and `outputs` targets.

    `wiring_seed` draws the wiring unless the arguments fix one. Raises UsageError for a wiring that does not fit.
    """
    from lnncmp.layers.readout import LinearReadout, MotorReadout, RecurrentModel

    if arguments.readout == "motor":
        _check_motors(arguments, outputs)
    seed = wiring_seed % SEED_RANGE if arguments.wiring_seed is None else arguments.wiring_seed
    layer = _layer(arguments, _wire(arguments, inputs, outputs, seed))
    layer.chosen = arguments.implementation
    readout = MotorReadout(outputs) if arguments.readout == "motor" else LinearReadout(arguments.hidden, outputs)
    return RecurrentModel(layer, readout)


def tuned(arguments: NCPArguments) -> Tuned:
    """Return what tuning varies: how conductances of LTC cells stay positive, or the mode of CfC cells."""
    if arguments.cell == "cfc":
        return Tuned("mode", ("default", "no_gate"))
    return Tuned("constraint", ("softplus", "clip"))


MODEL = ModelSpec(
    summary="Neural circuit policy: LTC or CfC neurons in sparse layers of inter, command and motor neurons.",
    citation=(
        "Lechner, Hasani, Amini, Henzinger, Rus and Grosu, Neural circuit policies enabling auditable autonomy, "
        "Nature Machine Intelligence 2, 2020"
    ),
    equation=(
        "dv/dt = -[1/tau + sum (w/C) sigmoid] v + (1/tau) v_leak + sum (w/C) sigmoid E (Eq. 1 and 2; see the model "
        "ltc), or CfC neurons (see cfc, Eq. 4); synapses from inputs to inter, inter to command, command to command "
        "and command to motor neurons only"
    ),
    deviations=(
        "Wirings are those of ncps.wirings; by default each run draws its own (ncps: always the same seed), so their "
        "choice is part of the spread. The outputs are the motor neurons with a gain and an offset each. With "
        "cell=cfc all four heads are masked and the recurrence follows the wiring's synapses and the neuron itself; "
        "masking=ncps gives that library's form, with two heads masked and dense recurrence in every layer. Synapses "
        "that do not exist have no gradient and are not counted as active parameters."
    ),
    uses_dt=True,
    version=1,
    arguments=NCPArguments,
    build=build,
    tuned=tuned,
    group="liquid",
)
