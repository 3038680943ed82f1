"""The public layers among torch's own tools: torch.compile without graph breaks, vmap, second derivatives."""

import copy

import pytest
import torch
from ncps_pairs import BATCH, INPUTS, assert_close, pair, start_of

from lnncmp.layers.recurrent_layer import use_plain

SOME = ("ltc_auto_ncp", "cfc_mixed", "cfc_wired")


def sample(steps=3):
    torch.manual_seed(0)
    return torch.randn(BATCH, steps, INPUTS), 0.1 + torch.rand(BATCH, steps)


@pytest.mark.parametrize("name", [*SOME, "ltc_ncp_mixed"])
def test_compiled_without_a_break(name):
    _, ours = pair(name)
    (x, dt), hx = sample(), start_of(ours)
    torch.compiler.reset()
    compiled = torch.compile(ours, backend="aot_eager", fullgraph=True)
    expected = ours(x, hx, dt)
    found = compiled(x, hx, dt)
    assert_close(found, expected)
    weights = [p for p in ours.parameters() if p.requires_grad]
    grads = [torch.autograd.grad(own[0].square().sum(), weights, allow_unused=True) for own in (found, expected)]
    for own, their in zip(*grads, strict=True):
        assert (own is None) == (their is None)
        if own is not None:
            assert_close(own, their)


@pytest.mark.parametrize("name", SOME)
def test_copies_under_vmap(name):
    copies = [pair(name, seed=seed)[1] for seed in (1, 2)]
    x, dt = sample()
    weights, buffers = torch.func.stack_module_state(copies)
    base = copy.deepcopy(copies[0])

    def run(weights, buffers):
        return torch.func.functional_call(base, (weights, buffers), (x, None, dt))[0]

    found = torch.func.vmap(run)(weights, buffers)
    assert_close(found, torch.stack([layer(x, timespans=dt)[0] for layer in copies]))


@pytest.mark.parametrize("name", SOME)
def test_second_derivatives(name):
    _, ours = pair(name)
    ours = ours.double()
    x, dt = (own.double() for own in sample())
    found = []
    for layer in (ours, use_plain(copy.deepcopy(ours))):
        given = x.clone().requires_grad_()
        loss = layer(given, timespans=dt)[0].square().sum()
        (first,) = torch.autograd.grad(loss, given, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), given)[0])
    assert_close(*found, 1e-9)
