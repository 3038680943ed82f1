"""The networks that are measured, built from what they are called; ours with the weights of their peers."""

from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from lnncmp.bench.contenders import Contender
from lnncmp.bench.peers import WIRING_SEED, NcpsModel, TorchModel, build_peer
from lnncmp.bench.workload import Workload
from lnncmp.building import build_model
from lnncmp.cells.base import SequenceModel
from lnncmp.cells.ncps_compat import load_ncps
from lnncmp.cells.readout import RecurrentModel
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.models.registry import load_model

_WIRED: dict[str, Any] = {"wiring": "auto_ncp", "wiring_seed": WIRING_SEED, "readout": "motor", "masking": "ncps"}
"""Arguments of the model `ncp`: for a CfC with the masks of ncps, so that both sides compute the same."""


def build_network(contender: Contender, workload: Workload, seed: int = 0) -> SequenceModel:
    """Return the network with weights drawn from `seed`.

    Raises UsageError if the sizes do not go together (ours), and what ncps raises then (its own).
    """
    if contender.is_peer:
        torch.manual_seed(seed)
        return build_peer(contender, workload)
    name = "ncp" if contender.wiring == "autoncp" else contender.model
    chosen = {"cell": contender.model, **_WIRED} if name == "ncp" else {}
    spec = load_model(name)
    chosen |= {"hidden": workload.hidden, "implementation": contender.implementation}
    try:
        arguments = spec.arguments.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{first['loc'][0]} is {first['input']}, {first['msg'].lower()}") from error
    sizes = (workload.inputs, workload.outputs)
    return build_model(spec, arguments, *sizes, dt_as_input=False, model_seed=seed, wiring_seed=WIRING_SEED)


def adopt_weights(model: SequenceModel, peer: SequenceModel) -> None:
    """Give a network of ours the weights of its peer; both then compute the same.

    Raises RuntimeError or UsageError if they are not built alike.
    """
    if not isinstance(model, RecurrentModel) or not isinstance(peer, NcpsModel | TorchModel):
        raise LnncmpError(f"the bench cannot give a {type(model).__name__} the weights of a {type(peer).__name__}")
    if isinstance(peer, NcpsModel):
        load_ncps(model, peer.layer.state_dict())
    else:
        model.layer.load_state_dict(peer.layer.state_dict())
    if peer.readout.state_dict():
        model.readout.load_state_dict(peer.readout.state_dict())


def largest_difference(model: SequenceModel, peer: SequenceModel, x: Tensor, dt: Tensor) -> float:
    """Return the largest difference of outputs for x (B, T, I), dt (B, T), over the largest output of the peer."""
    with torch.no_grad():
        expected = peer(x, dt)
        return float((model(x, dt) - expected).abs().max() / expected.abs().max())
