"""RNN, CT-RNN, neural ODE and CT-GRU: counts, the papers' equations in numpy, bounds, what does not go together."""

import numpy as np
import pytest
import torch
from torch import nn

from lnncmp.errors import UsageError
from lnncmp.kernels.scales.table import decay_rates
from lnncmp.layers.rnn import RNNLayer
from lnncmp.models.base import load_model

INPUTS, HIDDEN, OUTPUTS, BATCH, STEPS = 3, 5, 2, 4, 7


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def layer_of(name, **arguments):
    spec = load_model(name)
    return spec.build(spec.arguments(**{"hidden": HIDDEN, **arguments}), INPUTS, OUTPUTS, 0).layer.double()


def weights_of(layer):
    return {name: p.detach().numpy() for name, p in layer.named_parameters()}


def observation(batch=BATCH, elapsed=0.7):
    x = torch.randn(batch, 1, INPUTS, dtype=torch.float64)
    return x, torch.full((batch, 1), elapsed, dtype=torch.float64)


def after(layer, x, dt, *state):
    return layer.sequence(x, dt, None, state)[1][0].detach().numpy()


I, H, M = 17, 64, 8
COUNTS = [
    ("rnn", {}, H * (I + H) + 2 * H),
    ("ctrnn", {}, (I + H) * H + H),
    ("ctrnn", {"tau": "learned"}, (I + H) * H + 2 * H),
    ("ctrnn", {"cell": "ode_lstm_paper"}, H * I + H * H + 2 * H),
    ("neural_ode", {}, (I + H) * H + H),
    ("ct_gru", {}, 2 * ((I + H) * H * M + H * M) + (I + H) * H + H),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), COUNTS)
def test_parameter_counts(name, arguments, expected):
    spec = load_model(name)
    model = spec.build(spec.arguments(hidden=H, **arguments), I, 17, 0)
    assert sum(p.numel() for p in model.layer.parameters()) == expected
    assert sum(p.numel() for p in model.readout.parameters()) == (H + 1) * 17


class TestRNN:
    @pytest.mark.parametrize("implementation", ["fused", "torch", "loop"])
    @pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
    def test_equals_torch(self, implementation, dtype, limit):
        reference = nn.RNN(INPUTS, HIDDEN, batch_first=True).to(dtype)
        layer = RNNLayer(INPUTS, HIDDEN, implementation).to(dtype)
        assert {k: p.shape for k, p in layer.named_parameters()} == {
            k: p.shape for k, p in reference.named_parameters()
        }
        layer.load_state_dict(reference.state_dict())
        x = torch.randn(BATCH, STEPS, INPUTS, dtype=dtype)
        dt, start = torch.ones(BATCH, STEPS, dtype=dtype), torch.randn(BATCH, HIDDEN, dtype=dtype)
        one, two = x.clone().requires_grad_(), x.clone().requires_grad_()
        expected, last = reference(one, start[None])
        got, (final,) = layer.sequence(two, dt, None, (start,))
        weight = torch.randn_like(expected)
        (expected * weight).sum().backward()
        (got * weight).sum().backward()
        assert torch.allclose(got, expected, rtol=0, atol=limit)
        assert torch.allclose(final, last[0], rtol=0, atol=limit)
        assert torch.allclose(two.grad, one.grad, rtol=0, atol=10 * limit)
        for name, parameter in reference.named_parameters():
            assert torch.allclose(layer.get_parameter(name).grad, parameter.grad, rtol=0, atol=30 * limit), name

    def test_weights_are_drawn_as_by_torch(self):
        torch.manual_seed(3)
        expected = nn.RNN(INPUTS, HIDDEN).state_dict()
        torch.manual_seed(3)
        got = RNNLayer(INPUTS, HIDDEN).state_dict()
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[key], expected[key]) for key in expected)

    @pytest.mark.parametrize("implementation", ["fused", "torch", "loop"])
    def test_padded_rows_end_at_their_last_real_step(self, implementation):
        layer = RNNLayer(INPUTS, HIDDEN, implementation).double()
        x, start = torch.randn(3, STEPS, INPUTS).double(), torch.randn(3, HIDDEN).double()
        valid = torch.arange(STEPS) < torch.tensor([7, 2, 0])[:, None]
        hidden, (final,) = layer.sequence(x, torch.ones(3, STEPS).double(), valid, (start,))
        assert torch.equal(final[0], hidden[0, 6]) and torch.equal(final[1], hidden[1, 1])
        assert torch.equal(final[2], start[2])

    def test_a_huge_state_is_forgotten_at_once(self):
        layer = RNNLayer(INPUTS, HIDDEN, "loop")
        x = torch.randn(BATCH, 1, INPUTS)
        hidden, _ = layer.sequence(x, torch.ones(BATCH, 1), None, (torch.full((BATCH, HIDDEN), 1e20),))
        assert hidden.abs().max() == 1


