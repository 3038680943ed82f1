"""GRU-ODE, ODE-RNN and ODE-LSTM: their equations, bounds, sizes; and the solvers that they share."""

import math

import pytest
import torch
from model_variants import build, sample

from lnncmp.layers.gru_ode import GRUODELayer
from lnncmp.layers.lstm_gru import GRULayer, LSTMLayer
from lnncmp.layers.ode import SolverChoice, integrate
from lnncmp.layers.ode_lstm import LSTMDrivenCTRNN, ODELSTMLayer
from lnncmp.layers.ode_rnn import ODERNNLayer

ORDERS = {"euler": 1, "heun": 2, "rk4": 4}
FIXED = [
    ("gru_ode", {}),
    ("gru_ode", {"form": "minimal"}),
    ("ode_rnn", {}),
    ("ode_lstm", {"solver": "heun"}),
    ("ode_lstm", {"variant": "tf", "solver": "rk4"}),
    ("ode_lstm", {"variant": "tf"}),
]
each_fixed = pytest.mark.parametrize(("name", "variant"), FIXED, ids=[f"{n}-{v}" for n, v in FIXED])


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


class TestSolvers:
    @pytest.mark.parametrize("solver", ORDERS)
    def test_have_their_order(self, solver):
        h, dt = torch.tensor([[1.0], [0.5]], dtype=torch.float64), torch.tensor([[1.0], [2.0]], dtype=torch.float64)
        exact = h / (1 + h * dt)  # of dh/dt = -h^2
        errors = [(integrate(h, lambda h: -h * h, dt, SolverChoice(solver, steps)) - exact).abs() for steps in (32, 64)]
        assert torch.allclose(errors[0] / errors[1], torch.tensor(2.0 ** ORDERS[solver]).double(), rtol=0.1)

    def test_adaptive_solver_is_as_accurate_as_asked_and_exact_at_once(self):
        h = torch.rand(5, 3, dtype=torch.float64)
        dt = torch.tensor([0.0, 1e-3, 0.5, 2.0, 30.0], dtype=torch.float64)[:, None]
        found = integrate(h, lambda h: -h, dt, SolverChoice("dopri5", rtol=1e-9, atol=1e-11))
        assert torch.allclose(found, h * torch.exp(-dt), rtol=0, atol=1e-8)
        assert torch.equal(found[0], h[0])

    def test_steps_are_no_longer_than_the_longest(self):
        h, dt = torch.ones(2, 1), torch.tensor([[2.0], [1e30]])
        found = integrate(h, lambda h: -h, dt, SolverChoice("euler", 4), longest=0.5)
        assert torch.allclose(found, torch.full((2, 1), 0.5**4))


