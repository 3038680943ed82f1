"""Liquid NCP: equation in numpy, exact solutions, bounds, time, what the wiring lets through, counts."""

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from lnncmp.errors import UsageError
from lnncmp.layers import liquid, wiring
from lnncmp.layers.liquid import GateSynapses, LiquidLayer
from lnncmp.models.base import load_model

INPUTS, NEURONS, OUTPUTS = 3, 12, 2


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def layer_of(unfolds=6, seed=3):
    layer = LiquidLayer(wiring.auto_ncp(NEURONS, INPUTS, OUTPUTS, 0.5, seed), unfolds).double()
    with torch.no_grad():
        for p in (layer.bias, layer.input_w, layer.input_b):
            p.normal_()
    return layer


def lone_neuron(unfolds, rate=0.4, conductance=1.5, reversal=-0.8, bias=0.3):
    """One neuron that reads one input; its gate's argument is bias + x."""
    one = wiring.Wiring(np.zeros((1, 1), np.int8), np.ones((1, 1), np.int8), ((0,),), {})
    layer = LiquidLayer(one, unfolds).double()
    with torch.no_grad():
        layer.raw_rate.fill_(np.log(np.expm1(rate)))
        layer.raw_conductance.fill_(np.log(np.expm1(conductance)))
        layer.reversal.fill_(reversal)
        layer.bias.fill_(bias)
        layer.sensory.weight.fill_(1.0)
    return layer


def one_step(layer, x, dt, v0):
    return layer.sequence(x[:, None], dt[:, None], None, (v0,))[1][0]


def draw(batch=5, scale=1.0):
    return scale * torch.randn(batch, INPUTS, dtype=torch.float64), torch.randn(batch, NEURONS, dtype=torch.float64)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def build(inputs=INPUTS, outputs=OUTPUTS, seed=5, **arguments):
    spec = load_model("liquid_ncp")
    return spec.build(spec.arguments(**{"hidden": NEURONS, **arguments}), inputs, outputs, seed)


def numpy_gate(p, masks, v, inputs, i):
    """Return sigmoid of the gate's argument of neuron i, summed synapse by synapse."""
    total = p["bias"][i]
    for group, source in (("recurrent", v), ("sensory", inputs)):
        for j in range(len(source)):
            if masks[group][j, i]:
                total += p[f"{group}.weight"][j, i] * source[j]
    return 1 / (1 + np.exp(-total))


def test_sequence_equals_the_equation_neuron_by_neuron():
    layer = layer_of(unfolds=4)
    x, dt = torch.randn(3, 5, INPUTS, dtype=torch.float64), 0.1 + 2 * torch.rand(3, 5, dtype=torch.float64)
    v0 = torch.randn(3, NEURONS, dtype=torch.float64)
    p = {k: t.detach().numpy() for k, t in layer.named_parameters()}
    masks = {group: layer.get_submodule(group).mask.numpy() for group in ("recurrent", "sensory")}
    rate, k = np.log1p(np.exp(p["raw_rate"])), np.log1p(np.exp(p["raw_conductance"]))
    expected = np.empty((3, 5, NEURONS))
    for b in range(3):
        v = v0[b].numpy().copy()
        for t in range(5):
            h, inputs = dt[b, t].item() / 4, x[b, t].numpy() * p["input_w"] + p["input_b"]
            for _ in range(4):
                f = [k[i] * numpy_gate(p, masks, v, inputs, i) for i in range(NEURONS)]
                v = np.array(
                    [(v[i] + h * f[i] * p["reversal"][i]) / (1 + h * (rate[i] + f[i])) for i in range(NEURONS)]
                )
            expected[b, t] = v
    got, (final,) = layer.sequence(x, dt, None, (v0,))
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12, atol=1e-13)
    assert torch.equal(final, got[:, -1])


def test_lone_neuron_equals_the_closed_form_of_the_recursion():
    rate, conductance, reversal, x, dt, v0, steps, unfolds = 0.4, 1.5, -0.8, 0.7, 1.3, 0.5, 4, 6
    f = conductance / (1 + np.exp(-(0.3 + x)))
    resting, shrink = f * reversal / (rate + f), 1 / (1 + dt / unfolds * (rate + f))
    layer = lone_neuron(unfolds)
    y, _ = layer.sequence(tensor(x).expand(1, steps, 1), tensor(dt).expand(1, steps), None, (tensor(v0)[:, None],))
    expected = resting + (v0 - resting) * shrink ** (unfolds * np.arange(1, steps + 1))
    np.testing.assert_allclose(y[0, :, 0].detach().numpy(), expected, rtol=0, atol=1e-14)


