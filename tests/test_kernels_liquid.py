"""The fused liquid layer equals its plain twin: potentials, gradients; and keeps what all kernels promise."""

import kernel_checks as checks
import numpy as np
import pytest
import torch

from lnncmp.layers import wiring
from lnncmp.layers.liquid import LiquidLayer

padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
precision = pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 3e-5), (torch.float64, 1e-13)], ids=["float32", "float64"]
)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def wired(inputs, neurons):
    if neurons >= 4:
        return wiring.auto_ncp(neurons, inputs, 1, 0.5, 3)
    polarity = np.ones((neurons, neurons), np.int8)
    return wiring.Wiring(polarity, np.ones((inputs, neurons), np.int8), (tuple(range(neurons)),), {})


def make(inputs=3, neurons=12, unfolds=4, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    layer = LiquidLayer(wired(inputs, neurons), unfolds).to(dtype)
    with torch.no_grad():
        for p in (layer.bias, layer.input_w, layer.input_b):
            p.normal_()
    return layer


@padding
@precision
@pytest.mark.parametrize(
    ("inputs", "neurons", "unfolds", "batch", "steps"),
    [(1, 1, 1, 1, 1), (3, 12, 4, 4, 7), (2, 3, 6, 3, 2), (17, 17, 3, 17, 5), (1, 32, 6, 50, 9), (4, 24, 40, 2, 3)],
)
def test_equals_the_twin(padded, dtype, limit, inputs, neurons, unfolds, batch, steps):
    checks.check_equals_twin(make(inputs, neurons, unfolds, dtype=dtype), inputs, batch, steps, padded, limit)


@padding
@pytest.mark.parametrize(("inputs", "neurons", "unfolds"), [(1, 1, 2), (3, 5, 1), (2, 8, 3)])
def test_gradcheck(padded, inputs, neurons, unfolds):
    checks.check_gradcheck(make(inputs, neurons, unfolds), inputs, padded=padded)


def test_gradients_at_full_size():
    checks.check_gradients_in_single_precision(make(17, 64, 6, dtype=torch.float32), 17)


@padding
@precision
@pytest.mark.parametrize("batch", [5, 37])
def test_stacked_equals_separate_bit_by_bit(padded, dtype, limit, batch):
    checks.check_stacked(lambda seed: make(seed=seed, dtype=dtype), 3, batch=batch, padded=padded)


@precision
def test_threads_change_no_bit(dtype, limit):
    checks.check_threads(make(dtype=dtype), 3)


@precision
def test_any_input_gives_a_right_answer_or_a_clear_error(dtype, limit):
    layer = make(dtype=dtype)
    checks.check_without_gradients(layer, 3)
    checks.check_strided(layer, 3)
    checks.check_wrong_kind(layer, 3)
    checks.check_nan(layer, 3)
    checks.check_empty(layer, 3)


@precision
def test_elapsed_times_of_zero_and_beyond_any_scale(dtype, limit):
    layer = make(dtype=dtype)
    x, _, valid, state = checks.draw(layer, 3, 4, 6)
    dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1.0], dtype=dtype).expand(4, 6)
    given = x, dt, valid, state
    checks.assert_close(checks.results(layer, *given), checks.results(checks.twin_of(layer), *given), limit)
    frozen, _ = layer.sequence(x, torch.zeros_like(dt), valid, state)
    assert torch.equal(frozen, state[0][:, None].expand_as(frozen))


def test_no_synapses_leave_leak_and_bias():
    nothing = wiring.Wiring(np.zeros((5, 5), np.int8), np.zeros((2, 5), np.int8), (tuple(range(5)),), {})
    layer = LiquidLayer(nothing).double()
    given = checks.draw(layer, 2, 3, 4)
    got, expected = checks.results(layer, *given), checks.results(checks.twin_of(layer), *given)
    checks.assert_close(got, expected, 1e-13)
    assert not got["of x"].any() and got["of bias"].all()


def test_gradients_of_the_elapsed_time_come_from_the_plain_path():
    layer = make()
    x, dt, valid, state = checks.draw(layer, 3, 4, 6)
    dt.requires_grad_()
    grads = []
    for one in (layer, checks.twin_of(layer)):
        dt.grad = None
        one.sequence(x, dt, valid, state)[0].square().sum().backward()
        grads.append(dt.grad)
    assert grads[0].all() and torch.allclose(*grads, rtol=1e-12, atol=1e-13)


def test_large_raw_parameters_are_mapped_as_by_torch():
    layer = make()
    with torch.no_grad():
        layer.raw_rate[:4] = torch.tensor([30.0, 20.5, -30.0, 19.5])
        layer.raw_conductance[:4] = torch.tensor([25.0, -40.0, 20.5, 19.5])
    checks.check_equals_twin(layer, 3, 4, 6, True, 1e-13)


def test_a_second_backward_pass_gives_the_same():
    layer = make()
    x, dt, _, state = checks.draw(layer, 3, 4, 6)
    loss = layer.sequence(x, dt, None, state)[0].square().sum()
    first, second = (torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
