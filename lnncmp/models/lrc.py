"""LRC: liquid-resistance, liquid-capacitance network; with one solver step an observation, the LRC unit (LRCU)."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned
from lnncmp.models.ncp import SEED_RANGE

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel

LEAST_UNFOLDS = 3
"""Solver steps after which a signal has passed from inputs over inter and command to motor neurons."""


class LRCArguments(Arguments):
    """Arguments of the LRC; the defaults are those of the authors' LRC unit."""

    hidden: int = Field(64, ge=1, le=4096, description="neurons")
    elastance: Literal["symmetric", "asymmetric", "none"] = Field(
        "symmetric", description="one over the capacitance; none: it is 1, which is the saturated LTC (STC)"
    )
    unfolds: int = Field(
        1, ge=1, le=1000, description="solver steps in each interval; a signal needs three to pass auto_ncp"
    )
    solver: Literal["explicit_euler", "hybrid"] = Field(
        "explicit_euler", description="explicit_euler: as in the LRC unit; hybrid: leak terms at the new potential"
    )
    wiring: Literal["fully_connected", "auto_ncp"] = Field("fully_connected", description="how synapses are drawn")
    sparsity: float = Field(0.5, ge=0.1, le=0.95, description="auto_ncp: share of possible synapses that is left out")
    wiring_seed: int | None = Field(
        None, ge=0, lt=SEED_RANGE, description="seed of the wiring; None: every run draws its own"
    )
    constraint: Literal["clip", "softplus"] = Field(
        "clip", description="how conductances stay positive: clamped after each step, or mapped at use"
    )
    readout: Literal["linear", "motor"] = Field(
        "linear", description="linear: of all neurons; motor: the first neurons, one gain and offset each"
    )
    implementation: Implementation = "auto"


def _check(arguments: LRCArguments, outputs: int) -> None:
    """Raise UsageError for too few unfolds under an NCP wiring, and for a motor readout without enough neurons."""
    if arguments.wiring == "auto_ncp" and arguments.unfolds < LEAST_UNFOLDS:
        raise UsageError(
            f"under the wiring auto_ncp an input reaches the outputs after {LEAST_UNFOLDS} solver steps, unfolds is "
            f"{arguments.unfolds}: an output would not depend on the observation of its own step",
            f"set unfolds to {LEAST_UNFOLDS} or more, or wiring to fully_connected",
        )
    if arguments.readout == "motor" and outputs > arguments.hidden:
        raise UsageError(
            f"readout motor needs at least as many neurons as the {outputs} outputs, hidden is {arguments.hidden}",
            f"set hidden to {outputs} or more, or readout to linear",
        )


def build(arguments: LRCArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an LRC for `inputs` features and `outputs` targets.

    `wiring_seed` draws the wiring unless the arguments fix one. Raises UsageError for arguments that do not fit.
    """
    from lnncmp.layers.lrc import LRCLayer
    from lnncmp.layers.readout import LinearReadout, MotorReadout, RecurrentModel
    from lnncmp.layers.wiring import auto_ncp, fully_connected

    _check(arguments, outputs)
    hidden = arguments.hidden
    seed = wiring_seed % SEED_RANGE if arguments.wiring_seed is None else arguments.wiring_seed
    if arguments.wiring == "auto_ncp":
        wiring = auto_ncp(hidden, inputs, outputs, arguments.sparsity, seed)
    else:
        wiring = fully_connected(hidden, inputs, min(outputs, hidden), seed)
    layer = LRCLayer(wiring, arguments.elastance, arguments.unfolds, arguments.solver, arguments.constraint)
    layer.chosen = arguments.implementation
    readout = MotorReadout(outputs) if arguments.readout == "motor" else LinearReadout(hidden, outputs)
    return RecurrentModel(layer, readout)


MODEL = ModelSpec(
    summary="Liquid-resistance, liquid-capacitance network: saturated LTC neurons whose capacitance is liquid too.",
    citation=(
        "Farsang, Neubauer and Grosu, Liquid resistance liquid capacitance networks, arXiv 2403.08791, 2024; the "
        "equations as restated in Farsang, Hasani, Rus and Grosu, arXiv 2505.21717, 2025, section 2.1"
    ),
    equation=(
        "dx/dt = E [-s(f) x + tanh(z) vleak], f = gleak + sum w s(sigma (y - mu)), z = gleak + sum h s(sigma (y - mu)) "
        "over inputs and neurons y; eps = a y + b; symmetric: E = s(eps + c) - s(eps - c), asymmetric: E = s(eps), "
        "none (STC): E = 1; LRC unit: x' = x + dt E [-s(f) x + tanh(z) vleak]"
    ),
    deviations=(
        "Start as in the authors' TensorFlow code: h orthogonal, a glorot, c 1, the rest as in an LTC. The default "
        "readout is linear, theirs is a gain and an offset of each neuron (readout=motor for the first ones). The "
        "elapsed time is each sample's own and may be 0. An explicit step is bounded: where h E s(f) > 1, possible "
        "only for h > 1, it ends at the rest tanh(z) vleak / s(f) and not beyond it, since a longer one need not "
        "contract. c >= 0 is kept as w and gleak are. In their code an unknown elastance is silently the STC. Under "
        "auto_ncp the elastance reads the wiring's synapses only, and its signs are not used: h has its own."
    ),
    uses_dt=True,
    version=1,
    arguments=LRCArguments,
    build=build,
    tuned=lambda arguments: Tuned("constraint", ("clip", "softplus")),
    group="liquid",
)
