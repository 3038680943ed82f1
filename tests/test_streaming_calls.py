"""How a stepper is called: kinds and shapes, its state, changed weights, threads, memory, copies, caching."""

import copy
import pickle
import re
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from model_variants import INPUTS, OUTPUTS, build
from toy_study import Affine

from lnncmp.errors import UsageError
from lnncmp.layers.recurrent_layer import use_plain

PAGE = Path(__file__).resolve().parent.parent / "docs" / "streaming.md"
NAMES = pytest.mark.parametrize("name", ["lstm", "cfc", "ncp"])
X = np.linspace(-1.0, 1.0, INPUTS)


def run(stepper, steps=20):
    return np.stack([stepper(np.sin(X + t), 0.1 * t) for t in range(steps)])


class TestKinds:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("given", ["float32", "float64", "int64"])
    def test_y_is_of_the_kind_of_x_and_of_the_type_of_the_weights(self, dtype, given):
        stepper = build("gru", {}, dtype=dtype).stepper()
        y = stepper(np.ones(INPUTS, given), 1)
        assert isinstance(y, np.ndarray) and y.shape == (OUTPUTS,) and y.dtype == str(dtype).removeprefix("torch.")
        stepper.reset()
        z = stepper(torch.ones(1, INPUTS, dtype=getattr(torch, given), requires_grad=given != "int64"), np.float64(1.0))
        assert isinstance(z, torch.Tensor) and z.shape == (1, OUTPUTS) and z.dtype == dtype and not z.requires_grad
        assert np.array_equal(z.numpy()[0], y)

    def test_views_of_any_strides(self):
        stepper = build("gru", {}).stepper()
        y = stepper(X)
        stepper.reset()
        assert np.array_equal(stepper(np.stack([X, X], 1)[:, 0]), y)

    def test_the_next_step_leaves_y_alone(self):
        stepper = build("gru", {}).stepper()
        first = stepper(X)
        kept = first.copy()
        stepper(-X)
        assert np.array_equal(first, kept)

    def test_out_is_written_and_returned(self):
        stepper, other = (build("cfc", {}).stepper() for _ in range(2))
        out, tensor = np.zeros(OUTPUTS, np.float32), torch.zeros(OUTPUTS)
        assert stepper(X, 0.3, out) is out and other(X, 0.3, out=tensor) is tensor
        assert out.any() and np.array_equal(out, tensor.numpy())

    def test_dt_is_one_number_or_one_for_each_sample(self):
        stepper = build("cfc", {}).stepper(batch=2)
        x = np.stack([X, X])
        y = stepper(x, np.array([0.5, 0.5]))
        for dt in (0.5, np.float32(0.5), torch.tensor(0.5), torch.tensor([0.5, 0.5])):
            stepper.reset()
            assert np.array_equal(stepper(x, dt), y)
        assert not np.array_equal(stepper(x, np.array([0.5, 2.0]))[0], stepper(x, np.array([0.5, 2.0]))[1])


class TestRefusals:
    @pytest.mark.parametrize(
        ("batch", "call", "sentence"),
        [
            (1, (np.ones(4),), r"x has shape \(4,\), expected \(3,\) or \(1, 3\)"),
            (1, (torch.ones(2, 3),), r"x has shape \(2, 3\), expected \(3,\) or \(1, 3\)"),
            (2, (np.ones(3),), r"x has shape \(3,\), expected \(2, 3\)"),
            (2, (np.ones((2, 3)), np.ones(3)), r"dt has shape \(3,\), expected one number or \(2,\)"),
            (1, (np.ones(3), 1.0, np.ones(5)), r"out has shape \(5,\), expected \(2,\) or \(1, 2\)"),
            (1, (np.ones(3), 1.0, np.ones(2, int)), "out must have floating-point numbers on the CPU"),
            (1, ([1.0, 2.0, 3.0],), "x is of type list, expected a NumPy array or a tensor of real numbers"),
            (1, (np.array(["a", "b", "c"]),), "x is an array of <U1, expected a NumPy array or a tensor"),
            (1, (np.ones(3, complex),), "x is an array of complex128"),
            (1, (np.ones(3), "soon"), "dt is of type str, expected"),
        ],
    )
    def test_one_sentence_and_nothing_has_changed(self, batch, call, sentence):
        stepper = build("gru", {}).stepper(batch)
        before = stepper.state
        with pytest.raises(UsageError, match=sentence):
            stepper(*call)
        assert all(torch.equal(a, b) for a, b in zip(stepper.state, before, strict=True))

    def test_states_of_other_shapes(self):
        stepper = build("lstm", {}).stepper()
        with pytest.raises(UsageError, match=r"the state has shapes \[\(1, 10\)\], expected \[\(1, 10\), \(1, 10\)\]"):
            stepper.state = (torch.zeros(1, 10),)

    def test_a_batch_of_none(self):
        with pytest.raises(UsageError, match="batch is 0, expected at least 1"):
            build("lstm", {}).stepper(0)

    def test_a_model_without_layer_and_readout(self):
        with pytest.raises(UsageError, match="a Affine has no stepper"):
            Affine(2, 1).stepper()


