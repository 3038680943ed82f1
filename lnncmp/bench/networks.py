"""Builds the measured networks from their candidates, and copies the weights of a peer into ours."""

from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from lnncmp.bench import operations
from lnncmp.bench.candidates import LAYERS, MODELS, Candidate, takes_implementation
from lnncmp.bench.like_peers import build_like
from lnncmp.bench.operations import Operations, Sizes
from lnncmp.bench.own_layers import OwnGatedModel, OwnLiquidModel, build_own
from lnncmp.bench.peers import WIRING_SEED, NcpsModel, TorchModel, build_peer
from lnncmp.bench.workload import Workload
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.layers.ncps_compat import load_ncps
from lnncmp.layers.readout import RecurrentModel
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.layers.wired_cfc import head_mask
from lnncmp.layers.wiring import Wiring, auto_ncp
from lnncmp.models.base import load_model
from lnncmp.training.build import build_model

SPARSITY = 0.5
"""Sparsity of the AutoNCP wiring: the default here and in ncps."""
_WIRED: dict[str, Any] = {"wiring": "auto_ncp", "wiring_seed": WIRING_SEED, "readout": "motor", "masking": "ncps"}
"""Arguments of the model `ncp`; a CfC gets the masks of ncps, so that both sides compute the same function."""


def build_network(candidate: Candidate, workload: Workload, seed: int = 0) -> SequenceModel:
    """Return the network with weights drawn from `seed`.

    Raises UsageError for sizes that do not fit together.
    """
    if candidate.wiring == "autoncp":  # refuses in words what ncps refuses with an assertion
        auto_ncp(workload.hidden, workload.inputs, workload.outputs, SPARSITY, WIRING_SEED)
    torch.manual_seed(seed)
    if candidate.like is not None:
        return build_like(candidate, workload)
    if candidate.is_peer:
        return build_peer(candidate, workload)
    if candidate.implementation == LAYERS:
        return build_own(candidate, workload)
    name = "ncp" if candidate.wiring == "autoncp" else candidate.model
    chosen = {"hidden": workload.hidden} | ({"cell": candidate.model, **_WIRED} if name != candidate.model else {})
    spec = load_model(name)
    if takes_implementation(name):
        chosen["implementation"] = candidate.implementation
    try:
        arguments = spec.arguments.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{first['loc'][0]} is {first['input']}, {first['msg'].lower()}") from error
    sizes = (workload.inputs, workload.outputs)
    return build_model(spec, arguments, *sizes, dt_as_input=False, model_seed=seed, wiring_seed=WIRING_SEED)


def adopt_weights(model: SequenceModel, peer: SequenceModel) -> None:
    """Copy the weights of a peer into a network of ours; both then compute the same function.

    Raises RuntimeError or UsageError if their structures differ.
    """
    if isinstance(model, OwnLiquidModel | OwnGatedModel):
        model.load_state_dict(peer.state_dict())
        return
    if not isinstance(model, RecurrentModel) or not isinstance(peer, NcpsModel | TorchModel):
        raise LnncmpError(f"the bench cannot give a {type(model).__name__} the weights of a {type(peer).__name__}")
    if isinstance(peer, NcpsModel):
        load_ncps(model, peer.layer)
    else:
        model.layer.load_state_dict(peer.layer.state_dict())
    if peer.readout.state_dict():
        model.readout.load_state_dict(peer.readout.state_dict())


def largest_difference(model: SequenceModel, peer: SequenceModel, x: Tensor, dt: Tensor) -> float:
    """Return the largest output difference for x (B, T, I), dt (B, T), relative to the peer's largest output."""
    with torch.no_grad():
        expected = peer(x, dt)
        return float((model(x, dt) - expected).abs().max() / expected.abs().max())


def operations_of(candidate: Candidate, workload: Workload) -> Operations | None:
    """Return the operations of a training step on the whole workload, equal for all implementations of a model.

    None for models whose operations are not counted: those that are none of MODELS. A wired CfC is counted with the
    masks of ncps, which both measured networks use.
    """
    if candidate.model not in MODELS:
        return None
    sizes = Sizes(
        workload.batch, workload.steps, workload.inputs, workload.hidden, workload.outputs, workload.irregular
    )
    if candidate.model == "lstm":
        return operations.lstm(sizes)
    if candidate.model == "gru":
        return operations.gru(sizes)
    if candidate.wiring != "autoncp":
        hidden = workload.hidden
        full = (
            operations.cfc(sizes)
            if candidate.model == "cfc"
            else operations.ltc(sizes, hidden**2, workload.inputs * hidden)
        )
        return full + operations.lstm(sizes) if candidate.wiring == "mixed" else full
    wiring = auto_ncp(workload.hidden, workload.inputs, workload.outputs, SPARSITY, WIRING_SEED)
    if candidate.model == "ltc":
        counts = (int(np.count_nonzero(m)) for m in (wiring.polarity, wiring.sensory_polarity))
        return operations.ltc(sizes, *counts)
    return operations.wired_cfc(sizes, *_head_weights(wiring))


def _head_weights(wiring: Wiring) -> tuple[int, int]:
    """Return the number of weights in the two state heads together, and in one gate head."""
    masks = [head_mask(wiring, layer, "ncps") for layer in range(len(wiring.layers))]
    return sum(int(mask[:2].sum()) for mask in masks), sum(int(mask[2].sum()) for mask in masks)
