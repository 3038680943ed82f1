"""minLSTM: an LSTM whose gates see the inputs alone, with a linear readout."""

from typing import TYPE_CHECKING

from lnncmp.models.base import ModelSpec, Tuned
from lnncmp.models.min_gru import MinGatedArguments

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


def build(arguments: MinGatedArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a minLSTM for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.min_gated import MinLSTMBlock, min_gated_model

    return min_gated_model(
        MinLSTMBlock, inputs, outputs, arguments.hidden, arguments.blocks, arguments.candidate, arguments.implementation
    )


MODEL = ModelSpec(
    summary="Minimal LSTM: two gates that see the inputs alone and add up to 1; with a linear readout.",
    citation="Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, Were RNNs all we needed?, arXiv 2410.01201, 2024",
    equation=(
        "f, i = sigmoid(W x + b); c = g(V x + d); h' = f / (f + i) h + i / (f + i) c (Sec. 3.2); g(x) = x + 0.5, x < "
        "0: sigmoid(x)"
    ),
    deviations=(
        "The state starts at 0 and is computed as a linear recurrence, not in logarithms, which give the same numbers. "
        "Blocks read each other directly, without the convolution, MLP, normalisation and residuals of the paper's "
        "language models. No forget bias is added at the start."
    ),
    uses_dt=False,
    version=1,
    arguments=MinGatedArguments,
    build=build,
    tuned=lambda arguments: Tuned("candidate", ("positive", "linear")),
    group="state-space",
)
