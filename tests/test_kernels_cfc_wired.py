"""The fused wired CfC against its plain twin, and the models that use it."""

import pytest
import torch

from lnncmp.layers import wiring
from lnncmp.layers.wired_cfc import WiredCfCLayer
from lnncmp.models.base import load_model


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


WIRINGS = {
    "auto_ncp": lambda: wiring.auto_ncp(20, 3, 4, 0.5, 1),
    "random": lambda: wiring.random(9, 3, 2, 0.8, 1),
    "fully_connected": lambda: wiring.fully_connected(8, 3, 2, 1),
}


def everything(layer, implementation, x, dt, valid, state):
    layer.chosen = implementation
    assert layer.implementation == implementation
    leaves = [t.clone().requires_grad_() for t in (x, *state)]
    hidden, final = layer.sequence(leaves[0], dt, valid, tuple(leaves[1:]))
    if valid is not None:
        hidden = hidden.where(valid[..., None], torch.zeros(()).to(hidden))
    weight = torch.linspace(-1, 1, hidden.numel()).to(hidden).view(hidden.shape)
    loss = (weight * hidden).sum() + sum((f * f).sum() for f in final)
    return [hidden, *final, *torch.autograd.grad(loss, [*leaves, *layer.parameters()])]


def batch_of(layer, batch, steps, padded, dtype):
    x, dt = torch.randn(batch, steps, 3, dtype=dtype), 2 * torch.rand(batch, steps, dtype=dtype)
    valid = torch.arange(steps) < torch.arange(batch)[:, None] * 2 if padded else None
    if padded:
        x[~valid] = torch.nan
    return x, dt, valid, tuple(torch.randn_like(s) for s in layer.initial_state(batch))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("masking", ["all_heads", "ncps"])
@pytest.mark.parametrize("name", WIRINGS)
def test_equals_the_plain_twin(name, masking, padded, dtype):
    for mode in ("default", "no_gate"):
        layer = WiredCfCLayer(WIRINGS[name](), masking, mode).to(dtype)
        given = batch_of(layer, 5, 8, padded, dtype)
        plain, fused = (everything(layer, implementation, *given) for implementation in ("loop", "fused"))
        for expected, got in zip(plain, fused, strict=True):
            assert got.isfinite().all()
            allowed = 1e-12 if dtype == torch.float64 else 3e-6
            assert (got - expected).norm() <= allowed * expected.norm() + 1e-14


def test_gradients_equal_finite_differences():
    layer = WiredCfCLayer(wiring.auto_ncp(8, 3, 2, 0.3, 1)).double()
    layer.chosen = "fused"
    x, dt, valid, state = batch_of(layer, 2, 3, True, torch.float64)
    x = x.nan_to_num(0.0)
    parameters = list(layer.parameters())

    def call(x, *rest):
        hidden, final = layer.sequence(x, dt, valid, rest[:3])
        return hidden.where(valid[..., None], torch.zeros(()).double()), *final

    leaves = [t.clone().requires_grad_() for t in (x, *state)]
    assert torch.autograd.gradcheck(call, [*leaves, *parameters])


def test_absent_synapses_get_no_gradient():
    layer = WiredCfCLayer(wiring.auto_ncp(20, 3, 4, 0.5, 1))
    layer.chosen = "fused"
    x, dt, valid, state = batch_of(layer, 5, 8, False, torch.float32)
    layer.sequence(x, dt, valid, state)[0].sum().backward()
    for stage in layer.layers:
        for number, head in enumerate(stage.cell.heads.values()):
            absent = ~stage.cell.head_mask[number]
            assert absent.any() and not head.weight.grad[absent].any() and head.weight.grad.any()


@pytest.mark.parametrize("name", ["cfc", "ncp"])
def test_models_run_fused_unless_told_otherwise(name):
    spec = load_model(name)
    more = {"cell": "cfc"} if name == "ncp" else {}
    for asked, runs in (("auto", "fused"), ("fused", "fused"), ("loop", "loop")):
        model = spec.build(spec.arguments(hidden=12, implementation=asked, **more), 3, 2, 1)
        assert model.implementation == runs


@pytest.mark.parametrize("name", ["cfc", "ncp"])
def test_streaming_equals_the_sequence_and_notices_new_weights(name):
    spec = load_model(name)
    more = {"cell": "cfc"} if name == "ncp" else {}
    model = spec.build(spec.arguments(hidden=12, **more), 3, 2, 1)
    x, dt = torch.randn(2, 5, 3), torch.rand(2, 5)
    optimizer = torch.optim.Adam(model.parameters(), 0.1, fused=True)
    with torch.no_grad():
        model.step(x[:, 0], dt[:, 0], model.initial_state(2))
    model(x, dt).sum().backward()
    optimizer.step()
    with torch.no_grad():
        expected, state, found = model(x, dt), model.initial_state(2), []
        for t in range(5):
            y, state = model.step(x[:, t], dt[:, t], state)
            found.append(y)
        assert torch.allclose(torch.stack(found, 1), expected, rtol=1e-5, atol=1e-6)
        for parameter in model.parameters():
            parameter.mul_(0.5)
        assert not torch.allclose(model.step(x[:, 0], dt[:, 0], model.initial_state(2))[0], found[0])
