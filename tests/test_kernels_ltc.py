"""The fused LTC equals its plain twin, dense and wired, and keeps what all kernels promise."""

import kernel_checks as checks
import numpy as np
import pytest
import torch

from lnncmp.errors import UsageError
from lnncmp.kernels.common import pool
from lnncmp.layers import wiring
from lnncmp.layers.ltc import LTCLayer
from lnncmp.layers.solvers import SolverOptions

padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
# With one input some gradients are small sums of large terms; the full size is held to 1e-5 below.
SINGLE, DOUBLE = (torch.float32, 1e-4), (torch.float64, 5e-13)
precision = pytest.mark.parametrize(("dtype", "limit"), [SINGLE, DOUBLE], ids=["float32", "float64"])
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


def make(wired, seed=0, dtype=torch.float64, constraint="softplus", unfolds=6):
    torch.manual_seed(seed)
    layer = LTCLayer(wired, SolverOptions(unfolds=unfolds), constraint)
    layer.chosen = "fused"
    layer.to(dtype)
    with torch.no_grad():  # away from the start, where erev is -1, 0 or 1 and the inputs' map does nothing
        for p in layer.parameters():
            p.add_(0.1 * torch.randn(p.shape, dtype=torch.float64).to(dtype))
        layer.cm.abs_()
    layer.constrain()
    return layer


@padding
@each_constraint
@precision
@pytest.mark.parametrize(
    ("inputs", "hidden", "batch", "steps", "unfolds"),
    [(1, 1, 1, 1, 1), (3, 5, 4, 7, 6), (5, 5, 5, 3, 2), (17, 9, 17, 3, 6), (2, 16, 70, 4, 3), (1, 7, 33, 20, 6)],
)
def test_equals_the_twin(padded, constraint, dtype, limit, inputs, hidden, batch, steps, unfolds):
    layer = make(dense(0, inputs, hidden), dtype=dtype, constraint=constraint, unfolds=unfolds)
    checks.check_equals_twin(layer, inputs, batch, steps, padded, limit)


@padding
@precision
@pytest.mark.parametrize("wired", [sparse(), sparse(3, 1, 20), wiring.random(8, 3, 1, 0.9, 0)])
def test_wired_equals_the_twin(padded, dtype, limit, wired):
    layer = make(wired, dtype=dtype)
    checks.check_equals_twin(layer, wired.inputs, 18, 5, padded, limit)


@padding
@each_constraint
@each_wiring
def test_gradcheck(padded, constraint, wire):
    checks.check_gradcheck(make(wire(), constraint=constraint, unfolds=2), 3, padded=padded)


@pytest.mark.parametrize("wired", [dense(0, 17, 64), wiring.auto_ncp(64, 17, 17, 0.5, 1)], ids=WIRINGS)
def test_gradients_at_full_size(wired):
    torch.manual_seed(0)
    layer = LTCLayer(wired, SolverOptions())  # as it starts
    checks.check_gradients_in_single_precision(layer, 17)


@each_wiring
@padding
@precision
@pytest.mark.parametrize("batch", [5, 37])
def test_stacked_equals_separate_bit_by_bit(wire, padded, dtype, limit, batch):
    checks.check_stacked(lambda seed: make(wire(seed), seed, dtype), 3, batch=batch, padded=padded)


@each_wiring
@precision
def test_threads_change_no_bit(wire, dtype, limit):
    checks.check_threads(make(wire(), dtype=dtype), 3)


@each_wiring
def test_any_input_gives_a_right_answer_or_a_clear_error(wire):
    for dtype in (torch.float32, torch.float64):
        layer = make(wire(), dtype=dtype)
        checks.check_without_gradients(layer, 3)
        checks.check_strided(layer, 3)
        checks.check_wrong_kind(layer, 3)
        checks.check_empty(layer, 3)


@each_wiring
def test_nan_in_one_sample_stays_there(wire):
    layer = make(wire(), dtype=torch.float32)
    x, dt, _, state = checks.draw(layer, 3, 20, 5)
    clean, _ = layer.sequence(x, dt, None, state)
    x[1, 2] = float("nan")
    hidden, (final,) = layer.sequence(x, dt, None, state)
    others = [row for row in range(20) if row != 1]
    assert hidden[1, 2:].isnan().any(-1).all() and final[1].isnan().any()
    assert torch.equal(hidden[1, :2], clean[1, :2]) and torch.equal(hidden[others], clean[others])
    hidden.sum().backward()
    assert layer.recurrent.w.grad.isnan().any()


