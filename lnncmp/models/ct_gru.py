"""CT-GRU: a gated recurrent unit that keeps its memory at several time scales, with a linear readout."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class CTGRUArguments(Arguments):
    """Arguments of the CT-GRU."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    scales: int = Field(8, ge=1, le=16, description="time scales of the memory, 10^(m/2) for m = 0, 1, ...")
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="elapsed: traces decay over the elapsed time; fixed: over 1 whatever the time, as coded"
    )
    decay: Literal["corrected", "as_coded"] = Field(
        "corrected",
        description="corrected: traces decay by exp(-dt / tau); as_coded: by exp(-1 / ln tau), as the LTC paper's code",
    )
    init: Literal["paper", "torch"] = Field(
        "paper", description="paper: glorot for the matrices of [x, h], zero biases; torch: uniform as in torch.nn.GRU"
    )
    implementation: Implementation = "auto"


def build(arguments: CTGRUArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a CT-GRU for `inputs` features and `outputs` targets; `wiring_seed` is ignored.

    Raises UsageError for a decay as coded with elapsed times.
    """
    del wiring_seed
    from lnncmp.layers.ct_gru import CTGRULayer
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    fixed, as_coded = arguments.times == "fixed", arguments.decay == "as_coded"
    if as_coded and not fixed:
        raise UsageError(
            "decay as_coded is that of code without elapsed times, and times is elapsed",
            "set times to fixed, or decay to corrected",
        )
    layer = CTGRULayer(
        inputs,
        arguments.hidden,
        arguments.scales,
        fixed=fixed,
        as_coded=as_coded,
        init="joint" if arguments.init == "paper" else "torch",
    )
    layer.chosen = arguments.implementation
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary=("Continuous-time gated recurrent unit: memory traces at several time scales, chosen by gates."),
    citation=("Mozer, Kazakov and Lindsey, Discrete event, continuous time RNNs, arXiv 1710.04110, 2017"),
    equation=(
        "h = sum_m k_m; r, s = softmax_m(-(W_m [x, h] - ln tau_m)^2); q = tanh(Q [x, sum_m r_m k_m] + b); k_m' = ((1 "
        "- s_m) k_m + s_m q) exp(-dt / tau_m), tau_m = 10^(m/2)"
    ),
    deviations=(
        "As in the code of the ODE-LSTM paper (arXiv 2006.04418): a step's traces decay over the time since the "
        "observation before, after they are written. times=fixed with decay=as_coded is the CT-GRU of the LTC paper's "
        "code (arXiv 2006.04439), which ignores the elapsed time and decays by ln tau in place of tau, so that "
        "nothing of the first trace stays; its optional clipping of the traces, off in its experiments, is left out."
    ),
    uses_dt=True,
    version=1,
    arguments=CTGRUArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("paper", "torch")),
    group="recurrent",
)
