"""CfC: closed-form continuous-time network with a linear readout."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class CfCArguments(Arguments):
    """Arguments of the CfC; the defaults are those of ncps.torch.CfC."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    mode: Literal["default", "pure", "no_gate"] = Field(
        "default", description="default: Eq. 4; no_gate: without (1 - gate); pure: Cf-S, Eq. 3"
    )
    backbone_layers: int = Field(1, ge=0, le=16, description="layers shared by the heads; 0: none")
    backbone_units: int = Field(128, ge=1, le=4096, description="units of each backbone layer")
    backbone_activation: Literal["silu", "relu", "tanh", "gelu", "lecun_tanh"] = Field(
        "lecun_tanh", description="activation of the backbone; lecun_tanh is 1.7159 tanh(0.666 x)"
    )
    backbone_dropout: float = Field(0.0, ge=0, lt=1, description="dropout rate in the backbone")
    dropout_placement: Literal["every_layer", "ncps"] = Field(
        "every_layer", description="every_layer: as published; ncps: only after the second and later layers"
    )
    head_activation: Literal["tanh", "lecun_tanh"] = Field(
        "tanh", description="activation of the two state heads (not used by pure)"
    )
    gate_sign: Literal["plus", "minus"] = Field(
        "plus", description="sign of the time in the gate; plus: PyTorch code; minus: paper and TensorFlow code"
    )
    init: Literal["ncps", "keras"] = Field(
        "ncps", description="ncps: xavier weights, torch's biases; keras: glorot weights, zero biases"
    )
    mixed_memory: bool = Field(False, description="put an LSTM cell in front of the CfC")
    mixed_variant: Literal["replace_h", "input_to_cfc"] = Field(
        "replace_h", description="replace_h: its output replaces the state; input_to_cfc: it is the CfC's input"
    )
    forget_bias: float = Field(1.0, ge=-10, le=10, description="added to the forget gate of the mixed memory")
    implementation: Implementation = "auto"


def build(arguments: CfCArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a CfC for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.cfc import CfCLayer
    from lnncmp.layers.cfc_cell import CfCOptions
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    own = {"hidden", "implementation", "mixed_memory", "mixed_variant", "forget_bias"}
    options = CfCOptions(**arguments.model_dump(exclude=own))
    memory = arguments.mixed_variant if arguments.mixed_memory else None
    layer = CfCLayer(inputs, arguments.hidden, options, memory, arguments.forget_bias)
    layer.chosen = arguments.implementation
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Closed-form continuous-time network: a gated blend of two states, weighted by the elapsed time.",
    citation=(
        "Hasani, Lechner, Amini et al., Closed-form continuous-time neural networks, "
        "Nature Machine Intelligence 4, 2022, arXiv 2106.13898"
    ),
    equation=(
        "Eq. 4: h' = g (1 - s) + k s with s = sigmoid(-+ f dt + b), where g, k, f, b are heads of one backbone of "
        "(x, h); y = V h' + d"
    ),
    deviations=(
        "The time's sign in the gate follows the PyTorch code (gate_sign=minus gives the paper's). In pure mode w_tau "
        "starts at 0 and A at 1, as published; the Xavier override of ncps is a defect and is not copied. At w_tau = 0 "
        "the gradient of |w_tau| is 0, so w_tau stays there, as it does in the published TensorFlow code. Dropout acts "
        "after every backbone layer by default; in ncps it does nothing with one layer."
    ),
    uses_dt=True,
    version=1,
    arguments=CfCArguments,
    build=build,
    tuned=lambda arguments: Tuned("backbone_activation", ("lecun_tanh", "silu", "gelu")),
    group="liquid",
)