class TestState:
    @NAMES
    def test_goes_on_from_a_sequence(self, name):
        model = build(name, {})
        stepper, twin = model.stepper(), use_plain(copy.deepcopy(model))
        x, dt = torch.randn(1, 9, INPUTS), torch.rand(1, 9)
        with torch.no_grad():
            expected, _ = twin.sequence(x, dt, None, None)
            _, stepper.state = twin.sequence(x[:, :5], dt[:, :5], None, None)
        for t in range(5, 9):
            torch.testing.assert_close(stepper(x[:, t], dt[:, t]), expected[:, t], atol=1e-5, rtol=1e-5)

    @NAMES
    def test_is_copied_both_ways(self, name):
        stepper = build(name, {}).stepper()
        y = run(stepper)
        state = stepper.state
        following = stepper(X)
        for own in state:
            assert own.shape[0] == 1
        stepper.state = state
        assert np.array_equal(stepper(X), following)
        stepper.reset()
        assert not any(own.any() for own in stepper.state) and np.array_equal(run(stepper), y)

    @NAMES
    def test_a_copy_goes_its_own_way(self, name):
        stepper = build(name, {}).stepper()
        run(stepper)
        other = copy.deepcopy(stepper)
        assert np.array_equal(run(other), run(stepper))

    def test_is_pickled_with_its_state(self):
        stepper = build("lstm", {}).stepper()
        run(stepper)
        other = pickle.loads(pickle.dumps(stepper))
        assert np.array_equal(run(other), run(stepper))


class TestWeights:
    @NAMES
    @pytest.mark.parametrize("fused", [False, True])
    def test_that_change_in_place_are_noticed(self, name, fused):
        model = build(name, {})
        stepper = model.stepper()
        before = run(stepper)
        state = stepper.state
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05, fused=fused)
        for p in model.parameters():
            p.grad = torch.randn_like(p)
        optimizer.step()
        stepper(X)
        stepper.state = state
        trained = model.stepper()
        trained.state = state
        assert np.array_equal(run(stepper), run(trained))
        model.load_state_dict(build(name, {}).state_dict())
        stepper.reset()
        assert np.array_equal(run(stepper), before)

    def test_that_leave_no_trace_need_a_refresh(self):
        model = build("gru", {})
        stepper = model.stepper()
        before = run(stepper)
        for p in model.parameters():
            p.data = p.data * 1.5
        stepper.reset()
        assert np.array_equal(run(stepper), before)
        stepper.reset()
        stepper.refresh()
        assert not np.array_equal(run(stepper), before)

    def test_of_another_type_need_another_stepper(self):
        model = build("gru", {})
        stepper = model.stepper()
        model.double()
        with pytest.raises(UsageError, match="the weights of this stepper are no longer float32 on the CPU"):
            stepper.refresh()
        assert stepper(X).dtype == np.float32

    def test_of_inference_mode(self):
        with torch.inference_mode():
            model = build("gru", {})
            y = run(model.stepper())
        assert np.array_equal(run(model.stepper()), y)


class TestThreads:
    def test_steppers_of_one_model_do_not_disturb_each_other(self):
        model = build("ncp", {"hidden": 40})
        expected = run(model.stepper(), 300)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: run(model.stepper(), 300), range(8)))
        assert all(np.array_equal(y, expected) for y in found)

    def test_calls_of_one_stepper_wait_for_each_other(self):
        """Whatever the order of the calls, each is a whole step: with equal inputs the order does not matter."""
        stepper, alone = (build("cfc", {"hidden": 40}).stepper() for _ in range(2))
        found, together = [], threading.Barrier(4)

        def work():
            together.wait()
            found.extend(tuple(stepper(X, 0.3)) for _ in range(200))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == sorted(tuple(alone(X, 0.3)) for _ in range(800))


@pytest.mark.parametrize("name", ["lstm", "gru", "cfc", "ltc", "ncp", "liquid_ncp"])
def test_a_step_into_out_allocates_nothing_that_stays(name):
    """Nor more for a while than what a call in Python needs: no array of the model's size."""
    stepper = build(name, {"hidden": 256}).stepper()
    x, out = np.ones(INPUTS, np.float32), np.zeros(OUTPUTS, np.float32)
    tracemalloc.start()
    try:
        for _ in range(500):  # Python's own lists of free objects settle
            stepper(x, 0.1, out)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(1000):
            stepper(x, 0.1, out)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 8000  # of 1,000 calls; others in this process may keep something once
    assert peak - max(before, after) < 1024


PROGRAM = """
import sys
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
from model_variants import build
from lnncmp.kernels.common.watch import compilations
stepper = build("ncp", {"hidden": 40}).stepper()
y = np.concatenate([stepper(np.full(3, 0.1 * t), 0.5) for t in range(50)])
assert compilations() == 0
print(y.tobytes().hex())
"""


def test_another_process_finds_the_kernel_and_gets_the_same_bits():
    stepper = build("ncp", {"hidden": 40}).stepper()
    y = np.concatenate([stepper(np.full(3, 0.1 * t), 0.5) for t in range(50)])
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == y.tobytes().hex(), done.stderr


def test_the_example_of_the_page_runs(monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, object] = {}
    exec(compile(example, str(PAGE), "exec"), found)
    assert found["angles"].shape == (200,) and np.isfinite(found["angles"]).all()
