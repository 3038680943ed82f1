"""What the kernels have no derivatives of comes from plain PyTorch, by itself: second derivatives, elapsed times."""

import copy

import pytest
import torch
from model_variants import build
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, hessian, jacrev
from torch_layers import FAMILIES, TIMED, assert_close, data, each_family, gradients, make, padding

from lnncmp.errors import UsageError
from lnncmp.layers.recurrent_layer import use_plain


def penalty(model, x, dt, valid=None):
    """Return a loss on the gradient of the inputs, as of a gradient penalty."""
    y = model(x, dt, valid)
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    return slope.square().sum()


@each_family
@pytest.mark.parametrize("padded", [False, True])
def test_a_gradient_penalty_trains_as_by_plain_torch(family, padded):
    model = make(family)
    twin = use_plain(copy.deepcopy(model))
    x, dt = data()
    valid = padding() if padded else None
    x.requires_grad_()
    found, expected = (gradients(own, penalty(own, x, dt, valid)) for own in (model, twin))
    assert_close(found, expected)
    assert any(own.any() for own in found)


@each_family
def test_first_and_second_derivatives_are_those_of_finite_differences(family):
    model = make(family, hidden=6)
    x, dt = data(batch=2, steps=2)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    weights = [model.get_parameter(name).detach().clone().requires_grad_() for name in names]
    with torch.no_grad():  # away from 0, where |w_tau| of mode pure has a kink
        for weight in weights:
            weight.add_(0.05)

    def run(x, *weights):
        return functional_call(model, dict(zip(names, weights, strict=True)), (x, dt))

    given = (x.requires_grad_(), *weights)
    assert gradcheck(run, given, fast_mode=True, atol=1e-6, rtol=1e-4)
    assert gradgradcheck(run, given, fast_mode=True, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("family", TIMED)
def test_elapsed_times_have_gradients(family):
    model = make(family)
    twin = use_plain(copy.deepcopy(model))
    x, dt = data()
    valid = padding()
    x[~valid], dt[~valid] = float("nan"), float("nan")
    dt.requires_grad_()
    found = []
    for own in (model, twin):
        loss = own(x, dt, valid).square().sum()
        found.append([*gradients(own, loss), *torch.autograd.grad(own(x, dt, valid).square().sum(), dt)])
    assert_close(*found)
    of_times = found[0][-1]
    assert of_times[valid].any() and not of_times[~valid].any()


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_layers_without_time_give_it_no_gradient(family):
    x, dt = data()
    dt.requires_grad_()
    assert torch.autograd.grad(make(family)(x, dt).sum(), dt, allow_unused=True) == (None,)


@pytest.mark.parametrize("family", ["ltc_ncp", "cfc", "cfc_wired", "liquid_ncp", "lstm"])
def test_transforms_give_what_autograd_gives(family):
    model = make(family)
    x, dt = data(batch=2, steps=2)

    def loss(x, dt):
        return model(x, dt).square().sum()

    x.requires_grad_(), dt.requires_grad_()
    expected = torch.autograd.grad(loss(x, dt), (x, dt), allow_unused=True)
    found = grad(loss, argnums=(0, 1))(x.detach(), dt.detach())
    assert_close(found, [torch.zeros_like(own) if g is None else g for own, g in zip((x, dt), expected, strict=True)])
    flat = x.detach()
    twin = use_plain(copy.deepcopy(model))
    curvature = jacrev(jacrev(loss))(flat, dt.detach())
    assert_close([curvature], [jacrev(jacrev(lambda x: twin(x, dt.detach()).square().sum()))(flat)])


def test_forward_mode_is_refused_with_the_way_out():
    model, (x, dt) = make("cfc"), data()
    with pytest.raises(UsageError, match=r"no forward-mode derivatives .*jvp") as caught:
        hessian(lambda x: model(x, dt).sum())(x)
    assert "chosen = 'loop'" in caught.value.hint


def test_dropout_is_the_same_in_both_derivatives():
    variant = {"backbone_dropout": 0.5, "dropout_placement": "every_layer", "backbone_units": 6, "backbone_layers": 2}
    model = build("cfc", variant, dtype=torch.float64).train()
    x, dt = data()

    def run(x):
        torch.manual_seed(3)
        return model(x, dt)

    assert gradcheck(run, (x.requires_grad_(),), fast_mode=True)
    assert gradgradcheck(run, (x,), fast_mode=True)


def test_every_family_is_tried():
    assert {name for name, _ in FAMILIES.values()} == {
        "ltc",
        "ncp",
        "cfc",
        "liquid_ncp",
        "lstm",
        "gru",
        "gru_d",
        "min_gru",
        "lrc_ssm",
        "s4d",
        "liquid_s4",
    }
