"""minGRU: a GRU whose gate sees the inputs alone, with a linear readout."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class MinGatedArguments(Arguments):
    """Arguments of minGRU and minLSTM."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units of each block")
    blocks: int = Field(1, ge=1, le=64, description="blocks one after the other, each reads the one before it")
    candidate: Literal["positive", "linear"] = Field(
        "positive", description="positive: x + 1/2 above 0, sigmoid(x) below, the log-space form; linear: x itself"
    )
    implementation: Implementation = "auto"


def build(arguments: MinGatedArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a minGRU for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.min_gated import MinGRUBlock, min_gated_model

    return min_gated_model(
        MinGRUBlock, inputs, outputs, arguments.hidden, arguments.blocks, arguments.candidate, arguments.implementation
    )


MODEL = ModelSpec(
    summary="Minimal gated recurrent unit: its gate sees the inputs alone; with a linear readout.",
    citation="Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, Were RNNs all we needed?, arXiv 2410.01201, 2024",
    equation="z = sigmoid(W x + b); c = g(V x + d); h' = (1 - z) h + z c (Sec. 3.1); g(x) = x + 0.5, x < 0: sigmoid(x)",
    deviations=(
        "The state starts at 0 (the paper's log-space code at g(0) = 0.5) and is computed as a linear recurrence, not "
        "in logarithms, which give the same numbers. Blocks of the paper's language models (convolution, MLP, "
        "normalisation, residuals) are left out: blocks read each other directly."
    ),
    uses_dt=False,
    version=1,
    arguments=MinGatedArguments,
    build=build,
    tuned=lambda arguments: Tuned("candidate", ("positive", "linear")),
    group="state-space",
)