@each_wiring
@pytest.mark.parametrize("size", [30.0, 1e4, 1e9], ids=str)
def test_arguments_of_sigmoids_near_and_beyond_their_bounds(wire, size):
    layer = make(wire(), dtype=torch.float32)
    x, dt, _, state = checks.draw(layer, 3, 20, 5)
    x[3] *= size  # the other samples of its tile share the decision whether arguments are clamped
    with torch.no_grad():
        layer.recurrent.sigma[0] *= size
    twin = checks.twin_of(layer)
    found, expected = (checks.results(one, x, dt, None, state) for one in (layer, twin))
    exact = checks.results(twin.double(), x.double(), dt.double(), None, tuple(own.double() for own in state))
    for key, value in expected.items():
        # A steep sigmoid makes rounding of its argument large: plain float32 is as far from the truth, by processor.
        rounding = (value.double() - exact[key]).norm()
        assert (found[key] - value).double().norm() <= max(1e-4 * value.double().norm(), 3 * rounding), key


@pytest.mark.parametrize("seconds", [0.0, 1e-30, 1e30])
def test_extreme_elapsed_times(seconds):
    layer = make(dense(), dtype=torch.float64)
    x, dt, _, state = checks.draw(layer, 3, 4, 3)
    dt[1] = seconds
    found, expected = (checks.results(one, x, dt, None, state) for one in (layer, checks.twin_of(layer)))
    checks.assert_close(found, expected, 1e-12)
    if seconds == 0:
        assert torch.equal(found["hidden"][1], state[0][1].expand(3, -1))


def test_negative_elapsed_times_are_computed_as_the_loop_computes_them():
    layer = make(dense())
    x, dt, _, state = checks.draw(layer, 3, 4, 3)
    dt[2] = -0.01
    found, expected = (checks.results(one, x, dt, None, state) for one in (layer, checks.twin_of(layer)))
    checks.assert_close(found, expected, 1e-12)


def test_no_synapses_leave_the_leak():
    lonely = wiring.Wiring(np.zeros((4, 4), np.int8), np.zeros((3, 4), np.int8), ((0, 1, 2, 3),), {})
    layer = make(lonely)
    assert layer.recurrent.count == layer.sensory.count == 0
    checks.check_equals_twin(layer, 3, 5, 4, False, 1e-13)
    checks.check_equals_twin(layer, 3, 5, 4, True, 1e-13)


def test_absent_synapses_get_no_gradient():
    layer = make(sparse())
    x, dt, valid, state = checks.draw(layer, 3, 4, 5)
    checks.results(layer, x, dt, valid, state)
    for synapses in (layer.recurrent, layer.sensory):
        for p in (synapses.w, synapses.sigma, synapses.mu, synapses.erev):
            assert not p.grad[~synapses.mask].any() and p.grad[synapses.mask].any()


def test_gradients_of_the_elapsed_time_come_from_the_loop():
    layer = make(dense())
    x, dt, _, state = checks.draw(layer, 3, 4, 5)
    dt.requires_grad_()
    layer.sequence(x, dt, None, state)[0].sum().backward()
    assert dt.grad.abs().min() > 0


def test_other_solvers_run_the_loop():
    layer = LTCLayer(dense(), SolverOptions("rk4"))
    layer.chosen = "fused"
    assert layer.implementation == "loop" and not layer.stackable


def test_little_is_kept_for_the_backward_pass():
    layer = make(dense(0, 17, 64), dtype=torch.float32)
    x, dt, _, state = checks.draw(layer, 17, 64, 64)
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.data_ptr(), t.untyped_storage().nbytes()) and t, lambda t: t
    ):
        layer.sequence(x, dt, None, state)
    potentials_and_ratios = 2 * 64 * 6 * 64 * 64 * 4
    assert potentials_and_ratios < sum(kept.values()) < 1.2 * potentials_and_ratios


def test_buffers_are_lent_again_only_when_nobody_reads_them():
    with pool.taking_from(pool.Pool()):
        first = torch.from_numpy(pool.empty((1 << 20,), np.float32))
        view, place = first[10:20], first.data_ptr()
        del first
        second = pool.empty((1 << 20,), np.float32)
        assert second.ctypes.data != place  # the view still reads the first
        del view
        assert pool.empty(((1 << 20) - 5,), np.float32).ctypes.data == place


def test_the_message_names_both_types():
    layer = make(dense(), dtype=torch.float32)
    x, dt, _, state = checks.draw(layer, 3, 2, 3)
    with pytest.raises(UsageError, match="dt is float64, the model's weights are float32"):
        layer.sequence(x, dt.double(), None, state)
