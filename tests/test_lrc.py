"""The LRC against its equations, written down a second time and solved by SciPy; its bounds, wiring and counts."""

import numpy as np
import pytest
import torch
from model_variants import build
from scipy.integrate import solve_ivp

from lnncmp.errors import UsageError
from lnncmp.layers import wiring
from lnncmp.layers.lrc import LRCLayer

INPUTS, HIDDEN = 3, 5
each_elastance = pytest.mark.parametrize("elastance", ["symmetric", "asymmetric", "none"])
each_solver = pytest.mark.parametrize("solver", ["explicit_euler", "hybrid"])
each_constraint = pytest.mark.parametrize("constraint", ["clip", "softplus"])


def make(elastance="symmetric", unfolds=1, solver="explicit_euler", constraint="clip", wired=None, seed=0):
    torch.manual_seed(seed)
    wired = wired or wiring.fully_connected(HIDDEN, INPUTS, 1, 0)
    layer = LRCLayer(wired, elastance, unfolds, solver, constraint).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.1 * torch.randn(p.shape, dtype=torch.float64))
        layer.vleak.mul_(4.0)
    layer.constrain()
    return layer


def logistic(x):
    return 1 / (1 + np.exp(-x))


def numbers(layer):
    """Return the parameters as they act, by name, as arrays."""
    found = {name: p.detach().numpy() for name, p in layer.named_parameters()}
    if layer.constraint == "softplus":
        held = ("gleak", "c", "recurrent.w", "sensory.w")
        found |= {name: np.log1p(np.exp(found[name])) for name in held if name in found}
    return found


def right_side(layer, u):
    """Return E, f, z and vleak as a function of x (H,), synapse by synapse, for inputs u (I,)."""
    p = numbers(layer)

    def terms(x):
        f, z, eps = p["gleak"].copy(), p["gleak"].copy(), p.get("b", np.zeros(HIDDEN)).copy()
        for part, source in (("sensory", p["input_w"] * u + p["input_b"]), ("recurrent", x)):
            for j, value in enumerate(source):
                for i in range(len(x)):
                    opened = logistic(p[f"{part}.sigma"][j, i] * (value - p[f"{part}.mu"][j, i]))
                    f[i] += p[f"{part}.w"][j, i] * opened
                    z[i] += p[f"{part}.h"][j, i] * opened
                    if layer.elastance != "none":
                        eps[i] += p[f"{part}.a"][j, i] * value
        kinds = {
            "none": np.ones(len(x)),
            "asymmetric": logistic(eps),
            "symmetric": logistic(eps + p.get("c", 0)) - logistic(eps - p.get("c", 0)),
        }
        return kinds[layer.elastance], f, z, p["vleak"]

    return terms


def slope(terms, x):
    elastance, f, z, vleak = terms(x)
    return elastance * (-logistic(f) * x + np.tanh(z) * vleak)


def stretch(seed=1, steps=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(steps, INPUTS)), rng.uniform(0.1, 0.9, steps)


def run(layer, u, dt):
    x, times = torch.from_numpy(u)[None], torch.from_numpy(dt)[None]
    return layer.outputs(x, times, None)[0].detach().numpy()


@each_elastance
@each_constraint
def test_the_lrc_unit_is_one_explicit_step(elastance, constraint):
    layer, (u, dt) = make(elastance, constraint=constraint), stretch()
    x, expected = np.zeros(HIDDEN), []
    for t in range(len(u)):
        x = x + dt[t] * slope(right_side(layer, u[t]), x)
        expected.append(x)
    np.testing.assert_allclose(run(layer, u, dt), expected, rtol=0, atol=1e-14)


@each_elastance
def test_the_hybrid_step_is_the_published_quotient(elastance):
    layer, (u, dt) = make(elastance, 2, "hybrid"), stretch()
    x, expected = np.zeros(HIDDEN), []
    for t in range(len(u)):
        for _ in range(2):
            scale, f, z, vleak = right_side(layer, u[t])(x)
            scale = scale * dt[t] / 2
            x = (x + scale * vleak * np.tanh(z)) / (1 + scale * logistic(f))
        expected.append(x)
    np.testing.assert_allclose(run(layer, u, dt), expected, rtol=0, atol=1e-14)


def test_without_elastance_it_is_the_saturated_ltc():
    layer, (u, dt) = make("none", 3), stretch()
    p, s = numbers(layer), logistic
    x, expected = np.zeros(HIDDEN), []
    for t in range(len(u)):
        mapped = p["input_w"] * u[t] + p["input_b"]
        opened = s(p["sensory.sigma"] * (mapped[:, None] - p["sensory.mu"]))
        for _ in range(3):
            inner = s(p["recurrent.sigma"] * (x[:, None] - p["recurrent.mu"]))
            f = p["gleak"] + (p["sensory.w"] * opened).sum(0) + (p["recurrent.w"] * inner).sum(0)
            z = p["gleak"] + (p["sensory.h"] * opened).sum(0) + (p["recurrent.h"] * inner).sum(0)
            x = x + dt[t] / 3 * (-s(f) * x + np.tanh(z) * p["vleak"])
        expected.append(x)
    np.testing.assert_allclose(run(layer, u, dt), expected, rtol=0, atol=1e-14)


