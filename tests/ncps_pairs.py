"""Layers of ncps.torch and of lnncmp.torch, made alike, and a reference for elapsed times that ncps mistakes."""

import ncps.torch
import torch
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random

import lnncmp.torch

INPUTS, BATCH, STEPS = 3, 4, 6

LAYERS = {
    "ltc": lambda from_: from_.LTC(INPUTS, 5),
    "ltc_auto_ncp": lambda from_: from_.LTC(INPUTS, AutoNCP(12, 2)),
    "ltc_random": lambda from_: from_.LTC(INPUTS, Random(7, 3, 0.5)),
    "ltc_fully_connected": lambda from_: from_.LTC(INPUTS, FullyConnected(6, 2, self_connections=False)),
    "ltc_ncp_mixed": lambda from_: from_.LTC(INPUTS, NCP(6, 4, 2, 3, 2, 4, 2), mixed_memory=True),
    "ltc_maps_none": lambda from_: from_.LTC(INPUTS, AutoNCP(12, 2), input_mapping=None, output_mapping=None),
    "ltc_maps_linear": lambda from_: from_.LTC(INPUTS, 5, input_mapping="linear", output_mapping="linear"),
    "ltc_explicit": lambda from_: from_.LTC(INPUTS, 5, implicit_param_constraints=False, ode_unfolds=3, epsilon=1e-6),
    "cfc": lambda from_: from_.CfC(INPUTS, 5),
    "cfc_mixed": lambda from_: from_.CfC(INPUTS, 5, proj_size=2, mixed_memory=True),
    "cfc_pure": lambda from_: from_.CfC(INPUTS, 5, mode="pure", backbone_layers=2, backbone_units=9),
    "cfc_no_gate": lambda from_: from_.CfC(INPUTS, 5, mode="no_gate", activation="gelu", backbone_layers=0),
    "cfc_dropout": lambda from_: from_.CfC(INPUTS, 5, activation="silu", backbone_layers=3, backbone_dropout=0.2),
    "cfc_wired": lambda from_: from_.CfC(INPUTS, AutoNCP(12, 2), proj_size=4),
    "cfc_wired_mixed": lambda from_: from_.CfC(INPUTS, AutoNCP(12, 2), mixed_memory=True, mode="no_gate"),
    "cfc_wired_pure": lambda from_: from_.CfC(INPUTS, AutoNCP(12, 2), mode="pure"),
    "cfc_wired_random": lambda from_: from_.CfC(INPUTS, Random(7, 7, 0.5)),
}


def pair(name, seed=1, **changes):
    """Return the layer of ncps and ours, each drawn from the same seed, without dropout; changes set attributes."""
    made = []
    for library in (ncps.torch, lnncmp.torch):
        torch.manual_seed(seed)
        layer = LAYERS[name](library).eval()
        for attribute, value in changes.items():
            setattr(layer, attribute, value)
        made.append(layer)
    return made


def start_of(layer, batch=BATCH):
    """Return a random state for the layer."""
    states = tuple(0.3 * torch.randn(batch, layer.state_size) for _ in range(1 + layer.use_mixed))
    return states if layer.use_mixed else states[0]


def drive(layer, x, dt, hx=None):
    """Run the cell of a layer of ncps step by step over x (B, T, I) with dt (B, T): as (B, 1) it is right."""
    zeros = x.new_zeros(x.shape[0], layer.state_size)
    h, c = (zeros, zeros) if hx is None else (hx if layer.use_mixed else (hx, None))
    outputs = []
    for t in range(x.shape[1]):
        if layer.use_mixed:
            h, c = layer.lstm(x[:, t], (h, c))
        y, h = layer.rnn_cell(x[:, t], h, dt[:, t, None])
        outputs.append(layer.fc(y) if isinstance(layer, ncps.torch.CfC) else y)
    return torch.stack(outputs, 1), (h, c) if layer.use_mixed else h


def gradients(layer, y, hx):
    """Return the gradients of a fixed loss of outputs and states, by name."""
    states = hx if isinstance(hx, tuple) else (hx,)
    loss = sum((own * torch.linspace(-1, 1, own.numel()).view(own.shape).to(own)).sum() for own in (y, *states))
    wanted = {name: p for name, p in layer.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    return dict(zip(wanted, found, strict=True))


def assert_close(ours, theirs, tolerance=1e-5):
    """Tensors or tuples of them agree to `tolerance` of the largest number; None is 0."""
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for own, their in zip(ours, theirs, strict=True):
            assert_close(own, their, tolerance)
        return
    assert ours.shape == theirs.shape
    scale = max(float(theirs.detach().abs().max()), 1.0) if theirs.numel() else 1.0
    assert float((ours - theirs).detach().abs().max() if theirs.numel() else 0.0) <= tolerance * scale