def field(weights, x, h):
    return np.tanh(x @ weights["input_weight"].T + h @ weights["recurrent_weight"].T + weights["bias"])


def rk4(slope, h, step):
    k1 = slope(h)
    k2 = slope(h + 0.5 * step * k1)
    k3 = slope(h + 0.5 * step * k2)
    k4 = slope(h + step * k3)
    return h + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


class TestODE:
    @pytest.mark.parametrize(("times", "step"), [("fixed", 0.1), ("elapsed", 0.7 / 6)])
    def test_ctrnn_takes_six_euler_steps(self, times, step):
        layer = layer_of("ctrnn", times=times)
        (x, dt), w = observation(), weights_of(layer)
        start = torch.randn(BATCH, HIDDEN, dtype=torch.float64)
        h = start.numpy()
        for _ in range(6):
            h = h + step * (-h / 1 + field(w, x[:, 0].numpy(), h))
        assert np.allclose(after(layer, x, dt, start), h, rtol=0, atol=1e-14)

    def test_ctrnn_of_the_ode_lstm_paper(self):
        layer = layer_of("ctrnn", cell="ode_lstm_paper", unfolds=3)
        assert torch.equal(layer.scale, torch.ones(HIDDEN).double()) and not layer.bias.any()
        eye = layer.recurrent_weight @ layer.recurrent_weight.t()
        assert torch.allclose(eye, torch.eye(HIDDEN).double(), atol=1e-6)
        with torch.no_grad():
            layer.scale.normal_()
        (x, dt), w = observation(), weights_of(layer)
        h = np.zeros((BATCH, HIDDEN))
        for _ in range(3):
            h = rk4(lambda h: w["scale"] * field(w, x[:, 0].numpy(), h) - 1 * h, h, 0.7 / 3)
        assert np.allclose(after(layer, x, dt, *layer.initial_state(BATCH)), h, rtol=0, atol=1e-14)

    @pytest.mark.parametrize(("times", "step"), [("fixed", 0.1), ("elapsed", 0.7 / 6)])
    def test_neural_ode_takes_six_runge_kutta_steps(self, times, step):
        layer = layer_of("neural_ode", times=times)
        bound = (6 / (INPUTS + 2 * HIDDEN)) ** 0.5
        assert layer.recurrent_weight.abs().max() <= bound and not layer.bias.any()
        (x, dt), w = observation(), weights_of(layer)
        h = np.zeros((BATCH, HIDDEN))
        for _ in range(6):
            h = rk4(lambda h: field(w, x[:, 0].numpy(), h), h, step)
        assert np.allclose(after(layer, x, dt, *layer.initial_state(BATCH)), h, rtol=0, atol=1e-14)

    def test_clip_bounds_every_solver_step(self):
        x, dt = observation()
        free, clipped = (layer_of("neural_ode", clip=clip).double() for clip in (None, 0.3))
        clipped.load_state_dict(free.state_dict())
        start = torch.full((BATCH, HIDDEN), -5.0, dtype=torch.float64)
        assert np.abs(after(free, x, 100 * dt, *free.initial_state(BATCH))).max() > 10
        assert np.abs(after(clipped, x, 100 * dt, start)).max() <= 0.3

    @pytest.mark.parametrize("arguments", [{}, {"tau": "learned"}, {"cell": "ode_lstm_paper"}])
    @pytest.mark.parametrize("implementation", ["fused", "loop"])
    def test_ctrnn_is_bounded_for_any_elapsed_time(self, arguments, implementation):
        layer = layer_of("ctrnn", time_constant=0.5, implementation=implementation, **arguments)
        x = 1e3 * torch.randn(BATCH, 6, INPUTS, dtype=torch.float64)
        dt = torch.tensor([1.0, 1e3, 0.0, 1e10, 1e30, 3.0], dtype=torch.float64).expand(BATCH, 6)
        start = torch.full((BATCH, HIDDEN), 0.5, dtype=torch.float64)
        hidden, _ = layer.sequence(x, dt, None, (start,))
        assert hidden.abs().max() <= 0.5 + 1e-12
        assert torch.equal(hidden[:, 2], hidden[:, 1])
        if layer.raw_rate is not None:
            layer.raw_rate.data.fill_(-1e3)
        assert layer.sequence(x, dt, None, (start,))[0].isfinite().all()

    def test_learned_time_constants_start_where_told(self):
        layer = layer_of("ctrnn", tau="learned", time_constant=0.25)
        assert torch.allclose(nn.functional.softplus(layer.raw_rate), torch.full((HIDDEN,), 4.0).double())

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            ({}, "is 3 time constants of 0.1, and euler is stable up to 2"),
            ({"cell": "ode_lstm_paper"}, "rk4 is stable"),
        ],
    )
    def test_fixed_steps_beyond_the_stable_range_are_refused(self, more, told):
        with pytest.raises(UsageError, match=told):
            layer_of("ctrnn", times="fixed", step=0.3, time_constant=0.1, **more)
        layer_of("ctrnn", step=0.3, time_constant=0.1, **more)

    def test_fixed_steps_within_it_are_taken_as_coded(self):
        layer = layer_of("ctrnn", times="fixed", step=1.9, unfolds=1)
        (x, dt), w = observation(), weights_of(layer)
        start = torch.randn(BATCH, HIDDEN, dtype=torch.float64)
        h = start.numpy()
        expected = h + 1.9 * (field(w, x[:, 0].numpy(), h) - h)
        assert np.allclose(after(layer, x, dt, start), expected, rtol=0, atol=1e-14)