@each_elastance
@each_solver
def test_many_unfolds_converge_to_the_differential_equation(elastance, solver):
    u, dt = stretch()
    x = np.zeros(HIDDEN)
    exact = []
    for t in range(len(u)):
        terms = right_side(make(elastance), u[t])
        solved = solve_ivp(lambda _, x, terms=terms: slope(terms, x), (0, dt[t]), x, rtol=1e-10, atol=1e-12)
        x = solved.y[:, -1]
        exact.append(x)
    errors = [np.abs(run(make(elastance, n, solver), u, dt) - exact).max() for n in (20, 40, 80)]
    ratios = np.array(errors[:-1]) / errors[1:]
    assert errors[-1] < 2e-3 and np.all((ratios > 1.9) & (ratios < 2.1)), (errors, ratios)


@each_solver
@each_elastance
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_potentials_are_bounded_for_any_elapsed_time_and_input(solver, elastance, dtype):
    layer = make(elastance, 2, solver).to(dtype)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(8, 60, INPUTS, generator=rng, dtype=dtype) * torch.tensor([1.0, 1e3, 1e12, 1e25] * 2)[:, None, None]
    dt = 10.0 ** torch.empty(8, 60, dtype=dtype).uniform_(-3, 25, generator=rng)
    dt[:, 5] = 0.0
    x.requires_grad_()
    dt.requires_grad_()
    hidden = layer.outputs(x, dt, None)
    assert hidden.isfinite().all() and hidden.abs().max() <= 2.0001 * layer.vleak.abs().max()
    hidden.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in (x, dt, *layer.parameters()))


def test_the_bound_of_a_step_ends_at_rest_and_is_idle_up_to_steps_of_one():
    layer = make("none", constraint="softplus")
    (u, _), before = stretch(steps=1), np.array([3.0, -2.0, 1.0, 0.5, -1.0])
    elastance, f, z, vleak = right_side(layer, u[0])(before)
    state = (torch.from_numpy(before)[None],)

    def after(dt):
        return layer.sequence(torch.from_numpy(u)[None], torch.full((1, 1), dt).double(), None, state)[1][0][0]

    rest = np.tanh(z) * vleak / logistic(f)
    np.testing.assert_allclose(after(1e6).detach(), rest, atol=1e-12)
    np.testing.assert_allclose(after(1.0).detach(), before + slope(lambda x: (elastance, f, z, vleak), before))


class TestWiring:
    def gradient(self, unfolds):
        torch.manual_seed(0)
        layer = LRCLayer(wiring.auto_ncp(12, INPUTS, 2, 0.5, 3), "symmetric", unfolds).double()
        x = torch.randn(4, 3, INPUTS, dtype=torch.float64, requires_grad=True)
        motors = layer.outputs(x, torch.ones(4, 3, dtype=torch.float64), None)[..., :2]
        (found,) = torch.autograd.grad(motors[:, -1].square().sum(), x)
        return found[:, -1]

    def test_inputs_reach_the_motor_neurons_at_the_third_solver_step(self):
        assert not self.gradient(1).any() and not self.gradient(2).any()
        assert self.gradient(3).abs().sum() > 0

    @pytest.mark.parametrize("unfolds", [1, 2])
    def test_fewer_are_refused(self, unfolds):
        with pytest.raises(UsageError, match=f"after 3 solver steps, unfolds is {unfolds}") as refused:
            build("lrc", {"wiring": "auto_ncp", "unfolds": unfolds})
        assert refused.value.hint == "set unfolds to 3 or more, or wiring to fully_connected"

    def test_absent_synapses_have_no_gradient_and_a_wiring_of_its_own_is_kept(self):
        layer = make(wired=wiring.auto_ncp(12, INPUTS, 2, 0.5, 3), unfolds=3)
        u, dt = (torch.from_numpy(part)[None] for part in stretch())
        layer.outputs(u, dt, None).square().sum().backward()
        for part in (layer.sensory, layer.recurrent):
            for p in (part.w, part.h, part.a, part.sigma, part.mu):
                assert not p.grad[~part.mask].any() and p.grad[part.mask].any()
        one, other = (
            build("lrc", {"wiring": "auto_ncp", "unfolds": 3, "wiring_seed": 7}, wiring_seed=k) for k in (0, 1)
        )
        assert torch.equal(one.layer.recurrent.mask, other.layer.recurrent.mask)

    def test_a_motor_readout_needs_neurons(self):
        with pytest.raises(UsageError, match="readout motor needs at least as many neurons as the 2 outputs"):
            build("lrc", {"readout": "motor", "hidden": 1})


@pytest.mark.parametrize("readout", ["linear", "motor"])
@each_elastance
def test_parameter_count(elastance, readout):
    h, i, o = 10, 3, 2
    model = build("lrc", {"elastance": elastance, "readout": readout})
    of_elastance = {"symmetric": (i + h) * h + 2 * h, "asymmetric": (i + h) * h + h, "none": 0}[elastance]
    expected = 4 * h**2 + 4 * i * h + 2 * h + of_elastance + 2 * i + (2 * o if readout == "motor" else (h + 1) * o)
    assert sum(p.numel() for p in model.parameters()) == expected
