"""A stepper's compiled step equals plain PyTorch, whatever the model, and keeps its state as said."""

import copy

import numpy as np
import pytest
import torch
from model_variants import CASES, INPUTS, OUTPUTS, build, sample
from torch import nn

from lnncmp.layers.lstm_gru import GRULayer
from lnncmp.layers.readout import MotorReadout
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.stepper import make_stepper
from lnncmp.training.build import build_named

MANY, STEPS = 1000, 120
MORE = [
    ("cfc", {"backbone_layers": 3, "backbone_activation": "gelu", "backbone_units": 5}),
    ("cfc", {"mode": "pure", "backbone_layers": 0, "mixed_memory": True}),
    ("cfc", {"backbone_activation": "relu", "head_activation": "lecun_tanh", "hidden": 40}),
    ("ltc", {"hidden": 33, "unfolds": 2}),
    ("ncp", {"hidden": 40, "readout": "linear"}),
    ("ncp", {"wiring": "random", "sparsity": 0.95}),
    ("liquid_ncp", {"hidden": 40, "unfolds": 1}),
]
ONE_UNIT = [("cfc", {"backbone_layers": 0}), ("ltc", {}), ("lstm", {}), ("gru", {}), ("cfc", {"mixed_memory": True})]
STEPPED = ("cfc", "gru", "liquid_ncp", "lstm", "ltc", "ncp")
"""The models whose layers write their step as a program."""
OWN = [case for case in CASES if case[0] in STEPPED]
PLAIN = [(name, more) for name, more in OWN if more.get("implementation") == "loop" or "solver" in more]
COMPILED = [case for case in OWN if case not in PLAIN] + MORE + [(name, {**v, "hidden": 1}) for name, v in ONE_UNIT]
SEVERAL = [("lstm", {}), ("gru", {}), ("cfc", {}), ("cfc", {"mixed_memory": True}), ("ltc", {}), ("ncp", {}),
           ("ncp", {"cell": "cfc"}), ("liquid_ncp", {})]  # fmt: skip


def cases(which):
    return pytest.mark.parametrize(("name", "variant"), which, ids=[f"{name}-{variant}" for name, variant in which])


precision = pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 2e-5), (torch.float64, 1e-12)], ids=["float32", "float64"]
)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def made(name, variant, dtype=torch.float32):
    """Return a model whose parameters are all away from their initial zeros and ones, and its plain twin."""
    model = build(name, variant, dtype=dtype)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(3), dtype=dtype))
    model.eval()
    return model, use_plain(copy.deepcopy(model))


def stream(stepper, x, dt):
    return torch.stack([stepper(x_t, float(dt_t)) for x_t, dt_t in zip(x, dt, strict=True)])


def irregular(dtype, steps):
    """Return x (T, I) and dt (T,): some intervals are 0, tiny or very long."""
    source = torch.Generator().manual_seed(1)
    x = torch.randn(steps, INPUTS, generator=source, dtype=dtype)
    dt = 2.0 * torch.rand(steps, generator=source, dtype=dtype)
    dt[::7], dt[3::50], dt[9::50] = 0.0, 1e-6, 1e4
    return x, dt