@pytest.mark.parametrize("form", ["full", "minimal"])
def test_gru_ode_is_its_equation(form):
    layer = GRUODELayer(3, 5, form, SolverChoice("euler", 2)).double()
    x, h = torch.randn(4, 3).double(), torch.rand(4, 5).double()
    dt = torch.tensor([0.0, 0.3, 1.0, 1.7]).double()
    w, b = layer.input_map.weight.split(5), layer.input_map.bias.split(5)
    u = (*layer.gate_map.weight.split(5), layer.candidate_map.weight)
    expected = h
    for _ in range(2):
        z = torch.sigmoid(x @ w[-2].t() + expected @ u[-2].t() + b[-2])
        r = z if form == "minimal" else torch.sigmoid(x @ w[0].t() + expected @ u[0].t() + b[0])
        candidate = torch.tanh(x @ w[-1].t() + (r * expected) @ u[-1].t() + b[-1])
        expected = expected + dt[:, None] / 2 * (1 - z) * (candidate - expected)
    found, _ = layer.sequence(x[:, None], dt[:, None], None, (h,))
    assert torch.allclose(found[:, 0], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("form", ["full", "minimal"])
@pytest.mark.parametrize("gap", [0.5, 4.0, 17.0, 1e5])
def test_gru_ode_stays_within_one(form, gap):
    layer = GRUODELayer(3, 20, form, SolverChoice("euler", 4))
    with torch.no_grad():
        for p in layer.parameters():
            p.mul_(8.0)
    x, dt = 5.0 * torch.randn(40, 30, 3), gap * (0.5 + torch.rand(40, 30))
    start = 2.0 * torch.rand(40, 20) - 1.0
    hidden, _ = layer.sequence(x, dt, None, (start,))
    assert 0.99 < hidden.abs().max() <= 1.0 + 1e-6
    uncut = integrate(-torch.ones(1), lambda h: 1.0 - h, torch.tensor([12.0]), SolverChoice("euler", 4))
    assert uncut.abs() > 2.0  # what the cut is for


def test_gru_ode_stays_within_one_where_the_solver_is_adaptive():
    layer = GRUODELayer(3, 20, "full", SolverChoice("dopri5", rtol=1e-6, atol=1e-7))
    x, dt = 5.0 * torch.randn(8, 5, 3), 20.0 * torch.rand(8, 5)
    hidden, _ = layer.sequence(x, dt, None, (2.0 * torch.rand(8, 20) - 1.0,))
    assert hidden.abs().max() <= 1.0 + 1e-4


@pytest.mark.parametrize(
    ("name", "variant", "solver"),
    [
        ("gru_ode", {}, "euler"),
        ("ode_rnn", {}, "rk4"),
        ("ode_lstm", {}, "heun"),
        ("ode_lstm", {"variant": "tf"}, "rk4"),
    ],
)
def test_many_steps_approach_the_adaptive_solution(name, variant, solver):
    x, dt = sample(torch.float64, steps=3)
    many, exact = (
        build(name, {**variant, **more}, dtype=torch.float64)(x, 3.0 * dt)
        for more in ({"solver": solver, "unfolds": 500}, {"solver": "dopri5", "rtol": 1e-8, "atol": 1e-10})
    )
    assert (many - exact).abs().max() < (1e-3 if solver == "euler" else 1e-6)


@pytest.mark.parametrize("start", [{"init": "benchmark"}, {"init": "authors"}])
def test_gru_ode_starts_as_published(start):
    layer = GRUODELayer(30, 20, "full", SolverChoice(), **start)
    bias = layer.input_map.bias.split(20)
    if start["init"] == "authors":
        assert all((part == torch.tensor(0.05)).all() for part in bias)
        assert 0.9 < layer.input_map.weight.abs().max() / math.sqrt(6 / (30 + 60)) <= 1
        assert 0.9 < layer.candidate_map.weight.abs().max() / math.sqrt(6 / 40) <= 1
    else:
        assert (bias[0] == 1).all() and not bias[1].any() and not bias[2].any()
        for part in (layer.input_map, layer.gate_map, layer.candidate_map):
            assert 0.9 < part.weight.abs().max() / math.sqrt(6 / (30 + 40)) <= 1


@pytest.mark.parametrize("solver", ["euler", "heun", "rk4", "dopri5"])
def test_without_elapsed_time_they_are_the_gated_network_inside(solver):
    x, dt = torch.randn(4, 6, 3), torch.zeros(4, 6)
    choice = SolverChoice(solver, 2)
    for layer, gated in ((ODERNNLayer(3, 5, 7, choice), GRULayer), (ODELSTMLayer(3, 5, choice), LSTMLayer)):
        inside = gated(3, 5, "loop")
        inside.load_state_dict(layer.cell.state_dict())
        assert torch.allclose(layer.outputs(x, dt, None), inside.outputs(x, dt, None), atol=1e-6)
        assert not torch.allclose(layer.outputs(x, dt + 0.5, None), inside.outputs(x, dt, None), atol=1e-2)


def test_ode_rnn_moves_before_and_ode_lstm_after_the_observation():
    choice = SolverChoice("euler", 1)
    x, h, c, dt = torch.randn(4, 3), torch.randn(4, 5), torch.randn(4, 5), torch.rand(4, 1)
    layer = ODERNNLayer(3, 5, 7, choice)
    expected = torch.gru_cell(x, h + dt * layer.field(h), *layer.cell.weights())
    assert torch.allclose(layer.sequence(x[:, None], dt, None, (h,))[0][:, 0], expected, atol=1e-6)
    layer = ODELSTMLayer(3, 5, choice)
    u, new_c = torch.lstm_cell(x, (h, c), *layer.cell.weights())
    hidden, (last, cell) = layer.sequence(x[:, None], dt, None, (h, c))
    assert torch.allclose(hidden[:, 0], u + dt * layer.field(u), atol=1e-6)
    assert torch.equal(last, hidden[:, 0]) and torch.allclose(cell, new_c, atol=1e-6)


def test_the_ode_lstm_of_tensorflow_is_its_equation():
    layer = LSTMDrivenCTRNN(3, 5, SolverChoice("euler", 4)).double()
    x, h, c = (torch.randn(4, size).double() for size in (3, 5, 5))
    dt = torch.rand(4, 1).double()
    memory = layer.memory
    arguments = x @ memory.input_map.weight.t() + h @ memory.recurrent_map.weight.t() + memory.input_map.bias
    i, ig, fg, og = arguments.split(5, 1)
    new_c = c * torch.sigmoid(fg + 3.0) + torch.tanh(i) * torch.sigmoid(ig)
    u, expected = torch.tanh(new_c) * torch.sigmoid(og), h
    for _ in range(4):
        drawn = torch.tanh(layer.driven_map(u) + expected @ layer.recurrent_map.weight.t())
        expected = expected + dt / 4 * (layer.scale * drawn - expected)
    hidden, (_, cell) = layer.sequence(x[:, None], dt, None, (h, c))
    assert torch.allclose(hidden[:, 0], expected, rtol=0, atol=1e-14)
    assert torch.allclose(cell, new_c, rtol=0, atol=1e-14)
    assert not memory.input_map.bias.any() and (layer.scale == 1).all()


@each_fixed
def test_extreme_inputs_and_elapsed_times_stay_finite(name, variant):
    model = build(name, variant)
    x, dt = sample(steps=12)
    x[0] *= 1e30
    dt[1], dt[2, ::2], dt[3] = 1e4, 0.0, 1e-6
    y, state = model.sequence(x, dt, None, None)
    assert y.isfinite().all() and all(own.isfinite().all() for own in state)


@pytest.mark.parametrize(
    ("name", "variant", "expected"),
    [
        ("gru_ode", {}, lambda i, h: 3 * (h * i + h) + 3 * h**2),
        ("gru_ode", {"form": "minimal"}, lambda i, h: 2 * (h * i + h) + 2 * h**2),
        ("ode_rnn", {}, lambda i, h: 3 * h * (i + h) + 6 * h + 2 * (h**2 + h)),
        ("ode_rnn", {"units": 7}, lambda i, h: 3 * h * (i + h) + 6 * h + (7 * h + 7) + (7 * h + h)),
        ("ode_lstm", {}, lambda i, h: 4 * h * (i + h) + 8 * h + 2 * (h**2 + h)),
        ("ode_lstm", {"variant": "tf"}, lambda i, h: 4 * h * (i + h) + 4 * h + 2 * h**2 + 2 * h),
    ],
)
def test_parameter_counts(name, variant, expected):
    model = build(name, {**variant, "hidden": 11})
    assert sum(p.numel() for p in model.layer.parameters()) == expected(3, 11)


def test_they_have_no_kernel_and_say_their_steps():
    assert build("gru_ode", {}).implementation == "loop" and not build("gru_ode", {}).stackable
    steps = {(n, str(v)): build(n, v).structure() for n, v in FIXED}
    assert [s["unfolds"] for s in steps.values()] == [4, 4, 1, 3, 4, 4]
    assert build("gru_ode", {"solver": "dopri5"}).structure() == {}
