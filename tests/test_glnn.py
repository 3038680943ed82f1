"""The GLNN against the LTC whose biophysical sum takes the place of its f, against SciPy, and its bounds."""

import numpy as np
import pytest
import torch
from model_variants import build, sample
from scipy.integrate import solve_ivp
from torch import nn

from lnncmp.layers.glnn import GLNNLayer
from lnncmp.layers.ltc import LTCLayer
from lnncmp.layers.solvers import SolverOptions
from lnncmp.layers.wiring import fully_connected

INPUTS, HIDDEN = 3, 5
SHARP = SolverOptions("dopri5", rtol=1e-9, atol=1e-11)
each_coupling = pytest.mark.parametrize("coupling", ["factor", "argument"])


class BiophysicalSum(nn.Module):
    """The synapses of an LTC, over cm: its conductance as a factor, its current as a function of A - x."""

    def __init__(self, ltc, coupling):
        super().__init__()
        self.ltc, self.coupling = ltc, coupling

    def forward(self, x, u, gap):
        num = den = torch.zeros_like(x)
        ltc = self.ltc
        for synapses, source in ((ltc.sensory, u * ltc.input_w + ltc.input_b), (ltc.recurrent, x)):
            opened = synapses.w * torch.sigmoid(synapses.sigma * (source[:, :, None] - synapses.mu))
            num, den = num + (opened * synapses.erev).sum(1), den + opened.sum(1)
        if self.coupling == "factor":
            return den / ltc.cm
        return (num + ltc.gleak * ltc.vleak - den * (1.0 - gap)) / ltc.cm  # A is 1: x = A - gap


def ltc_and_glnn(coupling):
    """Return an LTC and a GLNN with its f; as a factor all synapses of a neuron have one reversal potential."""
    torch.manual_seed(0)
    ltc = LTCLayer(fully_connected(HIDDEN, INPUTS, 1, 0), SHARP, "clip").double()
    glnn = GLNNLayer(INPUTS, HIDDEN, coupling, SHARP, 1, 4).double()
    with torch.no_grad():
        if coupling == "factor":
            ltc.vleak.zero_()
            glnn.reversal.copy_(torch.tensor([1.0, -1.0, 0.5, -0.3, 2.0]))
            for synapses in (ltc.sensory, ltc.recurrent):
                synapses.erev.copy_(glnn.reversal.expand_as(synapses.erev))
        else:
            glnn.reversal.fill_(1.0)
        glnn.raw_rate.copy_(torch.log(torch.expm1(ltc.gleak / ltc.cm)))
    glnn.conductance = BiophysicalSum(ltc, coupling)
    return ltc, glnn


@each_coupling
def test_with_the_sum_of_an_ltc_it_is_the_ltc(coupling):
    ltc, glnn = ltc_and_glnn(coupling)
    x, dt = sample(torch.float64)
    expected, (last,) = ltc.sequence(x, dt, None, ltc.initial_state(len(x)))
    found, (end,) = glnn.sequence(x, dt, None, glnn.initial_state(len(x)))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(end, last, rtol=0, atol=1e-8)
    assert expected.abs().max() > 0.1


@each_coupling
@pytest.mark.parametrize("options", [SHARP, SolverOptions("rk4", 60)], ids=["dopri5", "rk4"])
def test_solves_its_equation(coupling, options):
    torch.manual_seed(0)
    layer = GLNNLayer(2, 4, coupling, options, 2, 6, "lecun_tanh").double()
    layer.raw_rate.data += torch.linspace(-1, 1, 4).double()
    u, dt = np.random.default_rng(0).normal(size=(5, 2)), np.array([0.3, 2.0, 0.0, 1e-6, 4.0])
    maps = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in layer.conductance.maps]
    tau, reversal = 1 / np.log1p(np.exp(layer.raw_rate.detach().numpy())), layer.reversal.detach().numpy()

    def slope(x, inputs):
        z = np.concatenate([x, inputs] if coupling == "factor" else [x, inputs, reversal - x])
        for w, b in maps[:-1]:
            z = 1.7159 * np.tanh(0.666 * (w @ z + b))
        z = maps[-1][0] @ z + maps[-1][1]
        return -x / tau + (np.log1p(np.exp(z)) * (reversal - x) if coupling == "factor" else z)

    x, expected = np.zeros(4), []
    for inputs, length in zip(u, dt, strict=True):
        if length:
            solved = solve_ivp(lambda _, x, u=inputs: slope(x, u), (0, length), x, rtol=1e-11, atol=1e-13)
            x = solved.y[:, -1]
        expected.append(x)
    found = layer.outputs(torch.from_numpy(u)[None], torch.from_numpy(dt)[None], None)[0]
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=2e-7)


@each_coupling
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_elapsed_time_and_input_leave_it_finite(coupling, dtype):
    torch.manual_seed(0)
    layer = GLNNLayer(INPUTS, HIDDEN, coupling, SolverOptions("dopri5"), 1, 4).to(dtype)
    x = torch.randn(3, 4, INPUTS, dtype=dtype) * torch.tensor([1.0, 1e6, 1e20], dtype=dtype)[:, None, None]
    dt = torch.tensor([0.0, 1e4, 1e-20, 1e30], dtype=dtype).expand(3, 4).clone().requires_grad_()
    hidden = layer.outputs(x, dt, None)
    hidden.sum().backward()
    assert hidden.isfinite().all() and all(p.grad.isfinite().all() for p in (dt, *layer.parameters()))
    if coupling == "factor":
        low, high = layer.reversal.clamp(max=0), layer.reversal.clamp(min=0)
        assert ((hidden >= low - 1e-4) & (hidden <= high + 1e-4)).all()
    longer, _ = layer.sequence(x, 10 * dt, None, layer.initial_state(3))
    torch.testing.assert_close(longer, hidden, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("coupling", "sources"), [("factor", 13), ("argument", 23)])
@pytest.mark.parametrize("depth", [1, 3])
def test_parameter_count(coupling, sources, depth):
    h, w, o = 10, 6, 2
    model = build("glnn", {"coupling": coupling, "depth": depth, "width": w})
    expected = 2 * h + (sources + 1) * w + (depth - 1) * (w + 1) * w + (w + 1) * h + (h + 1) * o
    assert sum(p.numel() for p in model.parameters()) == expected
