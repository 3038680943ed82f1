"""Transformer: a small causal one that knows the times of its steps."""

from typing import TYPE_CHECKING

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class TransformerArguments(Arguments):
    """Arguments of the transformer."""

    hidden: int = Field(64, ge=2, le=4096, description="features of a step")
    layers: int = Field(2, ge=1, le=64, description="blocks of attention and feed-forward network")
    heads: int = Field(
        4, ge=1, le=64, description="heads of attention at most: the largest number up to it that divides hidden"
    )
    expansion: int = Field(4, ge=1, le=64, description="width of the feed-forward networks, as a multiple of hidden")
    context: int = Field(64, ge=1, le=4096, description="past steps that a step attends to at most, in every block")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of a block's outputs that is left out in training")


def build(arguments: TransformerArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a transformer for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.readout import LinearReadout, RecurrentModel
    from lnncmp.layers.transformer import TransformerLayer

    layer = TransformerLayer(
        inputs,
        arguments.hidden,
        arguments.layers,
        arguments.heads,
        arguments.expansion,
        arguments.context,
        arguments.dropout,
    )
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Causal transformer with an encoding of the elapsed times and a linear readout at every step.",
    citation="Vaswani et al., Attention is all you need, NeurIPS 2017, arXiv 1706.03762",
    equation=(
        "a = W x + b + e(t), t = sum of dt; each block: a = a + attention(norm(a)), a = a + W2 gelu(W1 norm(a)), with "
        "Eq. 1 softmax(Q K' / sqrt d) V; y = V norm(a) + d"
    ),
    deviations=(
        "The encoder alone, causal. e is the paper's encoding with the elapsed time in the place of the position, so "
        "its scale is that of dt: normalise times. Normalisation comes before each part (Xiong et al., arXiv "
        "2002.04745), GELU replaces ReLU, and the maps to queries, keys and values have no bias. A step sees the "
        "`context` steps before it in each block, and through `layers` blocks as many times that; this is what a "
        "state can hold. The number of heads falls to a divisor of `hidden`, an odd one where hidden is odd. The "
        "time of a stream is a sum in the precision of the weights: float32 keeps about seven digits of it."
    ),
    uses_dt=True,
    version=1,
    arguments=TransformerArguments,
    build=build,
    tuned=lambda arguments: Tuned("dropout", (0.0, 0.1, 0.2)),
    group="attention",
)
