"""ODE-RNN: a learned flow between observations, a GRU at each."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class ODERNNArguments(Arguments):
    """Arguments of the ODE-RNN."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    units: int | None = Field(None, ge=1, le=4096, description="units of the field f; None: as many as hidden")
    solver: Literal["euler", "rk4", "dopri5"] = Field("rk4", description="euler, rk4: equal steps; dopri5: adaptive")
    unfolds: int = Field(1, ge=1, le=1000, description="solver steps in each interval (not used by dopri5)")
    rtol: float = Field(1e-4, gt=0, le=0.1, description="relative tolerance of dopri5")
    atol: float = Field(1e-5, gt=0, le=0.1, description="absolute tolerance of dopri5")
    init: Literal["torch", "keras"] = Field(
        "torch", description="of the GRU; torch: uniform; keras: glorot, orthogonal recurrent kernel, zero biases"
    )


def build(arguments: ODERNNArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an ODE-RNN for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.ode import SolverChoice
    from lnncmp.layers.ode_rnn import ODERNNLayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    solver = SolverChoice(arguments.solver, arguments.unfolds, arguments.rtol, arguments.atol)
    units = arguments.hidden if arguments.units is None else arguments.units
    layer = ODERNNLayer(inputs, arguments.hidden, units, solver, arguments.init)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Recurrent network whose state follows a learned differential equation between observations.",
    citation=(
        "Rubanova, Chen and Duvenaud, Latent ODEs for irregularly-sampled time series, NeurIPS 2019, arXiv 1907.03907"
    ),
    equation=("Algorithm 1: h' = ODESolve(f, h, dt), f(h) = W2 tanh(W1 h + b1) + b2; h = GRU(x, h'); y = V h + d"),
    deviations=(
        "The update at an observation is the GRU of torch; the authors' has gates of two layers, a mean and a "
        "deviation for each unit, and leaves out unobserved features. The field has one layer of tanh units (their "
        "number of layers is a setting). The authors take one Euler step over gaps shorter than a fiftieth of the "
        "record and an adaptive solver over longer ones; here all gaps have the same solver."
    ),
    uses_dt=True,
    version=1,
    arguments=ODERNNArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("torch", "keras")),
    group="ODE",
)
