"""What every fused kernel has to fulfil, as checks of a layer against its plain twin; the tests say which layers.

A layer is a RecurrentLayer that runs fused; its twin is the same layer with `chosen` set to "loop".
"""

import copy
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from lnncmp.errors import UsageError
from lnncmp.layers.readout import RecurrentModel

W1 = {"batch": 64, "steps": 64}
"""Batch and steps of the workload on which float32 gradients are held to 1e-5; 17 inputs, 64 hidden units."""


def dtype_of(layer):
    return next(layer.parameters()).dtype


def draw(layer, inputs, batch, steps, padded=False, seed=0):
    """Return random x, dt, step and initial state; with `padded` rows of all lengths from 0 on."""
    source = torch.Generator().manual_seed(seed)
    kind = dtype_of(layer)
    x = torch.randn(batch, steps, inputs, generator=source, dtype=kind)
    dt = 0.05 + torch.rand(batch, steps, generator=source, dtype=kind)
    state = tuple(0.5 * torch.randn(s.shape, generator=source, dtype=kind) for s in layer.initial_state(batch))
    valid = None
    if padded:
        lengths = torch.arange(batch) % (steps + 1)
        valid = torch.arange(steps) < lengths[:, None]
        x[~valid], dt[~valid] = float("nan"), float("inf")
    return x, dt, valid, state


def twin_of(layer):
    twin = copy.deepcopy(layer)
    twin.chosen = "loop"
    assert (layer.implementation, twin.implementation) == ("fused", "loop")
    return twin


def results(layer, x, dt, valid, state, seed=1):
    """Return hidden states at real steps, the final state, and all gradients of a random weighting of both."""
    source = torch.Generator().manual_seed(seed)
    x = x.clone().requires_grad_()
    state = tuple(s.clone().requires_grad_() for s in state)
    layer.zero_grad()
    hidden, final = layer.sequence(x, dt, valid, state)
    found = {"hidden": hidden if valid is None else hidden.where(valid[..., None], hidden.new_zeros(()))}
    found |= {f"final {k}": s for k, s in enumerate(final)}
    # Drawn in double precision, so that layers of both precisions get the same.
    weights = (torch.randn(v.shape, generator=source, dtype=torch.float64).to(v.dtype) for v in found.values())
    loss = sum((v * weight).sum() for v, weight in zip(found.values(), weights, strict=True))
    loss.backward()
    found = {key: value.detach() for key, value in found.items()}
    found["of x"] = x.grad
    found |= {f"of start {k}": s.grad for k, s in enumerate(state)}
    found |= {f"of {key}": p.grad.clone() for key, p in layer.named_parameters() if p.grad is not None}
    return found


def assert_close(got, expected, limit):
    """Compare tensors by name: the norm of the difference relative to the norm of what is expected."""
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        assert got[key].shape == value.shape, key
        assert got[key].isfinite().all(), key
        difference = (got[key].double() - value.double()).norm().item()
        assert difference <= limit * value.double().norm().item(), (key, difference)


def check_equals_twin(layer, inputs, batch, steps, padded, limit):
    """Compare hidden states, final states and all gradients with the twin's, from random initial states."""
    given = draw(layer, inputs, batch, steps, padded)
    assert_close(results(layer, *given), results(twin_of(layer), *given), limit)


def check_gradients_in_single_precision(layer, inputs, limit=1e-5):
    """Compare a float32 layer with the twin in float32 and in float64, at the size of W1."""
    assert dtype_of(layer) == torch.float32 and layer.width == 64 and inputs == 17
    given = draw(layer, inputs, **W1)
    got, twin = results(layer, *given), twin_of(layer)
    assert_close(got, results(twin, *given), limit)
    x, dt, valid, state = given
    assert_close(got, results(twin.double(), x.double(), dt.double(), valid, tuple(s.double() for s in state)), limit)


def check_gradcheck(layer, inputs, batch=3, steps=4, padded=False):
    """Compare all gradients with finite differences in float64."""
    assert dtype_of(layer) == torch.float64 and layer.implementation == "fused"
    x, dt, valid, state = draw(layer, inputs, batch, steps, padded)
    names, values = zip(*layer.named_parameters(), strict=True)
    model = Sequence(layer)

    def run(x, *rest):
        start, parameters = rest[: len(state)], rest[len(state) :]
        weights = {f"layer.{name}": p for name, p in zip(names, parameters, strict=True)}
        return functional_call(model, weights, (x, dt, valid, start))

    # Finite differences cannot step from what is not finite; that padding is never read is tested elsewhere.
    x, dt = x.nan_to_num(), dt.nan_to_num(posinf=1.0)
    given = (x, *state, *(v.detach().clone() for v in values))
    inputs = tuple(value.requires_grad_() for value in given)
    assert torch.autograd.gradcheck(run, inputs, atol=1e-6, rtol=1e-4, fast_mode=True)


