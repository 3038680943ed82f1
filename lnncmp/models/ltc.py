"""LTC: liquid time-constant network, every neuron connected to every other."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class LTCArguments(Arguments):
    """Arguments of the LTC."""

    hidden: int = Field(64, ge=1, le=4096, description="neurons")
    unfolds: int = Field(6, ge=1, le=1000, description="solver steps in each interval (not used by dopri5)")
    solver: Literal["semi_implicit", "explicit_euler", "rk4", "dopri5"] = Field(
        "semi_implicit", description="semi_implicit: the paper's fused solver"
    )
    rtol: float = Field(1e-5, gt=0, le=0.1, description="relative tolerance of dopri5")
    atol: float = Field(1e-6, gt=0, le=0.1, description="absolute tolerance of dopri5")
    constraint: Literal["softplus", "clip"] = Field(
        "softplus", description="how conductances stay positive: mapped at use, or clamped after each step"
    )
    readout: Literal["linear", "motor"] = Field(
        "linear", description="linear: of all neurons; motor: the first neurons, one gain and offset each"
    )
    start: Literal["ncps", "paper"] = Field(
        "ncps", description="initial values as in ncps, or as in the LTC paper's code (half of the synapses inhibitory)"
    )
    implementation: Implementation = "auto"

    @model_serializer(mode="wrap")
    def _without_usual_start(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the usual start, which was the only one once, so that the identities of older runs stay."""
        table: dict[str, Any] = handler(self)
        return {key: value for key, value in table.items() if key != "start" or value != "ncps"}


def build(arguments: LTCArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an LTC for `inputs` features and `outputs` targets; `wiring_seed` draws the synapses' signs.

    Raises UsageError if the motor readout is asked for with fewer neurons than outputs.
    """
    from lnncmp.layers.ltc import LTCLayer
    from lnncmp.layers.readout import LinearReadout, MotorReadout, RecurrentModel
    from lnncmp.layers.solvers import SolverOptions
    from lnncmp.layers.wiring import fully_connected

    hidden = arguments.hidden
    if arguments.readout == "motor" and outputs > hidden:
        raise UsageError(
            f"readout motor needs at least as many neurons as the {outputs} outputs, hidden is {hidden}",
            f"set hidden to {outputs} or more, or readout to linear",
        )
    options = SolverOptions(arguments.solver, arguments.unfolds, rtol=arguments.rtol, atol=arguments.atol)
    published = arguments.start == "paper"
    wiring = fully_connected(hidden, inputs, min(outputs, hidden), wiring_seed, even=published)
    layer = LTCLayer(wiring, options, arguments.constraint)
    if published:
        layer.start_as_published()
    layer.chosen = arguments.implementation
    readout = LinearReadout(hidden, outputs) if arguments.readout == "linear" else MotorReadout(outputs)
    return RecurrentModel(layer, readout)


MODEL = ModelSpec(
    summary="Liquid time-constant network: neurons whose time constants depend on their inputs, solved as an ODE.",
    citation="Hasani, Lechner, Amini, Rus and Grosu, Liquid time-constant networks, AAAI 2021, arXiv 2006.04439",
    equation=(
        "Eq. 1: dv/dt = -[1/tau + f(v, x)] v + f(v, x) A, in the biophysical form of the authors' code: cm dv/dt = "
        "gleak (vleak - v) + sum w sigmoid(sigma (v_j - mu)) (E - v) + the same for inputs; solved by Eq. 3"
    ),
    deviations=(
        "Parameters and their initial ranges as in ncps; start=paper takes those of the authors' code. The elapsed "
        "time is each sample's own (the authors' code ignores it) and may be 0. The step is v + h (num - den v) / "
        "(cm + h den + eps), equal to the published quotient up to eps = 1e-8. constraint=clip clamps w and gleak at 0 "
        "and cm at 1e-6 and has no upper bounds (the authors clip w and gleak at 1e-5 and all three at 1000; ncps lets "
        "cm reach 0). Six unfolds at dt = 1 are a discrete model of its own, not an accurate solution of the ODE."
    ),
    uses_dt=True,
    version=1,
    arguments=LTCArguments,
    build=build,
    tuned=lambda arguments: Tuned("constraint", ("softplus", "clip")),
    group="liquid",
)
