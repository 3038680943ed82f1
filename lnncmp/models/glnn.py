"""GLNN: generalised liquid neural network, neurons whose conductance is a multilayer perceptron."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class GLNNArguments(Arguments):
    """Arguments of the GLNN."""

    hidden: int = Field(64, ge=1, le=4096, description="neurons")
    coupling: Literal["factor", "argument"] = Field(
        "factor", description="what f has to do with A - x: it multiplies it, or it reads it"
    )
    depth: int = Field(1, ge=1, le=16, description="hidden layers of f")
    width: int = Field(64, ge=1, le=4096, description="units of each hidden layer of f")
    activation: Literal["tanh", "lecun_tanh"] = Field("tanh", description="activation of the hidden layers of f")
    solver: Literal["dopri5", "rk4"] = Field("dopri5", description="dopri5: adaptive; rk4: classical Runge-Kutta")
    unfolds: int = Field(6, ge=1, le=1000, description="rk4: solver steps in each interval")
    rtol: float = Field(1e-5, gt=0, le=0.1, description="relative tolerance of dopri5")
    atol: float = Field(1e-6, gt=0, le=0.1, description="absolute tolerance of dopri5")


def build(arguments: GLNNArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a GLNN for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.glnn import GLNNLayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel
    from lnncmp.layers.solvers import SolverOptions

    options = SolverOptions(arguments.solver, arguments.unfolds, rtol=arguments.rtol, atol=arguments.atol)
    shape = arguments.depth, arguments.width, arguments.activation
    layer = GLNNLayer(inputs, arguments.hidden, arguments.coupling, options, *shape)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Generalised liquid network: an LTC whose conductance is a multilayer perceptron, solved adaptively.",
    citation=(
        "Karn, Ardekani and Abdulla, Generalized framework for liquid neural network upon sequential and "
        "non-sequential tasks, Mathematics 12(16), 2525, 2024"
    ),
    equation=(
        "factor: dx/dt = -x/tau + f(x, u) (A - x), as Eq. 1 of the LTC paper; argument: dx/dt = -x/tau + f(x, u, "
        "A - x); f is a multilayer perceptron; y = V x + d"
    ),
    deviations=(
        "Made from the abstract and a reading note, not from the paper: the note writes A - x as an argument of f, "
        "which may be a misprint for the factor of the LTC, so both are there. Widths, initial values and f are ours: "
        "bounded hidden layers, tau starts at 1; as a factor f ends in a softplus, so that A attracts. The solver is "
        "dopri5, as published. The elapsed time is each sample's own and counts up to 40 of the longest time "
        "constants. rk4 has no such safety for long steps. The paper's use without a sequence, an equilibrium, is left "
        "out."
    ),
    uses_dt=True,
    version=1,
    arguments=GLNNArguments,
    build=build,
    tuned=lambda arguments: Tuned("activation", ("tanh", "lecun_tanh")),
    group="liquid",
)