class Sequence(nn.Module):
    """The hidden states at real steps and the final state, as functional_call needs them."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, dt, valid, state):
        hidden, final = self.layer.sequence(x, dt, valid, state)
        return hidden if valid is None else hidden.where(valid[..., None], hidden.new_zeros(())), *final


def check_stacked(make, inputs, batch=5, steps=6, padded=False, limit=0.0, copies=3):
    """Compare copies under vmap, each with weights and data of its own, with separate runs; make(seed) is a layer."""
    layers = [make(seed) for seed in range(copies)]
    assert all(layer.implementation == "fused" for layer in layers)
    data = [draw(layer, inputs, batch, steps, padded, seed)[:3] for seed, layer in enumerate(layers)]
    models = [RecurrentModel(layer, nn.Identity()) for layer in layers]
    expected = []
    for model, (x, dt, valid) in zip(models, data, strict=True):
        y = model(x, dt, valid)
        y.square().sum().backward()
        expected.append({"y": y.detach()} | {k: p.grad for k, p in model.named_parameters() if p.grad is not None})
    parameters, buffers = stack_module_state(models)
    template = copy.deepcopy(models[0])
    x, dt, valid = (None if values[0] is None else torch.stack(values) for values in zip(*data, strict=True))

    def one(parameters, buffers, x, dt, valid):
        return functional_call(template, (parameters, buffers), (x, dt, valid))

    y = vmap(one, in_dims=(0, 0, 0, 0, None if valid is None else 0))(parameters, buffers, x, dt, valid)
    y.square().sum().backward()
    for k, wanted in enumerate(expected):
        got = {"y": y[k].detach()} | {name: parameters[name].grad[k] for name in wanted if name != "y"}
        assert_close(got, wanted, limit)
    assert not torch.equal(expected[0]["y"], expected[1]["y"])


@contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_threads(layer, inputs, batch=70, steps=5, padded=True):
    """Demand the same bits from one, two and three threads."""
    assert layer.implementation == "fused"
    given = draw(layer, inputs, batch, steps, padded)
    with threads(1):
        expected = results(layer, *given)
    for count in (2, 3):
        with threads(count):
            got = results(layer, *given)
        assert all(torch.equal(got[key], value) for key, value in expected.items())


def check_without_gradients(layer, inputs, batch=5, steps=6):
    """Demand the same outputs where no backward pass will follow."""
    x, dt, valid, state = draw(layer, inputs, batch, steps, padded=True)
    expected, final = layer.sequence(x, dt, valid, state)
    with torch.no_grad():
        got, last = layer.sequence(x, dt, valid, state)
    assert torch.equal(got, expected.detach())
    assert all(torch.equal(a, b.detach()) for a, b in zip(last, final, strict=True))


def check_strided(layer, inputs, batch=5, steps=6):
    """Demand the same results from inputs and states that are views with other strides.

    But for rounding: torch's products in front of a kernel may go another way for other strides.
    """
    x, dt, valid, state = draw(layer, inputs, batch, steps, padded=True)
    expected = layer.sequence(x, dt, valid, state)
    strided = [torch.stack([v, v], -1)[..., 0] for v in (x, dt, valid, *state)]
    turned = x.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not any(v.is_contiguous() for v in (turned, *strided))
    got = layer.sequence(turned, strided[1], strided[2], tuple(strided[3:]))
    unit = 20 * torch.finfo(dtype_of(layer)).eps
    for one, other in zip((got[0], *got[1]), (expected[0], *expected[1]), strict=True):
        assert torch.allclose(one, other, rtol=unit, atol=unit)


def check_wrong_kind(layer, inputs):
    """Demand one clear error for inputs of another type than the weights."""
    x, dt, _, state = draw(layer, inputs, 2, 3)
    other = torch.float64 if dtype_of(layer) == torch.float32 else torch.float32
    with pytest.raises(UsageError, match=r"x is float\d\d, the model's weights are float\d\d"):
        layer.sequence(x.to(other), dt, None, state)


def check_nan(layer, inputs):
    """Demand that NaN in one row shows in its outputs and gradients from then on, and in no other row."""
    x, dt, _, state = draw(layer, inputs, 3, 5)
    clean, _ = layer.sequence(x, dt, None, state)
    x[1, 2] = float("nan")
    hidden, (final, *_) = layer.sequence(x, dt, None, state)
    assert hidden[1, 2:].isnan().any(-1).all() and final[1].isnan().any()
    assert torch.equal(hidden[1, :2], clean[1, :2])
    others = [0, 2]
    assert torch.equal(hidden[others], clean[others])
    layer.zero_grad()
    hidden.sum().backward()
    assert any(p.grad.isnan().any() for p in layer.parameters() if p.grad is not None)
    layer.zero_grad()


def check_empty(layer, inputs):
    """Demand empty results and gradients of 0 for no rows and for no steps."""
    for batch, steps in ((0, 3), (3, 0), (0, 0)):
        x, dt, valid, state = draw(layer, inputs, batch, steps)
        found = results(layer, x, dt, valid, state)
        assert found["hidden"].shape == (batch, steps, layer.width)
        assert all(torch.equal(found[f"final {k}"], s) for k, s in enumerate(state))
        assert all(not found[f"of {name}"].any() for name, _ in layer.named_parameters() if f"of {name}" in found)