def test_lone_neuron_approaches_the_exact_solution_to_first_order():
    rate, x, dt, v0 = 0.4, 0.7, 1.3, 0.5
    f = 1.5 / (1 + np.exp(-(0.3 + x)))
    tau_system = (1 / rate) / (1 + (1 / rate) * f)
    resting = f * -0.8 * tau_system
    exact = resting + (v0 - resting) * np.exp(-dt / tau_system)
    unfolds = (64, 128, 256, 512)
    ends = [one_step(lone_neuron(u), tensor(x)[:, None], tensor(dt), tensor(v0)[:, None]).item() for u in unfolds]
    errors = np.abs(np.array(ends) - exact)
    np.testing.assert_allclose(errors[:-1] / errors[1:], 2.0, rtol=0.02)


@pytest.mark.parametrize("unfolds", [1, 6])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_state_stays_between_itself_zero_and_the_reversal_potential_for_any_time_and_input(unfolds, scale):
    layer = layer_of(unfolds)
    reversal = layer.reversal.detach()
    dt = tensor(1e-9, 1e-3, 1.0, 50.0, 1e3, 1e6)
    v = torch.zeros(6, NEURONS, dtype=torch.float64)
    for _ in range(20):
        x, anywhere = draw(6, scale)
        v = one_step(layer, x, dt, v)
        assert (v >= reversal.clamp(max=0.0) - 1e-12).all()
        assert (v <= reversal.clamp(min=0.0) + 1e-12).all()
        moved = one_step(layer, x, dt, anywhere)
        assert (moved >= torch.minimum(anywhere, reversal.clamp(max=0.0)) - 1e-12).all()
        assert (moved <= torch.maximum(anywhere, reversal.clamp(min=0.0)) + 1e-12).all()


def test_zero_time_changes_nothing_and_has_finite_gradients():
    layer = layer_of()
    x, v0 = draw()
    dt = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    v = one_step(layer, x.requires_grad_(), dt, v0)
    assert torch.equal(v, v0)
    v.square().sum().backward()
    assert dt.grad.isfinite().all()
    assert dt.grad.all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_one_interval_equals_its_two_halves_with_half_the_unfolds_each():
    whole, half = layer_of(unfolds=8), layer_of(unfolds=4)
    half.load_state_dict(whole.state_dict())
    x, v0 = draw()
    dt = tensor(0.1, 0.5, 1.0, 7.0, 0.0)
    expected = one_step(whole, x, dt, v0)
    got = one_step(half, x, dt / 2, one_step(half, x, dt / 2, v0))
    assert torch.allclose(got, expected, rtol=0, atol=1e-14)
    assert (expected[:4] - one_step(half, x, dt, v0)[:4]).abs().amax(1).min() > 1e-6


@pytest.mark.parametrize(("unfolds", "arrives"), [(1, False), (2, False), (3, True)])
def test_inputs_reach_the_motor_neurons_at_the_third_solver_step(unfolds, arrives):
    layer = layer_of(unfolds)
    x, v0 = draw()
    dt = torch.ones(5, dtype=torch.float64)
    motor = [one_step(layer, inputs, dt, v0)[:, :OUTPUTS] for inputs in (x, x + 1.0)]
    assert torch.equal(*motor) != arrives
    later = [one_step(layer, inputs, dt, v0)[:, OUTPUTS:] for inputs in (x, x + 1.0)]
    assert not torch.equal(*later)


def test_absent_synapses_neither_act_nor_get_a_gradient():
    layer = layer_of()
    x, dt = torch.randn(8, 6, INPUTS, dtype=torch.float64), torch.rand(8, 6, dtype=torch.float64)
    before = layer.outputs(x, dt, None)
    before.square().sum().backward()
    for synapses in (layer.recurrent, layer.sensory):
        assert torch.equal(synapses.weight.grad != 0, synapses.mask)
        assert 0 < synapses.mask.sum() < synapses.mask.numel()
        with torch.no_grad():
            synapses.weight.add_(100.0 * ~synapses.mask)
    assert torch.equal(layer.outputs(x, dt, None), before)


@pytest.mark.parametrize(("inputs", "hidden", "outputs"), [(1, 32, 1), (3, 16, 2)])
@pytest.mark.parametrize("readout", ["motor", "command", "linear"])
def test_parameter_counts(readout, inputs, hidden, outputs):
    model = build(inputs, outputs, hidden=hidden, readout=readout).double()
    model(torch.randn(32, 12, inputs).double(), torch.rand(32, 12).double()).square().sum().backward()
    counts = model.structure()
    read = {"motor": 1, "command": outputs + counts["command_neurons"] + 1, "linear": hidden + 1}[readout]
    fixed = 4 * hidden + 2 * inputs + outputs * (2 if readout == "motor" else read)
    assert sum(p.numel() for p in model.parameters()) == fixed + hidden**2 + inputs * hidden
    active = sum(int((p.grad != 0).sum()) for p in model.parameters())
    assert active == fixed + counts["synapses"] + counts["sensory_synapses"]
    assert (inputs, readout) != (1, "motor") or active == 4 * 32 + 2 + 2 + counts["synapses"] + 19


