"""GRU-D: a GRU for values that are not measured at every step."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class GRUDArguments(Arguments):
    """Arguments of the GRU-D."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    measured: int = Field(
        0,
        ge=0,
        le=100_000,
        description="the inputs begin with so many values (the latest ones), then their masks (1: measured now), then "
        "their ages (time since); 0: every input is always measured",
    )
    init: Literal["torch", "keras"] = Field(
        "torch", description="torch: uniform; keras: glorot, orthogonal recurrent kernel, zero biases"
    )
    implementation: Implementation = "auto"


def build(arguments: GRUDArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a GRU-D for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored.

    Raises UsageError if there are fewer inputs than values, masks and ages.
    """
    del wiring_seed
    from lnncmp.layers.gru_d import GRUDLayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    hidden, measured = arguments.hidden, arguments.measured
    if 3 * measured > inputs:
        raise UsageError(
            f"measured is {measured}, so the inputs begin with {3 * measured} values, masks and ages; "
            f"there are {inputs} inputs",
            f"set measured to {inputs // 3} or less, or to 0 if the inputs have no masks and ages",
        )
    layer = GRUDLayer(inputs, hidden, measured, arguments.implementation, arguments.init)
    return RecurrentModel(layer, LinearReadout(hidden, outputs))


MODEL = ModelSpec(
    summary="GRU whose inputs and state decay while nothing is measured, with a linear readout.",
    citation=(
        "Che, Purushotham, Cho, Sontag and Liu, Recurrent neural networks for multivariate time series with missing "
        "values, Scientific Reports 8, 6085, 2018, arXiv 1606.01865"
    ),
    equation=(
        "Section GRU-D: x^ = m x + (1 - m) g x_last, g = exp(-max(0, w age + b)); h^ = h exp(-max(0, W [ages, dt] + "
        "c)); h' = GRU([x^, m], h^); y = V h + d"
    ),
    deviations=(
        "The mean that values decay to is 0: inputs are scaled. The GRU is torch's, whose reset gate acts after the "
        "recurrent product. The paper's interval of a variable is the time since it was measured before this step; "
        "the ages here are 0 where it is measured now, so the decay of the state reads the elapsed time too. The "
        "weights of the decays start positive, since max(0, .) gives no gradient below 0. measured=0 is the GRU-D of "
        "Lechner and Hasani (arXiv 2006.04418): no masks, no imputation, decay by the elapsed time alone."
    ),
    uses_dt=True,
    version=1,
    arguments=GRUDArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("torch", "keras")),
    group="recurrent",
)
