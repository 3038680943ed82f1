"""LTC: equation in numpy, order of the solvers, bounds, dt = 0, dense equals gathered, counts."""

import dataclasses

import numpy as np
import pytest
import torch

from lnncmp.layers import wiring
from lnncmp.layers.ltc import MIN_CAPACITANCE, LTCLayer
from lnncmp.layers.solvers import SolverOptions
from lnncmp.models.base import load_model

INPUTS, NEURONS = 3, 6


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def layer_of(constraint="softplus", layout="auto", **options):
    source = wiring.fully_connected(NEURONS, INPUTS, 2, 3)
    return LTCLayer(source, SolverOptions(**options), constraint, layout).double()


def with_solver(layer, **options):
    layer.options = dataclasses.replace(layer.options, **options)
    return layer


def one_step(layer, x, dt, v0):
    return layer.sequence(x[:, None], dt[:, None], None, (v0,))[1][0]


def draw(batch=5, scale=1.0):
    return scale * torch.randn(batch, INPUTS, dtype=torch.float64), torch.randn(batch, NEURONS, dtype=torch.float64)


def test_one_step_equals_the_published_quotient_in_numpy():
    layer = layer_of("clip", unfolds=4, epsilon=0.0)
    with torch.no_grad():
        layer.input_w.normal_()
        layer.input_b.normal_()
    x, v0 = draw()
    dt = torch.rand(5, dtype=torch.float64) + 0.1
    p = {k: t.detach().numpy() for k, t in layer.named_parameters()}
    inputs, v = x.numpy() * p["input_w"] + p["input_b"], v0.numpy().copy()
    for b in range(5):
        cm_t = p["cm"] / (dt[b].item() / 4)
        for _ in range(4):
            new = np.empty(NEURONS)
            for i in range(NEURONS):
                num, den = cm_t[i] * v[b, i] + p["gleak"][i] * p["vleak"][i], cm_t[i] + p["gleak"][i]
                for group, source in (("recurrent", v[b]), ("sensory", inputs[b])):
                    w, sigma, mu, erev = (p[f"{group}.{k}"][:, i] for k in ("w", "sigma", "mu", "erev"))
                    conductance = w / (1 + np.exp(-sigma * (source - mu)))
                    num, den = num + (conductance * erev).sum(), den + conductance.sum()
                new[i] = num / den
            v[b] = new
    np.testing.assert_allclose(one_step(layer, x, dt, v0).detach().numpy(), v, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("solver", "low", "high", "unfolds"),
    [
        ("semi_implicit", 0.9, 1.1, (256, 512, 1024, 2048)),
        ("explicit_euler", 0.9, 1.1, (256, 512, 1024, 2048)),
        ("rk4", 3.6, 4.4, (32, 64, 128, 256)),
    ],
)
def test_order_of_convergence_to_dopri5(solver, low, high, unfolds):
    layer = layer_of()
    x, v0 = draw()
    dt = torch.tensor([0.2, 0.5, 0.8, 1.0, 1.3], dtype=torch.float64)
    exact = one_step(with_solver(layer, solver="dopri5", rtol=1e-12, atol=1e-13), x, dt, v0)
    errors = [
        (one_step(with_solver(layer, solver=solver, unfolds=u), x, dt, v0) - exact).abs().max().item() for u in unfolds
    ]
    slope = -np.polyfit(np.log(unfolds), np.log(errors), 1)[0]
    assert low < slope < high
    assert errors[-1] < errors[0] / 4


