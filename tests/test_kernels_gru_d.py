"""The fused GRU-D equals its plain twin: outputs, states, gradients; and keeps what all kernels promise."""

import kernel_checks as checks
import pytest
import torch

from lnncmp.kernels.common.sequence_function import run
from lnncmp.layers.gru_d import GRUDLayer
from lnncmp.layers.plain_gated import gru_d_twin

padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
each_layout = pytest.mark.parametrize("measured", [0, 1], ids=["times", "measured"])
SINGLE, DOUBLE = (torch.float32, 2e-6), (torch.float64, 2e-14)
precision = pytest.mark.parametrize(("dtype", "limit"), [SINGLE, DOUBLE], ids=["float32", "float64"])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def make(measured=0, inputs=4, hidden=5, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return GRUDLayer(inputs, hidden, measured, "fused").to(dtype)


@each_layout
@padding
@precision
@pytest.mark.parametrize(
    ("inputs", "hidden", "batch", "steps"),
    [(3, 1, 1, 1), (4, 5, 4, 7), (17, 17, 17, 5), (9, 24, 33, 4), (3, 16, 16, 40), (4, 40, 2, 110)],
)
def test_equals_the_twin(measured, padded, dtype, limit, inputs, hidden, batch, steps):
    checks.check_equals_twin(make(measured, inputs, hidden, dtype=dtype), inputs, batch, steps, padded, 3 * limit)


@each_layout
@padding
def test_gradcheck(measured, padded):
    checks.check_gradcheck(make(measured), 4, padded=padded)


@padding
def test_gradients_of_the_factors_themselves(padded):
    # Of a layer's factors many are alike or near 1; here each is its own, 0 and negative ones among them.
    source = torch.Generator().manual_seed(0)
    x, factors, h, *weights = (
        torch.randn(shape, generator=source, dtype=torch.float64)
        for shape in ((18, 5, 3), (18, 5, 6), (18, 6), (18, 3), (18, 6), (18,), (18,))
    )
    factors[0, 2] = 0.0
    valid = torch.arange(5) < (torch.arange(18) % 6)[:, None] if padded else None
    x, factors, h, *weights = tensors = [own.requires_grad_() for own in (x, factors, h, *weights)]
    grads = []
    for compute in (lambda *own: run("gated gru_d", gru_d_twin, own), gru_d_twin):
        hidden, final = compute(x, None, valid, h, factors, *weights)
        loss = (hidden if valid is None else hidden[valid]).square().sum() + final.sin().sum()
        grads.append(torch.autograd.grad(loss, tensors))
    for got, expected in zip(*grads, strict=True):
        assert torch.allclose(got, expected, rtol=1e-12, atol=1e-12)
    if padded:
        assert not grads[0][1][~valid].any()


def test_gradients_at_full_size():
    checks.check_gradients_in_single_precision(make(5, 17, 64, dtype=torch.float32), 17)


@each_layout
@padding
@precision
@pytest.mark.parametrize("batch", [5, 37])
def test_stacked_equals_separate_bit_by_bit(measured, padded, dtype, limit, batch):
    checks.check_stacked(lambda seed: make(measured, seed=seed, dtype=dtype), 4, batch=batch, padded=padded)


def test_threads_change_no_bit():
    checks.check_threads(make(1), 4)


@each_layout
def test_any_input_gives_a_right_answer_or_a_clear_error(measured):
    layer = make(measured, dtype=torch.float32)
    checks.check_without_gradients(layer, 4)
    checks.check_strided(layer, 4)
    checks.check_wrong_kind(layer, 4)
    checks.check_nan(layer, 4)
    checks.check_empty(layer, 4)


@each_layout
def test_elapsed_times_have_gradients(measured):
    layer = make(measured)
    x, dt, valid, (h,) = checks.draw(layer, 4, 5, 6)
    x = x.abs()  # no age is negative
    found = []
    for one in (layer, checks.twin_of(layer)):
        own = dt.clone().requires_grad_()
        one.sequence(x, own, valid, (h,))[0].square().sum().backward()
        found.append(own.grad)
    assert found[0].abs().min() > 0 and torch.allclose(*found, rtol=1e-12, atol=1e-14)


def test_samples_and_second_derivatives_under_transforms():
    layer = make()
    twin = checks.twin_of(layer)
    x, dt, _, (h,) = checks.draw(layer, 4, 5, 6)

    def penalty(one, x):
        def loss(x, dt, h):
            return one.sequence(x[None], dt[None], None, (h[None],))[0].square().sum()

        return torch.func.vmap(torch.func.grad(loss))(x, dt, h).square().sum()

    found = [torch.autograd.grad(penalty(one, x.requires_grad_()), x)[0] for one in (layer, twin)]
    assert found[0].abs().max() > 1e-6 and torch.allclose(*found, rtol=1e-10, atol=1e-12)