class TestEqualsThePlainStep:
    @precision
    @cases(COMPILED)
    def test_of_each_model(self, name, variant, dtype, limit, steps=STEPS):
        model, twin = made(name, variant, dtype)
        x, dt = irregular(dtype, steps)
        stepper = model.stepper()
        assert stepper.implementation == "compiled"
        with torch.no_grad():
            expected, final = twin.sequence(x[None], dt[None], None, None)
        torch.testing.assert_close(stream(stepper, x, dt), expected[0], atol=limit, rtol=limit)
        for mine, theirs in zip(stepper.state, final, strict=True):
            torch.testing.assert_close(mine, theirs, atol=limit, rtol=limit)

    @precision
    @cases(SEVERAL)
    def test_over_many_steps(self, name, variant, dtype, limit):
        self.test_of_each_model(name, variant, dtype, limit, MANY)

    @precision
    @cases(SEVERAL)
    def test_for_extreme_inputs(self, name, variant, dtype, limit):
        model, twin = made(name, variant, dtype)
        x, dt = irregular(dtype, 60)
        x *= torch.tensor([1e4, -1e12, 1e20, 1e-30], dtype=dtype).repeat(15)[:, None]
        with torch.no_grad():
            expected = twin(x[None], dt[None])[0]
        assert expected.isfinite().all()
        torch.testing.assert_close(stream(model.stepper(), x, dt), expected, atol=limit, rtol=limit)

    @cases(PLAIN)
    def test_without_a_compiled_step_it_is_the_plain_one(self, name, variant):
        model, twin = made(name, variant)
        (x,), (dt,) = sample(batch=1, steps=10)
        stepper = model.train().stepper()
        assert stepper.implementation == "plain"
        state, expected = twin.initial_state(1), []
        with torch.no_grad():
            for x_t, dt_t in zip(x, dt, strict=True):
                y, state = twin.step(x_t[None], dt_t[None], state)
                expected.append(y[0])
        torch.testing.assert_close(stream(stepper, x, dt), torch.stack(expected), atol=1e-6, rtol=1e-6)
        assert model.training

    @cases(SEVERAL)
    def test_for_a_batch_each_with_its_own_time(self, name, variant):
        model, twin = made(name, variant)
        x, dt = sample(batch=5, steps=40)
        stepper = model.stepper(batch=5)
        y = torch.stack([stepper(x[:, t], dt[:, t]) for t in range(40)], 1)
        with torch.no_grad():
            torch.testing.assert_close(y, twin(x, dt), atol=1e-5, rtol=1e-5)

    def test_dropout_does_not_act(self):
        model, twin = made("cfc", {"backbone_dropout": 0.5})
        x, dt = irregular(torch.float32, 20)
        with torch.no_grad():
            expected = twin(x[None], dt[None])[0]
        torch.testing.assert_close(stream(model.train().stepper(), x, dt), expected, atol=1e-5, rtol=1e-5)

    def test_with_the_time_as_an_input(self):
        model = build_named("lstm", "lstm", {"hidden": 9}, (INPUTS, OUTPUTS), True, (1, 1))
        x, dt = sample(batch=2, steps=30)
        stepper = model.stepper(batch=2)
        assert stepper.inputs == INPUTS and stepper.implementation == "compiled"
        y = torch.stack([stepper(x[:, t], dt[:, t]) for t in range(30)], 1)
        with torch.no_grad():
            torch.testing.assert_close(y, use_plain(copy.deepcopy(model))(x, dt), atol=1e-6, rtol=1e-5)
        twin = use_plain(model).stepper(batch=2)
        assert twin.implementation == "plain"
        torch.testing.assert_close(twin(x[:, 0], dt[:, 0]), y[:, 0], atol=1e-6, rtol=1e-5)

    @pytest.mark.parametrize("name", ["ltc", "ncp", "liquid_ncp"])
    def test_no_time_changes_nothing(self, name):
        stepper = made(name, {})[0].stepper()
        stepper(np.ones(INPUTS), 0.7)
        before = stepper.state
        stepper(np.full(INPUTS, -2.0), 0.0)
        assert all(torch.equal(a, b) for a, b in zip(stepper.state, before, strict=True))

    @cases(SEVERAL)
    def test_after_nan_reset_begins_anew(self, name, variant):
        stepper = made(name, variant)[0].stepper()
        x, dt = irregular(torch.float32, 30)
        clean = stream(stepper, x, dt)
        # In a sparse wiring it takes some steps through the layers.
        spoiled = [stepper(np.full(INPUTS, np.nan), 1.0) for _ in range(3)]
        assert np.isnan(spoiled[-1]).all()
        stepper.reset()
        assert torch.equal(stream(stepper, x, dt), clean)


class TestReadouts:
    @pytest.mark.parametrize(
        ("readout", "outputs"),
        [
            (None, 8),
            (nn.Identity(), 8),
            (nn.Linear(8, 3, bias=False), 3),
            (MotorReadout(2), 2),
            (nn.Sequential(MotorReadout(5), nn.Linear(5, 4)), 4),
        ],
    )
    def test_of_a_layer(self, readout, outputs):
        layer = GRULayer(INPUTS, 8)
        stepper = make_stepper(layer, readout)
        assert (stepper.implementation, stepper.outputs) == ("compiled", outputs)
        x, dt = irregular(torch.float32, 10)
        with torch.no_grad():
            hidden = use_plain(copy.deepcopy(layer)).outputs(x[None], dt[None], None)[0]
            expected = hidden if readout is None else readout(hidden)
        torch.testing.assert_close(stream(stepper, x, dt), expected, atol=1e-6, rtol=1e-5)

    def test_another_one_is_computed_by_torch(self):
        layer, readout = GRULayer(INPUTS, 8), nn.Sequential(nn.Linear(8, 3), nn.Softmax(-1))
        stepper = make_stepper(layer, readout)
        assert (stepper.implementation, stepper.outputs) == ("plain", 3)
        assert stepper(np.ones(INPUTS)).sum() == pytest.approx(1.0)

    def test_other_types_of_numbers_are_computed_by_torch(self):
        layer = GRULayer(INPUTS, 8)
        expected = make_stepper(layer)(torch.ones(INPUTS))
        stepper = make_stepper(layer.to(torch.bfloat16))
        assert stepper.implementation == "plain"
        torch.testing.assert_close(stepper(torch.ones(INPUTS)), expected, atol=0.02, rtol=0.02)
