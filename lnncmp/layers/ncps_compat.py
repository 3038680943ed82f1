"""Weights of ncps.torch in this project's names.

Supported are the state_dicts of ncps.torch.LTC and CfC, plain, wired, and CfC with mixed memory, and those of their
cells LTCCell, CfCCell and WiredCfCCell. The model to load them into must be built alike: for an LTC readout="motor",
for a wired CfC masking="ncps", for mixed memory mixed_variant="replace_h", and the same wiring.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lnncmp.errors import UsageError

_SYNAPSE = re.compile(r"(sensory_)?(w|sigma|mu|erev|sparsity_mask)")
_HEAD = re.compile(r"(ff1|ff2|time_a|time_b)\.(weight|bias)")
_BACKBONE = re.compile(r"backbone\.(\d+)\.(weight|bias)")
_WIRED = re.compile(r"layer_(\d+)\.(.+)")
_OWN = {"gleak", "vleak", "cm", "input_w", "input_b"}


def from_ncps(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return `state` of an ncps layer or cell with the keys and shapes of lnncmp.layers.readout.RecurrentModel.

    Readout keys are there only if ncps has a readout (LTC's output map, CfC's projection). Raises UsageError for
    keys that have no counterpart, such as an LTC's mixed memory.
    """
    state = {key.removeprefix("rnn_cell."): value for key, value in state.items()}
    if "gleak" in state and any(key.startswith("lstm.") for key in state):
        raise UsageError("an LTC with mixed memory has no counterpart here", "use a CfC with mixed memory")
    backbone = sorted({int(m[1]) for key in state if (m := _BACKBONE.fullmatch(key))})
    converted = {}
    for key, value in state.items():
        name, tensor = _convert(key, value, backbone)
        converted[name] = tensor
    return converted


def load_ncps(
    model: nn.Module, source: nn.Module | Mapping[str, Tensor], implicit_param_constraints: bool | None = None
) -> None:
    """Load an ncps layer or cell, or its state_dict, into `model`; a readout that ncps lacks keeps its own weights.

    implicit_param_constraints: of an LTC, as ncps was given it: whether softplus keeps its weights positive, or
    clipping. A layer says so itself, a state_dict does not.
    Raises UsageError for a key without counterpart, another wiring, or another constraint than that of `model`;
    RuntimeError for another architecture.
    """
    state = source.state_dict() if isinstance(source, nn.Module) else source
    if any(key.removeprefix("rnn_cell.") == "gleak" for key in state):
        _require_same_constraint(model, source, implicit_param_constraints)
    own = {key: value for key, value in model.state_dict().items() if key.startswith("readout.")}
    model.load_state_dict({**own, **from_ncps(state)})


def _require_same_constraint(model: nn.Module, source: object, given: bool | None) -> None:
    """Raise UsageError unless the weights of an LTC go through softplus in both, or in neither."""
    said = getattr(getattr(source, "rnn_cell", source), "_implicit_param_constraints", given)
    if said is None or (given is not None and said is not given):
        raise UsageError(
            "a state_dict does not say whether the weights of an LTC go through softplus"
            if said is None
            else f"implicit_param_constraints={given} is not what the layer of ncps has",
            "Pass the layer of ncps itself, or implicit_param_constraints=True (softplus) or False (clipped).",
        )
    constraint, own = "softplus" if said else "clip", getattr(model.get_submodule("layer"), "constraint", None)
    if own != constraint:
        raise UsageError(
            f"the weights of ncps are kept positive by {constraint}, those of this model by {own}",
            f'Build it with constraint="{constraint}".',
        )


def _convert(key: str, value: Tensor, backbone: list[int]) -> tuple[str, Tensor]:
    """Return the name and value here of one entry of ncps; `backbone` are the indices of its linear layers."""
    if key in _OWN:
        return f"layer.{key}", value
    if key in ("output_w", "output_b"):
        return f"readout.{key}", value
    if match := _SYNAPSE.fullmatch(key):
        group = "sensory" if match[1] else "recurrent"
        masked = match[2] == "sparsity_mask"
        return f"layer.{group}.{'mask' if masked else match[2]}", value != 0 if masked else value
    if match := _WIRED.fullmatch(key):
        return _convert_cfc(match[2], value, backbone, f"layer.layers.{match[1]}.")
    return _convert_cfc(key, value, backbone, "layer.")


def _convert_cfc(key: str, value: Tensor, backbone: list[int], prefix: str) -> tuple[str, Tensor]:
    """Return the name and value here of one entry of a CfC's cell, memory or projection."""
    if match := _HEAD.fullmatch(key):
        return f"{prefix}cell.heads.{key}", value
    if match := _BACKBONE.fullmatch(key):
        return f"{prefix}cell.backbone.{backbone.index(int(match[1]))}.{match[2]}", value
    if key in ("w_tau", "A"):
        return f"{prefix}cell.{key}", value.flatten()
    if key == "sparsity_mask":
        mask = value != 0
        # ncps leaves the two time heads unmasked.
        return f"{prefix}cell.head_mask", torch.stack([mask, mask, torch.ones_like(mask), torch.ones_like(mask)])
    if key.startswith("lstm."):
        return f"{prefix}memory.{key.removeprefix('lstm.')}", value
    if key.startswith("fc."):
        return f"readout.{key.removeprefix('fc.')}", value
    raise UsageError(
        f"'{key}' is no weight of an LTC or CfC of ncps.torch", "pass the state_dict of ncps.torch.LTC or CfC"
    )
