"""RNN-Decay: a recurrent network whose state changes with the elapsed time in the simplest way."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class RNNDecayArguments(Arguments):
    """Arguments of the RNN-Decay."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    decay: Literal["as_coded", "exponential"] = Field(
        "as_coded",
        description="as_coded: the state is lowered by dt tau; exponential: the old state fades by exp(-dt tau)",
    )
    init: Literal["keras", "torch"] = Field("keras", description="keras: glorot, zero biases; torch: that of nn.Linear")


def build(arguments: RNNDecayArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an RNN-Decay for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.readout import LinearReadout, RecurrentModel
    from lnncmp.layers.rnn_decay import RNNDecayLayer

    layer = RNNDecayLayer(inputs, arguments.hidden, arguments.decay, arguments.init)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Recurrent network of two layers, lowered or faded by the elapsed time, with a linear readout.",
    citation=(
        "Lechner and Hasani, Learning long-term dependencies in irregularly-sampled time series, arXiv 2006.04418, 2020"
    ),
    equation=(
        "Authors' code: h' = W2 tanh(W1 [x, h] + b1) + b2 - dt tau; decay=exponential: "
        "h' = W2 tanh(W1 [x, exp(-dt tau) h] + b1) + b2; y = V h + d"
    ),
    deviations=(
        "decay=as_coded is the baseline of the authors' code, which moves the state by a constant speed and decays "
        "nothing; after a long gap it is as far off as the gap is long. decay=exponential is the decay that the name "
        "promises, with positive rates (softplus), as in Rubanova et al. (arXiv 1907.03907), around the same two "
        "layers; both start with tau = 0.1."
    ),
    uses_dt=True,
    version=1,
    arguments=RNNDecayArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("keras", "torch")),
    group="recurrent",
)
