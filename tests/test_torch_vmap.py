"""torch.func.vmap over data, over weights and over both is one call of a kernel and gives what separate calls give."""

import pytest
import torch
from torch.func import functional_call, grad, jacrev, stack_module_state, vmap
from torch_layers import assert_close, data, each_family, gradients, make, padding

few = pytest.mark.parametrize("family", ["ltc_ncp", "cfc_memory", "cfc_wired", "liquid_ncp", "lstm", "gru", "s4d"])


@each_family
def test_over_samples(family):
    model = make(family)
    x, dt = data(batch=5)
    valid = padding(batch=5)
    y = vmap(lambda x, dt, valid: model(x[None], dt[None], valid[None])[0])(x, dt, valid)
    expected = model(x, dt, valid)
    assert torch.equal(y, expected)
    assert_close(gradients(model, y.square().sum()), gradients(model, expected.square().sum()))


@each_family
def test_gradients_of_each_sample(family):
    model = make(family)
    weights = {name: p.detach() for name, p in model.named_parameters()}
    x, dt = data(batch=3)

    def loss(weights, x, dt):
        return functional_call(model, weights, (x[None], dt[None])).square().sum()

    found = vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, dt)
    for k in range(3):
        expected = gradients(model, model(x[k : k + 1], dt[k : k + 1]).square().sum())
        assert_close([own[k] for own in found.values()], expected)


@few
def test_gradients_of_inputs_alone(family):
    model = make(family)
    x, dt = data(batch=3)
    found = vmap(grad(lambda x, dt: model(x[None], dt[None]).square().sum()))(x, dt)
    x.requires_grad_()
    assert_close([found], torch.autograd.grad(model(x, dt).square().sum(), x))


@few
def test_networks_times_samples(family):
    """vmap over weights, and within it over data."""
    models = [make(family, seed=seed) for seed in range(2)]
    x, dt = data(batch=3)
    weights, buffers = stack_module_state(models)

    def one(weights, buffers, x, dt):
        return functional_call(models[0], (weights, buffers), (x[None], dt[None]))[0]

    found = vmap(vmap(one, in_dims=(None, None, 0, 0)), in_dims=(0, 0, None, None))(weights, buffers, x, dt)
    turned = vmap(vmap(one, in_dims=(0, 0, None, None)), in_dims=(None, None, 0, 0))(weights, buffers, x, dt)
    expected = torch.stack([model(x, dt) for model in models])
    assert_close([found, turned.transpose(0, 1)], [expected, expected])
    found.square().sum().backward()
    for k, model in enumerate(models):
        own = gradients(model, expected[k].square().sum())
        assert_close([weights[name].grad[k] for name, _ in model.named_parameters()], own)


@few
def test_gradients_of_each_network(family):
    models = [make(family, seed=seed) for seed in range(2)]
    x, dt = data(batch=3)
    weights, buffers = stack_module_state(models)

    def loss(weights, buffers):
        return functional_call(models[0], (weights, buffers), (x, dt)).square().sum()

    found = vmap(grad(loss))({name: own.detach() for name, own in weights.items()}, buffers)
    for k, model in enumerate(models):
        assert_close([own[k] for own in found.values()], gradients(model, model(x, dt).square().sum()))


@few
def test_jacobians(family):
    model = make(family)
    x, dt = data(batch=1, steps=2)
    found = jacrev(lambda x: model(x, dt))(x)
    expected = torch.autograd.functional.jacobian(lambda x: model(x, dt), x)
    assert_close([found], [expected])


def test_samples_are_rows_of_one_batch(monkeypatch):
    from lnncmp.kernels.cfc.function import CfCSequence

    seen = []
    right = CfCSequence.forward
    monkeypatch.setattr(CfCSequence, "forward", lambda *args: seen.append(args[1][0].shape) or right(*args))
    model = make("cfc")
    x, dt = data(batch=6)
    vmap(lambda x, dt: model(x[None], dt[None]))(x, dt)
    assert [tuple(shape) for shape in seen] == [(6, 4, 3)]
