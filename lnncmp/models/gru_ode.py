"""GRU-ODE: a gated recurrent unit in continuous time."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class GRUODEArguments(Arguments):
    """Arguments of the GRU-ODE."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    form: Literal["full", "minimal"] = Field(
        "full", description="full: reset and update gate; minimal: one gate for both, a third fewer parameters"
    )
    solver: Literal["euler", "dopri5"] = Field("euler", description="euler: equal steps; dopri5: adaptive")
    unfolds: int = Field(4, ge=1, le=1000, description="Euler steps in each interval (not used by dopri5)")
    rtol: float = Field(1e-5, gt=0, le=0.1, description="relative tolerance of dopri5")
    atol: float = Field(1e-6, gt=0, le=0.1, description="absolute tolerance of dopri5")
    init: Literal["benchmark", "authors"] = Field(
        "benchmark", description="benchmark: glorot, reset bias 1, other biases 0; authors: glorot, all biases 0.05"
    )


def build(arguments: GRUODEArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a GRU-ODE for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.gru_ode import GRUODELayer
    from lnncmp.layers.ode import SolverChoice
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    solver = SolverChoice(arguments.solver, arguments.unfolds, arguments.rtol, arguments.atol)
    layer = GRUODELayer(inputs, arguments.hidden, arguments.form, solver, arguments.init)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Gated recurrent unit in continuous time, with inputs held over each interval and a linear readout.",
    citation=(
        "De Brouwer, Simm, Arany and Moreau, GRU-ODE-Bayes: continuous modeling of sporadically-observed time series, "
        "NeurIPS 2019, arXiv 1905.12374"
    ),
    equation=(
        "Section 2: dh/dt = (1 - z) (u - h), r, z = sigmoid(W x + U h + b), u = tanh(W_u x + U_u (r h) + b_u); "
        "form=minimal (authors' code): z in the place of r; y = V h + d"
    ),
    deviations=(
        "The GRU-ODE alone, driven by the inputs, as the baseline of Lechner and Hasani (arXiv 2006.04418) has it: no "
        "Bayesian update at observations and no loss on predicted distributions. Euler with 4 steps of dt / 4 and the "
        "usual start are that baseline's. Euler steps longer than 1 are cut to 1, since h leaves [-1, 1] with longer "
        "ones: with dt above `unfolds` the gap counts as `unfolds` long. dopri5 solves the driven equation; the "
        "authors' code has it for the equation without inputs only, and its steps grow in number with the gap."
    ),
    uses_dt=True,
    version=1,
    arguments=GRUODEArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("benchmark", "authors")),
    group="ODE",
)
