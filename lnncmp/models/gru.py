"""GRU: gated recurrent unit with a linear readout, the second baseline of the study."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, GatedImplementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class GRUArguments(Arguments):
    """Arguments of the GRU."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    init: Literal["torch", "keras"] = Field(
        "torch", description="torch: uniform; keras: glorot, orthogonal recurrent kernel, zero biases"
    )
    implementation: GatedImplementation = "auto"


def build(arguments: GRUArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a GRU for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.lstm_gru import GRULayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    layer = GRULayer(inputs, arguments.hidden, arguments.implementation, arguments.init)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Gated recurrent unit, one layer, with a linear readout.",
    citation="Cho et al., Learning phrase representations using RNN encoder-decoder, arXiv 1406.1078, 2014",
    equation=(
        "r, z = sigmoid(W x + U h + b); n = tanh(W_n x + b_n + r (U_n h + c_n)); h' = (1 - z) n + z h; y = V h' + d"
    ),
    deviations=(
        "As torch.nn.GRU: the reset gate acts after the recurrent product (the paper's acts before it) and there are "
        "two bias vectors."
    ),
    uses_dt=False,
    version=2,
    arguments=GRUArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("torch", "keras")),
    group="recurrent",
)
