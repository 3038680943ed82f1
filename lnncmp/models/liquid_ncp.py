"""Liquid NCP: liquid neurons with one gate each, wired as a neural circuit policy."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned
from lnncmp.models.ncp import SEED_RANGE

if TYPE_CHECKING:
    from torch import nn

    from lnncmp.layers.sequence_model import SequenceModel
    from lnncmp.layers.wiring import Wiring


class LiquidNCPArguments(Arguments):
    """Arguments of the liquid NCP."""

    hidden: int = Field(32, ge=4, le=4096, description="all neurons: inter, command and motor")
    sparsity: float = Field(0.5, ge=0.1, le=0.95, description="share of possible synapses that is left out")
    unfolds: int = Field(6, ge=1, le=1000, description="solver steps in each interval; a signal needs three to pass")
    wiring_seed: int | None = Field(
        None, ge=0, lt=SEED_RANGE, description="seed of the wiring; None: every run draws its own"
    )
    readout: Literal["motor", "command", "linear"] = Field(
        "motor",
        description="motor: motor neurons, one gain and offset each; command: linear, of motor and command neurons; "
        "linear: of all neurons",
    )
    implementation: Implementation = "auto"


def _readout(kind: str, wiring: "Wiring", outputs: int) -> "nn.Module":
    """Return the readout of that kind; a wiring's motor neurons come first, its command neurons next."""
    from lnncmp.layers.liquid import LeadingReadout
    from lnncmp.layers.readout import LinearReadout, MotorReadout

    if kind == "motor":
        return MotorReadout(outputs)
    if kind == "command":
        return LeadingReadout(wiring.groups["motor_neurons"] + wiring.groups["command_neurons"], outputs)
    return LinearReadout(wiring.neurons, outputs)


def build(arguments: LiquidNCPArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a liquid NCP for `inputs` features and `outputs` targets.

    `wiring_seed` draws the wiring unless the arguments fix one. Raises UsageError if the neurons do not suffice.
    """
    from lnncmp.layers.liquid import LiquidLayer
    from lnncmp.layers.readout import RecurrentModel
    from lnncmp.layers.wiring import auto_ncp

    least = outputs + 3
    if arguments.hidden < least:
        raise UsageError(
            f"a liquid_ncp with {outputs} outputs needs at least {least} neurons, hidden is {arguments.hidden}",
            f"set hidden to {least} or more",
        )
    seed = wiring_seed % SEED_RANGE if arguments.wiring_seed is None else arguments.wiring_seed
    wiring = auto_ncp(arguments.hidden, inputs, outputs, arguments.sparsity, seed)
    layer = LiquidLayer(wiring, arguments.unfolds)
    layer.chosen = arguments.implementation
    return RecurrentModel(layer, _readout(arguments.readout, wiring, outputs))


MODEL = ModelSpec(
    summary="Liquid network inspired by NCPs: neurons with one liquid gate each in sparse, signed, wired layers.",
    citation=(
        "Model of the damped sines in Zong, Bierly, Boker and Eldardiry, arXiv 2510.07578, 2025; neurons: Hasani, "
        "Lechner, Amini, Rus and Grosu, Liquid time-constant networks, AAAI 2021, arXiv 2006.04439; wiring: Lechner, "
        "Hasani, Amini, Henzinger, Rus and Grosu, Neural circuit policies enabling auditable autonomy, Nature Machine "
        "Intelligence 2, 2020"
    ),
    equation=(
        "dv/dt = -[1/tau + f] v + f A (LTC paper, Eq. 1) with f = k sigmoid(W v + U x + b), W and U masked by the "
        "wiring; solved by v' = (v + h f A) / (1 + h (1/tau + f)) (Eq. 3), h = dt / unfolds"
    ),
    deviations=(
        "The study speaks of a custom liquid network inspired by NCP principles and gives no code: this is our reading "
        "of it, not its model. A neuron has one gate over the sum of its inputs, as in Eq. 1, and not one conductance "
        "for each synapse, as in the authors' LTC code (see ltc and ncp). Wirings are those of ncps AutoNCP; by "
        "default each run draws its own. The polarity of a synapse is the initial sign of its weight, training may "
        "change it. All neurons are updated together, so that a new input reaches the outputs only at the third "
        "solver step. The elapsed time is each sample's own and may be 0. Initial values are ours (see "
        "lnncmp.layers.liquid). Synapses that do not exist have no gradient and are not counted as active parameters."
    ),
    uses_dt=True,
    version=1,
    arguments=LiquidNCPArguments,
    build=build,
    tuned=lambda arguments: Tuned("unfolds", (3, 6, 12)),
    group="liquid",
)