def softmax(values):
    e = np.exp(values - values.max(2, keepdims=True))
    return e / e.sum(2, keepdims=True)


def ct_gru_step(w, x, traces, factors):
    """The CT-GRU of the papers' code in its own layout, traces (B, H, M)."""
    logs = np.log(10 ** (np.arange(traces.shape[2]) / 2))
    h, batch = traces.sum(2), len(x)
    drive, size = x @ w["input_weight"].T + w["bias"], traces.shape[1]
    gates = drive[:, :-size] + h @ w["recurrent_weight"][:-size].T
    both = gates.reshape(batch, 2, len(logs), -1).transpose(1, 0, 3, 2)
    r, s = (softmax(-((own - logs) ** 2)) for own in both)
    q = np.tanh(drive[:, -size:] + (r * traces).sum(2) @ w["recurrent_weight"][-size:].T)
    return ((1 - s) * traces + s * q[..., None]) * factors


class TestCTGRU:
    @pytest.mark.parametrize(
        ("arguments", "factors"),
        [
            ({"times": "elapsed"}, [np.exp(-0.7 / 10 ** (m / 2)) for m in range(8)]),
            ({"times": "fixed"}, [np.exp(-1 / 10 ** (m / 2)) for m in range(8)]),
            ({"times": "fixed", "decay": "as_coded"}, [0, *(np.exp(-2 / (m * np.log(10))) for m in range(1, 8))]),
        ],
    )
    def test_equals_the_papers_code(self, arguments, factors):
        layer = layer_of("ct_gru", **arguments)
        (x, dt), w = observation(), weights_of(layer)
        traces = np.random.default_rng(0).normal(size=(BATCH, HIDDEN, 8))
        state = torch.from_numpy(traces.transpose(0, 2, 1).reshape(BATCH, -1).copy())
        hidden, (final,) = layer.sequence(x, dt, None, (state,))
        expected = ct_gru_step(w, x[:, 0].numpy(), traces, np.array(factors))
        found = final.detach().numpy().reshape(BATCH, 8, HIDDEN).transpose(0, 2, 1)
        assert np.allclose(found, expected, rtol=0, atol=1e-14)
        assert np.allclose(hidden[:, 0].detach().numpy(), expected.sum(2), rtol=0, atol=1e-13)

    def test_the_bug_forgets_the_first_trace(self):
        for as_coded, expected in ((True, [0, 0.42, 0.65]), (False, [0.37, 0.73, 0.90])):
            assert np.allclose(np.exp(-np.array(decay_rates(3, as_coded))), expected, atol=0.005)

    def test_glorot_counts_each_gate_matrix_alone(self):
        layer = layer_of("ct_gru", hidden=16)
        bound = (6 / (INPUTS + 16 + 16 * 8)) ** 0.5
        gates, signal = layer.recurrent_weight[:-16], layer.recurrent_weight[-16:]
        assert 0.95 * bound < gates.abs().max() <= bound < signal.abs().max() and not layer.bias.any()

    def test_the_bug_with_elapsed_times_is_refused(self):
        with pytest.raises(UsageError, match="code without elapsed times"):
            layer_of("ct_gru", decay="as_coded")

    @pytest.mark.parametrize("scale", [1e6, 1e30])
    def test_extreme_inputs_and_times_stay_finite(self, scale):
        layer = layer_of("ct_gru").float()
        x = scale * torch.randn(BATCH, 4, INPUTS)
        dt = torch.tensor([0.0, 1e30, 1.0, 0.0]).expand(BATCH, 4)
        found, _ = layer.sequence(x, dt, None, layer.initial_state(BATCH))
        found.square().sum().backward()
        assert found.isfinite().all()
        assert all(p.grad.isfinite().all() for p in layer.parameters())