@pytest.mark.parametrize(("readout", "last"), [("motor", 2), ("command", 6), ("linear", 12)])
def test_readouts_read_the_layers_they_name(readout, last):
    model = build(readout=readout).double()
    assert model.structure()["command_neurons"] == 4
    hidden = torch.randn(2, 3, NEURONS, dtype=torch.float64, requires_grad=True)
    model.readout(hidden).sum().backward()
    read = torch.arange(NEURONS) < last
    assert torch.equal((hidden.grad != 0).all(0).all(0), read)
    assert (hidden.grad[..., ~read] == 0).all()


def test_gradcheck_with_a_time_of_zero():
    layer = layer_of(unfolds=2)
    x, v0 = draw(3)
    dt = tensor(0.0, 0.6, 4.0)

    def run(x, dt, v0):
        return one_step(layer, x, dt, v0)

    inputs = tuple(value.requires_grad_() for value in (x, dt, v0))
    assert torch.autograd.gradcheck(run, inputs)


def test_gradients_stay_finite_over_extreme_times_and_inputs():
    layer = layer_of().float()
    dt = torch.logspace(-6, 6, 50).expand(3, 50)
    y = layer.outputs(1e4 * torch.randn(3, 50, INPUTS), dt, None)
    y.square().sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def masks(model):
    return {k: v for k, v in model.state_dict().items() if k.endswith("mask")}


def test_wiring_seed_decides_the_masks():
    def same(a, b):
        return all(torch.equal(a[k], b[k]) for k in a)

    first = masks(build(seed=1))
    assert len(first) == 2
    assert same(first, masks(build(seed=1)))
    assert not same(first, masks(build(seed=2)))
    fixed = masks(build(seed=1, wiring_seed=9))
    assert same(fixed, masks(build(seed=2, wiring_seed=9)))
    assert not same(first, fixed)


def test_weights_of_another_wiring_are_refused():
    with pytest.raises(UsageError, match="belong to another wiring"):
        build(seed=1).load_state_dict(build(seed=2).state_dict())


def test_too_few_neurons_are_refused():
    assert build(hidden=5, outputs=2).structure()["inter_neurons"] >= 1
    with pytest.raises(UsageError, match="with 2 outputs needs at least 5 neurons, hidden is 4"):
        build(hidden=4, outputs=2)


def test_initial_values_lie_in_the_stated_ranges():
    source = wiring.auto_ncp(200, INPUTS, OUTPUTS, 0.5, 0)
    layer = LiquidLayer(source).double()
    drawn = {
        liquid.TAU_RANGE: 1 / softplus(layer.raw_rate),
        liquid.CONDUCTANCE_RANGE: softplus(layer.raw_conductance),
        liquid.REVERSAL_RANGE: layer.reversal.abs(),
    }
    for (low, high), values in drawn.items():
        assert low * (1 - 1e-6) <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high * (1 + 1e-6)
    # Log-uniform: as many below the geometric mean as above it.
    for low, high in (liquid.TAU_RANGE, liquid.CONDUCTANCE_RANGE):
        assert 0.35 < (drawn[low, high] < (low * high) ** 0.5).double().mean() < 0.65
    assert set(layer.reversal.sign().tolist()) == {-1.0, 1.0}
    for synapses, polarity in ((layer.recurrent, source.polarity), (layer.sensory, source.sensory_polarity)):
        np.testing.assert_array_equal(synapses.weight.sign().detach().numpy(), polarity)


def test_neurons_start_centered_and_answer_most_there():
    layer = LiquidLayer(wiring.auto_ncp(30, INPUTS, OUTPUTS, 0.5, 0)).double()
    reach = softplus(layer.raw_conductance) / softplus(layer.raw_rate)
    rest = (layer.reversal * reach / (1 + reach) / 2).detach()[None]
    moved = one_step(layer, torch.zeros(1, INPUTS).double(), tensor(5.0), rest)
    assert torch.allclose(moved, rest, rtol=0, atol=1e-6)
    argument = (rest @ layer.recurrent.masked() + layer.bias).detach().requires_grad_()
    around = [argument + shift for shift in (-0.5, 0.0, 0.5)]
    slopes = []
    for z in around:
        f = softplus(layer.raw_conductance) * z.sigmoid()
        v = f * layer.reversal / (softplus(layer.raw_rate) + f)
        slopes.append(torch.autograd.grad(v.sum(), argument, retain_graph=True)[0].abs())
    assert (slopes[1] > slopes[0]).all()
    assert (slopes[1] > slopes[2]).all()


def test_initial_weights_shrink_with_the_fan_in():
    polarity = np.ones((100, 2), np.int8)
    polarity[:, 1] = -1
    weight = GateSynapses(polarity, np.array([100, 4])).weight.detach().abs()
    assert (weight[:, 0] <= 1.5 * liquid.GAIN / 10).all()
    assert (weight[:, 0] >= 0.5 * liquid.GAIN / 10).all()
    assert weight[:, 1].mean() / weight[:, 0].mean() == pytest.approx(5.0, rel=0.1)
