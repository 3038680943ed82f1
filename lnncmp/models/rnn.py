"""RNN: the Elman network with a linear readout, the simplest baseline."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, GatedImplementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class RNNArguments(Arguments):
    """Arguments of the RNN."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    init: Literal["torch", "keras"] = Field(
        "torch", description="torch: uniform; keras: glorot, orthogonal recurrent kernel, zero biases"
    )
    implementation: GatedImplementation = "auto"


def build(arguments: RNNArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an RNN for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.readout import LinearReadout, RecurrentModel
    from lnncmp.layers.rnn import RNNLayer

    layer = RNNLayer(inputs, arguments.hidden, arguments.implementation, arguments.init)
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Elman network, the plain recurrent network with tanh units, one layer, with a linear readout.",
    citation=("Elman, Finding structure in time, Cognitive Science 14(2), 1990"),
    equation="h' = tanh(W x + b + U h + c); y = V h' + d",
    deviations=(
        "As torch.nn.RNN: tanh where Elman has the logistic function, and two bias vectors, of which one is enough."
    ),
    uses_dt=False,
    version=1,
    arguments=RNNArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("torch", "keras")),
    group="recurrent",
)
