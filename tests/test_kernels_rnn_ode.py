"""Kernels of additive networks and of the CT-GRU equal their plain twins, and keep what all kernels promise."""

import math

import kernel_checks as checks
import pytest
import torch

from lnncmp.layers.additive import AdditiveLayer, Scheme
from lnncmp.layers.ct_gru import CTGRULayer
from lnncmp.layers.rnn import RNNLayer

padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
precision = pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-13)], ids=["float32", "float64"]
)
KINDS = {
    "rnn": lambda *size: RNNLayer(*size, "fused"),
    "euler": lambda *size: AdditiveLayer(*size, Scheme(6, "euler", 1.0), rate=2.0, learns_rate=True),
    "rk4": lambda *size: AdditiveLayer(*size, Scheme(3, "rk4", 2.0), rate=1.0, has_scale=True),
    "clipped": lambda *size: AdditiveLayer(*size, Scheme(2, "rk4", 2.0, 0.4, 0.2), rate=0.0),
    "ct_gru": lambda *size: CTGRULayer(*size, 8, fixed=False),
    "ct_gru as coded": lambda *size: CTGRULayer(*size, 3, fixed=True, as_coded=True),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def make(kind, inputs=3, hidden=5, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    layer = KINDS[kind](inputs, hidden)
    with torch.no_grad():
        for p in layer.parameters():
            if p.ndim == 1:
                p.add_(torch.randn(p.shape))
    return layer.to(dtype)


@each_kind
@padding
@precision
@pytest.mark.parametrize(
    ("inputs", "hidden", "batch", "steps"),
    [(1, 1, 1, 1), (3, 5, 4, 7), (17, 17, 17, 5), (9, 24, 33, 4), (4, 40, 2, 50)],
)
def test_equals_the_twin(kind, padded, dtype, limit, inputs, hidden, batch, steps):
    checks.check_equals_twin(make(kind, inputs, hidden, dtype=dtype), inputs, batch, steps, padded, limit)


@each_kind
@padding
@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (3, 5)])
def test_gradcheck(kind, padded, inputs, hidden):
    checks.check_gradcheck(make(kind, inputs, hidden), inputs, padded=padded)


@pytest.mark.parametrize("kind", ["rnn", "euler", "rk4", "ct_gru"])
def test_gradients_at_full_size(kind):
    checks.check_gradients_in_single_precision(make(kind, 17, 64, dtype=torch.float32), 17)


@each_kind
@padding
@precision
@pytest.mark.parametrize("batch", [5, 37])
def test_stacked_equals_separate_bit_by_bit(kind, padded, dtype, limit, batch):
    checks.check_stacked(lambda seed: make(kind, seed=seed, dtype=dtype), 3, batch=batch, padded=padded)


@each_kind
@precision
def test_threads_change_no_bit(kind, dtype, limit):
    checks.check_threads(make(kind, dtype=dtype), 3)


@each_kind
@precision
def test_any_input_gives_a_right_answer_or_a_clear_error(kind, dtype, limit):
    layer = make(kind, dtype=dtype)
    checks.check_without_gradients(layer, 3)
    checks.check_strided(layer, 3)
    checks.check_wrong_kind(layer, 3)
    checks.check_nan(layer, 3)
    checks.check_empty(layer, 3)


@precision
@pytest.mark.parametrize("kind", ["euler", "rk4"])
def test_elapsed_times_of_zero_and_beyond_any_scale(kind, dtype, limit):
    layer = make(kind, dtype=dtype)
    x, _, valid, state = checks.draw(layer, 3, 4, 6)
    dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1.0], dtype=dtype).expand(4, 6)
    given = x, dt, valid, state
    checks.assert_close(checks.results(layer, *given), checks.results(checks.twin_of(layer), *given), limit)
    frozen, _ = layer.sequence(x, torch.zeros_like(dt), valid, state)
    assert torch.equal(frozen, state[0][:, None].expand_as(frozen))


@padding
def test_steps_at_and_beyond_the_limit_have_the_twins_gradients(padded):
    layer = make("euler")
    with torch.no_grad():
        layer.raw_rate.copy_(torch.tensor([math.log(math.expm1(r)) for r in (1.0, 2.0, 4.0, 0.5, 30.0)]))
    x, _, valid, state = checks.draw(layer, 3, 4, 6, padded)
    dt = 6.0 * torch.tensor([0.1, 0.25, 0.5, 1.0, 2.0, 4.0], dtype=torch.float64).expand(4, 6)
    given = x, dt, valid, state
    checks.assert_close(checks.results(layer, *given), checks.results(checks.twin_of(layer), *given), 1e-13)


def test_clipping_acts_and_leaves_a_state_beyond_it_alone_at_padding():
    layer = make("clipped")
    x, dt, _, _ = checks.draw(layer, 3, 4, 6)
    valid, state = torch.arange(6) < torch.tensor([6, 2, 0, 3])[:, None], (torch.full((4, 5), 7.0).double(),)
    got, expected = (checks.results(own, x, dt, valid, state) for own in (layer, checks.twin_of(layer)))
    checks.assert_close(got, expected, 1e-13)
    assert (got["hidden"].abs() == 0.4).any() and torch.equal(got["final 0"][2], state[0][2])


def test_gradients_of_the_elapsed_time_come_from_the_plain_path():
    layer = make("rk4")
    x, dt, valid, state = checks.draw(layer, 3, 4, 6)
    dt.requires_grad_()
    grads = []
    for one in (layer, checks.twin_of(layer)):
        dt.grad = None
        one.sequence(x, dt, valid, state)[0].square().sum().backward()
        grads.append(dt.grad)
    assert grads[0].all() and torch.allclose(*grads, rtol=1e-12, atol=1e-13)


@each_kind
def test_saturated_units_stay_finite(kind):
    layer = make(kind, dtype=torch.float32)
    x, dt, _, state = checks.draw(layer, 3, 4, 6)
    found = checks.results(layer, 1e30 * x, dt, None, state)
    assert all(value.isfinite().all() for key, value in found.items() if key != "of x")


@each_kind
def test_a_second_backward_pass_gives_the_same(kind):
    layer = make(kind)
    x, dt, _, state = checks.draw(layer, 3, 4, 6)
    loss = layer.sequence(x, dt, None, state)[0].square().sum()
    first, second = (torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
