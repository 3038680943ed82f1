"""LSTM: long short-term memory with a linear readout, the first baseline of the study."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, GatedImplementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class LSTMArguments(Arguments):
    """Arguments of the LSTM."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    forget_bias: float = Field(0.0, ge=-10, le=10, description="added to the forget gate's bias at the start")
    init: Literal["torch", "keras"] = Field(
        "torch", description="torch: uniform; keras: glorot, orthogonal recurrent kernel, zero biases"
    )
    implementation: GatedImplementation = "auto"


def build(arguments: LSTMArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an LSTM for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.lstm_gru import LSTMLayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    layer = LSTMLayer(inputs, arguments.hidden, arguments.implementation, arguments.forget_bias, arguments.init)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Long short-term memory, one layer, with a linear readout.",
    citation="Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997",
    equation=(
        "i, f, o = sigmoid(W x + U h + b), g = tanh(W x + U h + b); c' = f c + i g; h' = o tanh(c'); y = V h' + d "
        "(the form with a forget gate of Gers, Schmidhuber and Cummins, 2000)"
    ),
    deviations=(
        "As torch.nn.LSTM, with two bias vectors; no peepholes. forget_bias=1 with init=keras gives the start of the "
        "Keras baselines; the augmented LSTM of published comparisons gets dt as an additional input feature."
    ),
    uses_dt=False,
    version=2,
    arguments=LSTMArguments,
    build=build,
    tuned=lambda arguments: Tuned("forget_bias", (0.0, 1.0, 2.0)),
    group="recurrent",
)
