"""ODE-LSTM: an LSTM whose output follows a differential equation over the elapsed time."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class ODELSTMArguments(Arguments):
    """Arguments of the ODE-LSTM."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    variant: Literal["torch", "tf"] = Field(
        "torch",
        description="torch: the equation starts at the LSTM's output; tf: that output is the input of a CT-RNN",
    )
    solver: Literal["euler", "heun", "rk4", "dopri5"] = Field(
        "euler", description="euler, heun, rk4: equal steps; dopri5: adaptive"
    )
    unfolds: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="solver steps in each interval (not used by dopri5); None: as coded, 3 for torch and 4 for tf",
    )
    rtol: float = Field(1e-5, gt=0, le=0.1, description="relative tolerance of dopri5")
    atol: float = Field(1e-6, gt=0, le=0.1, description="absolute tolerance of dopri5")
    init: Literal["published", "other"] = Field(
        "published",
        description="published: as the variant's code; other: of torch, the LSTM is drawn as keras does, of tf, the "
        "gates' biases are uniform in (-0.1, 0.1)",
    )


def build(arguments: ODELSTMArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an ODE-LSTM for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.ode import SolverChoice
    from lnncmp.layers.ode_lstm import LSTMDrivenCTRNN, ODELSTMLayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    published, coded = arguments.init == "published", 3 if arguments.variant == "torch" else 4
    unfolds = coded if arguments.unfolds is None else arguments.unfolds
    solver = SolverChoice(arguments.solver, unfolds, arguments.rtol, arguments.atol)
    layer = (
        ODELSTMLayer(inputs, arguments.hidden, solver, "torch" if published else "keras")
        if arguments.variant == "torch"
        else LSTMDrivenCTRNN(inputs, arguments.hidden, solver, "keras" if published else "ncps")
    )
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="LSTM whose output follows a differential equation over the elapsed time, with a linear readout.",
    citation="Lechner and Hasani, Learning long-term dependencies in irregularly-sampled time series, arXiv 2006.04418",
    equation=(
        "Algorithm 1: h^, c = LSTM(x, h, c); h = ODESolve(f, h^, dt), f(h) = W2 tanh(W1 h + b1) + b2; variant=tf: "
        "u, c = LSTM(x, h, c); h = ODESolve(g, h, dt), g(h) = a tanh(W u + U h + b) - h; y = V h + d"
    ),
    deviations=(
        "The authors' PyTorch and TensorFlow code are two models; `variant` names them. The default solver is Euler, "
        "as in the TensorFlow code; the PyTorch code defaults to dopri5, over all elapsed times of a batch at once. "
        "variant=tf: steps of the fixed solvers longer "
        "than 1 are cut to 1, since explicit solvers of its leak diverge with longer ones; as coded with 4 steps, this "
        "changes gaps longer than 4."
    ),
    uses_dt=True,
    version=1,
    arguments=ODELSTMArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("published", "other")),
    group="ODE",
)
