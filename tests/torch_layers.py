"""One small model of every family with a fused kernel, for the tests of how they behave among torch's own modules."""

import pytest
import torch
from model_variants import INPUTS, build

FAMILIES = {
    "ltc": ("ltc", {}),
    "ltc_clip": ("ltc", {"constraint": "clip", "readout": "motor"}),
    "ltc_ncp": ("ncp", {}),
    "cfc": ("cfc", {"backbone_units": 6}),
    "cfc_pure": ("cfc", {"mode": "pure", "backbone_units": 6, "backbone_layers": 2}),
    "cfc_no_gate": ("cfc", {"mode": "no_gate", "backbone_layers": 0}),
    "cfc_memory": ("cfc", {"mixed_memory": True, "backbone_units": 6}),
    "cfc_behind_memory": ("cfc", {"mixed_memory": True, "mixed_variant": "input_to_cfc", "backbone_units": 6}),
    "cfc_wired": ("ncp", {"cell": "cfc"}),
    "liquid_ncp": ("liquid_ncp", {}),
    "lstm": ("lstm", {}),
    "gru": ("gru", {}),
    "gru_d": ("gru_d", {"measured": 1}),
    "min_gru": ("min_gru", {}),
    "lrc_ssm": ("lrc_ssm", {"symmetric": True}),
    "s4d": ("s4d", {"state": 4}),
    "liquid_s4_kb": ("liquid_s4", {"state": 4, "kernel": "kb"}),
}
each_family = pytest.mark.parametrize("family", FAMILIES)
TIMED = [name for name in FAMILIES if name not in ("lstm", "gru", "min_gru")]
"""Those that use elapsed times."""
WHOLE = [name for name in FAMILIES if name not in ("min_gru", "lrc_ssm", "s4d", "liquid_s4_kb")]
"""Those whose kernel reads all weights of the layer; torch itself refuses wrong ones elsewhere."""


def make(family, dtype=torch.float64, hidden=7, seed=0):
    """Return a model whose kernel runs."""
    name, variant = FAMILIES[family]
    model = build(name, variant, seed=seed, dtype=dtype, hidden=hidden)
    assert model.implementation == "fused"
    return model


def data(dtype=torch.float64, batch=3, steps=4, seed=1):
    """Return x (B, T, I) and dt (B, T)."""
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, steps, INPUTS, generator=source, dtype=dtype)
    return x, 0.1 + torch.rand(batch, steps, generator=source, dtype=dtype)


def padding(batch=3, steps=4):
    """Return valid (B, T) with rows of several lengths, none among them."""
    return torch.arange(steps) < (torch.arange(batch) * 2 % (steps + 1))[:, None]


def gradients(model, loss):
    """Return the gradients of all trainable parameters, 0 where there is none."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def assert_close(got, expected, atol=1e-11):
    for own, wanted in zip(got, expected, strict=True):
        torch.testing.assert_close(own, wanted, rtol=1e-9 if own.dtype == torch.float64 else 1e-4, atol=atol)