def test_dopri5_gives_every_sample_its_own_time():
    layer = layer_of(solver="dopri5", rtol=1e-10, atol=1e-11)
    x, v0 = draw(1)
    dt = torch.tensor([0.0, 0.3, 2.0, 1e-3], dtype=torch.float64)
    together = one_step(layer, x.expand(4, -1), dt, v0.expand(4, -1))
    alone = torch.cat([one_step(layer, x, dt[b : b + 1], v0) for b in range(4)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-8)
    assert torch.equal(together[0], v0[0])


def hull(layer, v0):
    """Return the least and greatest of v0, leak and reversal potentials of each neuron, (B, H) each."""
    fixed = torch.cat([layer.vleak[None], layer.recurrent.erev, layer.sensory.erev]).detach()
    return torch.minimum(v0, fixed.amin(0)), torch.maximum(v0, fixed.amax(0))


@pytest.mark.parametrize("scale", [1.0, 1e6])
@pytest.mark.parametrize("unfolds", [1, 6])
@pytest.mark.parametrize("constraint", ["softplus", "clip"])
def test_semi_implicit_state_stays_in_the_hull_for_any_time_and_input(constraint, unfolds, scale):
    layer = layer_of(constraint, unfolds=unfolds)
    with torch.no_grad():
        layer.recurrent.w.mul_(30)
        layer.recurrent.erev.normal_()
    dt = torch.tensor([0.0, 1e-9, 1e-3, 1.0, 50.0, 1e3, 1e6], dtype=torch.float64)
    for _ in range(20):
        x, v0 = draw(7, scale)
        low, high = hull(layer, v0)
        v = one_step(layer, x, dt, v0)
        assert (v >= low - 1e-12).all()
        assert (v <= high + 1e-12).all()


def test_explicit_euler_leaves_the_hull_where_semi_implicit_does_not():
    layer = layer_of(solver="explicit_euler")
    x, v0 = draw()
    dt = torch.full((5,), 20.0, dtype=torch.float64)
    _, high = hull(layer, v0)
    assert (one_step(layer, x, dt, v0).abs() > 10 * high).any()
    stable = one_step(with_solver(layer, solver="semi_implicit"), x, dt, v0)
    assert (stable <= high + 1e-12).all()


@pytest.mark.parametrize("solver", ["semi_implicit", "explicit_euler", "rk4", "dopri5"])
@pytest.mark.parametrize("constraint", ["softplus", "clip"])
def test_zero_time_leaves_the_state_and_has_finite_gradients(solver, constraint):
    layer = layer_of(constraint, solver=solver)
    x, v0 = draw()
    dt = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    x.requires_grad_()
    v = one_step(layer, x, dt, v0)
    assert torch.equal(v, v0)
    v.square().sum().backward()
    assert x.grad.isfinite().all()
    assert dt.grad.isfinite().all()
    assert dt.grad.any()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_zero_capacitance_and_conductance_give_no_nan():
    layer = layer_of("clip")
    with torch.no_grad():
        for p in (layer.cm, layer.gleak, layer.recurrent.w, layer.sensory.w):
            p.zero_()
    x, v0 = draw()
    assert torch.equal(one_step(layer, x, torch.zeros(5, dtype=torch.float64), v0), v0)
    assert one_step(layer, x, torch.ones(5, dtype=torch.float64), v0).isfinite().all()


def test_gradients_stay_finite_over_long_and_uneven_times():
    layer = layer_of().float()
    dt = torch.logspace(-6, 6, 50).expand(3, 50)
    x = 100 * torch.randn(3, 50, INPUTS)
    layer.outputs(x, dt, None).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_clip_constrains_and_softplus_leaves_the_raw_parameters():
    clip, soft = layer_of("clip"), layer_of("softplus")
    for layer in (clip, soft):
        with torch.no_grad():
            for p in layer.parameters():
                p.sub_(10.0)
        layer.constrain()
    for p in (clip.recurrent.w, clip.sensory.w, clip.gleak):
        assert (p == 0).all()
    assert torch.allclose(clip.cm, torch.full_like(clip.cm, MIN_CAPACITANCE))
    assert (clip.vleak < -5).all()
    assert (clip.recurrent.erev < -5).all()
    assert (soft.recurrent.w < 0).all()


@pytest.mark.parametrize(
    "make", [lambda s: wiring.auto_ncp(20, INPUTS, 3, 0.6, s), lambda s: wiring.random(9, INPUTS, 2, 0.7, s)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gathered_synapses_equal_dense_ones(make, seed):
    dense = LTCLayer(make(seed), SolverOptions(), layout="dense").double()
    gathered = LTCLayer(make(seed), SolverOptions(), layout="gathered").double()
    gathered.load_state_dict(dense.state_dict())
    assert gathered.recurrent.gathered
    assert not dense.recurrent.gathered
    x, dt = torch.randn(4, 5, INPUTS, dtype=torch.float64), torch.rand(4, 5, dtype=torch.float64)
    outputs = [layer.outputs(x, dt, None) for layer in (dense, gathered)]
    for out in outputs:
        out.square().sum().backward()
    assert torch.allclose(*outputs, rtol=0, atol=1e-13)
    for (name, p), q in zip(dense.named_parameters(), gathered.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, rtol=1e-10, atol=1e-13), name


def test_wiring_without_synapses_is_allowed():
    empty = wiring.Wiring(np.zeros((4, 4), np.int8), np.zeros((2, 4), np.int8), ((0, 1, 2, 3),), {})
    for layout in ("auto", "gathered"):
        layer = LTCLayer(empty, SolverOptions(), layout=layout)
        x, dt = torch.randn(3, 5, 2), torch.ones(3, 5)
        assert torch.equal(layer.outputs(x, dt, None), layer.outputs(x + 1, dt, None))


def test_same_weights_and_seed_give_bitwise_the_same_gradients():
    grads = []
    for _ in range(2):
        torch.manual_seed(4)
        layer = LTCLayer(wiring.auto_ncp(20, INPUTS, 3, 0.5, 1), SolverOptions())
        layer.outputs(torch.randn(8, 5, INPUTS), torch.rand(8, 5), None).square().sum().backward()
        grads.append([p.grad for p in layer.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize(("inputs", "hidden"), [(17, 64), (3, 5), (1, 32)])
def test_parameter_counts(inputs, hidden):
    spec = load_model("ltc")
    motor = spec.build(spec.arguments(hidden=hidden, readout="motor"), inputs, min(17, hidden), 0)
    layer = sum(p.numel() for p in motor.layer.parameters())
    assert layer == 3 * hidden + 4 * hidden**2 + 4 * inputs * hidden + 2 * inputs
    total = sum(p.numel() for p in motor.parameters())
    assert total == layer + 2 * min(17, hidden)
    assert (inputs, hidden) != (17, 64) or total == 20_996


def test_initial_ranges_are_those_of_ncps():
    layer = LTCLayer(wiring.fully_connected(40, 20, 3, 0), SolverOptions())
    ranges = {"w": (0.001, 1.0), "sigma": (3.0, 8.0), "mu": (0.3, 0.8)}
    values = {f"{g}.{k}": r for g in ("recurrent", "sensory") for k, r in ranges.items()}
    for name, (low, high) in {**values, "gleak": (0.001, 1.0), "vleak": (-0.2, 0.2), "cm": (0.4, 0.6)}.items():
        p = layer.get_parameter(name).detach()
        assert low <= p.min() < low + 0.2 * (high - low)
        assert high - 0.2 * (high - low) < p.max() <= high
    assert set(layer.recurrent.erev.unique().tolist()) == {-1.0, 1.0}
    assert 0.55 < (layer.recurrent.erev > 0).double().mean() < 0.78
