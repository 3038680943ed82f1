"""The fused LSTM and GRU equal their plain twins: outputs, states, gradients; and keep what all kernels promise."""

import kernel_checks as checks
import pytest
import torch

from lnncmp.layers.lstm_gru import GRULayer, LSTMLayer

each_kind = pytest.mark.parametrize("kind", [LSTMLayer, GRULayer], ids=["lstm", "gru"])
padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
SINGLE, DOUBLE = (torch.float32, 2e-6), (torch.float64, 2e-14)
precision = pytest.mark.parametrize(("dtype", "limit"), [SINGLE, DOUBLE], ids=["float32", "float64"])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def make(kind, inputs=3, hidden=5, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return kind(inputs, hidden, "fused").to(dtype)


@each_kind
@padding
@precision
@pytest.mark.parametrize(
    ("inputs", "hidden", "batch", "steps"),
    [(1, 1, 1, 1), (3, 5, 4, 7), (2, 3, 3, 2), (17, 17, 17, 5), (9, 24, 33, 4), (1, 16, 16, 40), (4, 40, 2, 110)],
)
def test_equals_the_twin(kind, padded, dtype, limit, inputs, hidden, batch, steps):
    layer = make(kind, inputs, hidden, dtype=dtype)
    checks.check_equals_twin(layer, inputs, batch, steps, padded, 3 * limit)


@each_kind
@padding
@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (3, 5), (2, 8)])
def test_gradcheck(kind, padded, inputs, hidden):
    checks.check_gradcheck(make(kind, inputs, hidden), inputs, padded=padded)


@each_kind
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
def test_any_input_gives_a_right_answer_or_a_clear_error(kind):
    for dtype in (torch.float32, torch.float64):
        layer = make(kind, dtype=dtype)
        checks.check_without_gradients(layer, 3)
        checks.check_strided(layer, 3)
        checks.check_wrong_kind(layer, 3)
        checks.check_nan(layer, 3)
        checks.check_empty(layer, 3)


@each_kind
def test_only_the_final_state_can_be_used(kind):
    layer = make(kind)
    twin = checks.twin_of(layer)
    x, dt, valid, state = checks.draw(layer, 3, 4, 6, padded=True)
    for one in (layer, twin):
        one.sequence(x, dt, valid, state)[1][-1].square().sum().backward()
    for p, q in zip(layer.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, rtol=0, atol=1e-14)


@each_kind
def test_a_second_backward_pass_gives_the_same(kind):
    layer = make(kind)
    x, dt, _, state = checks.draw(layer, 3, 4, 6)
    loss = layer.sequence(x, dt, None, state)[0].square().sum()
    first, second = (torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@each_kind
def test_saturated_gates_stay_finite(kind):
    layer = make(kind, dtype=torch.float32)
    x, dt, _, state = checks.draw(layer, 3, 4, 6)
    found = checks.results(layer, 1e30 * x, dt, None, state)
    assert all(value.isfinite().all() for key, value in found.items() if key != "of x")


@each_kind
def test_one_step_without_gradients_equals_the_kernel(kind):
    layer = make(kind)
    x, dt, _, state = checks.draw(layer, 3, 4, 1)
    expected, final = layer.sequence(x, dt, None, state)
    with torch.no_grad():
        got, last = layer.sequence(x, dt, None, state)
        stacked = torch.vmap(lambda x: layer.sequence(x, dt, None, state)[0])(x[None])
    assert torch.allclose(got, expected, rtol=0, atol=1e-14)
    assert torch.equal(stacked[0], expected)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-14) for a, b in zip(last, final, strict=True))
