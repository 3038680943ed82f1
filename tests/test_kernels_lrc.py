"""The fused LRC equals its plain twin, in every kind, dense and wired, and keeps what all kernels promise."""

import kernel_checks as checks
import numpy as np
import pytest
import torch

from lnncmp.layers import wiring
from lnncmp.layers.lrc import LRCLayer

padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
precision = pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 1e-4), (torch.float64, 1e-12)], ids=["float32", "float64"]
)
KINDS = [("symmetric", "explicit_euler"), ("asymmetric", "hybrid"), ("none", "explicit_euler"), ("symmetric", "hybrid")]
each_kind = pytest.mark.parametrize(("elastance", "solver"), KINDS)
each_constraint = pytest.mark.parametrize("constraint", ["softplus", "clip"])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def dense(seed=0, inputs=3, hidden=5):
    return wiring.fully_connected(hidden, inputs, 1, seed)


def sparse(seed=0, inputs=3, hidden=12):
    return wiring.auto_ncp(hidden, inputs, 2, 0.5, seed)


WIRINGS = {"dense": dense, "sparse": sparse}
each_wiring = pytest.mark.parametrize("wire", WIRINGS.values(), ids=WIRINGS)


def make(
    wired, seed=0, dtype=torch.float64, elastance="symmetric", solver="explicit_euler", constraint="clip", unfolds=2
):
    torch.manual_seed(seed)
    layer = LRCLayer(wired, elastance, unfolds, solver, constraint)
    layer.chosen = "fused"
    layer.to(dtype)
    with torch.no_grad():  # away from the start, where the inputs' map does nothing and b is 0
        for p in layer.parameters():
            p.add_(0.1 * torch.randn(p.shape, dtype=torch.float64).to(dtype))
        layer.vleak.mul_(3.0)
    layer.constrain()
    return layer


@padding
@each_kind
@precision
@pytest.mark.parametrize(
    ("inputs", "hidden", "batch", "steps", "unfolds"),
    [(1, 1, 1, 1, 1), (3, 5, 4, 7, 3), (17, 9, 17, 3, 1), (2, 6, 70, 4, 2), (1, 7, 33, 12, 1)],
)
def test_equals_the_twin(padded, elastance, solver, dtype, limit, inputs, hidden, batch, steps, unfolds):
    layer = make(dense(0, inputs, hidden), 0, dtype, elastance, solver, "softplus", unfolds)
    checks.check_equals_twin(layer, inputs, batch, steps, padded, limit)


@padding
@precision
@pytest.mark.parametrize("wired", [sparse(), sparse(3, 1, 20)])
def test_wired_equals_the_twin(padded, dtype, limit, wired):
    checks.check_equals_twin(make(wired, dtype=dtype), wired.inputs, 18, 5, padded, limit)


@padding
@each_constraint
@each_kind
@each_wiring
def test_gradcheck(padded, elastance, solver, constraint, wire):
    layer = make(wire(), elastance=elastance, solver=solver, constraint=constraint)
    checks.check_gradcheck(layer, 3, padded=padded)


@pytest.mark.parametrize("wired", [dense(0, 17, 64), wiring.auto_ncp(64, 17, 17, 0.5, 1)], ids=WIRINGS)
def test_gradients_at_full_size(wired):
    torch.manual_seed(0)
    checks.check_gradients_in_single_precision(LRCLayer(wired, unfolds=3), 17)  # as it starts


@each_wiring
@padding
@precision
@pytest.mark.parametrize("batch", [5, 37])
def test_stacked_equals_separate_bit_by_bit(wire, padded, dtype, limit, batch):
    checks.check_stacked(lambda seed: make(wire(seed), seed, dtype), 3, batch=batch, padded=padded)


@precision
def test_stacked_without_elastance(dtype, limit):
    checks.check_stacked(lambda seed: make(dense(seed), seed, dtype, "none", "hybrid", "softplus"), 3)


@each_wiring
@precision
def test_threads_change_no_bit(wire, dtype, limit):
    checks.check_threads(make(wire(), dtype=dtype), 3)


@each_kind
def test_any_input_gives_a_right_answer_or_a_clear_error(elastance, solver):
    for dtype in (torch.float32, torch.float64):
        layer = make(dense(), dtype=dtype, elastance=elastance, solver=solver)
        checks.check_without_gradients(layer, 3)
        checks.check_without_gradients(layer, 3, batch=70)
        checks.check_strided(layer, 3)
        checks.check_wrong_kind(layer, 3)
        checks.check_empty(layer, 3)
        checks.check_nan(layer, 3)


@each_kind
def test_extreme_elapsed_times_and_inputs(elastance, solver):
    layer = make(dense(), elastance=elastance, solver=solver)
    x, dt, _, state = checks.draw(layer, 3, 6, 4)
    for row, seconds in enumerate((0.0, 1e-30, 30.0, 1e6, 1e12)):
        dt[row] = seconds
    x[5] *= 1e12
    found, expected = (checks.results(one, x, dt, None, state) for one in (layer, checks.twin_of(layer)))
    checks.assert_close(found, expected, 1e-11)
    assert all(part.isfinite().all() for part in found.values())
    assert torch.equal(found["hidden"][0], state[0][0].expand(4, -1))


def test_steps_at_the_bound_are_differentiated_as_by_the_loop():
    layer = make(dense(), dtype=torch.float32, elastance="none", unfolds=1)
    with torch.no_grad():
        layer.gleak.fill_(40.0)  # s(f) = 1, so that a step of length 1 is exactly at the bound
    x, dt, _, state = checks.draw(layer, 3, 4, 5)
    dt.fill_(1.0)
    found, expected = (checks.results(one, x, dt, None, state) for one in (layer, checks.twin_of(layer)))
    checks.assert_close(found, expected, 1e-5)


def test_no_synapses_leave_the_leak():
    lonely = wiring.Wiring(np.zeros((4, 4), np.int8), np.zeros((3, 4), np.int8), ((0, 1, 2, 3),), {})
    layer = make(lonely)
    assert layer.recurrent.count == layer.sensory.count == 0
    for padded in (False, True):
        checks.check_equals_twin(layer, 3, 5, 4, padded, 1e-13)


def test_gradients_of_the_elapsed_time_come_from_the_loop():
    layer = make(dense())
    x, dt, _, state = checks.draw(layer, 3, 4, 5)
    dt.requires_grad_()
    grads = []
    for one in (layer, checks.twin_of(layer)):
        dt.grad = None
        one.sequence(x, dt, None, state)[0].square().sum().backward()
        grads.append(dt.grad)
    assert grads[0].all() and torch.allclose(*grads, rtol=1e-12, atol=1e-13)


def test_large_raw_parameters_are_mapped_as_by_torch():
    layer = make(dense(), constraint="softplus")
    with torch.no_grad():
        layer.gleak[:4] = torch.tensor([30.0, 20.5, -30.0, 19.5])
        layer.c[:4] = torch.tensor([25.0, -40.0, 20.5, 19.5])
        layer.recurrent.w[0, :3] = torch.tensor([21.0, -25.0, 19.0])
    checks.check_equals_twin(layer, 3, 4, 6, True, 1e-12)
