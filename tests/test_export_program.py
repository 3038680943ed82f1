"""The program of a step, which all export formats are written from, computes what the network computes."""

import copy

import numpy as np
import pytest
import torch
from model_variants import INPUTS, OUTPUTS, build
from portable_networks import IDS, SCALERS, VARIANTS, portable, timed_network, variant_network

from lnncmp.data.encoding import Quantity
from lnncmp.data.scaling import Scaler
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.export.builder import Builder
from lnncmp.export.counts import count
from lnncmp.export.describe import describe
from lnncmp.export.interpret import StepNetwork
from lnncmp.export.network import PortableNetwork
from lnncmp.export.program import AddProduct, AddSynapses, flat
from lnncmp.export.writing import random_inputs, reference
from lnncmp.layers.readout import RecurrentModel
from lnncmp.layers.recurrent_layer import RecurrentLayer

STEPS = 12


def stepped(network, x, dt):
    """Return the outputs (N, O) of the program of `network`, interpreted step by step in float64."""
    step = StepNetwork(describe(network), torch.float64)
    given, elapsed = torch.from_numpy(x).double(), torch.from_numpy(dt).double()
    states, outputs = step.initial(1), []
    for k in range(len(x)):
        y, *states = step(given[k : k + 1], elapsed[k : k + 1], *states)
        outputs.append(y[0])
    return torch.stack(outputs).numpy()


def agrees(network, tolerance=1e-10):
    x, dt = random_inputs(network, STEPS)
    with torch.no_grad():
        assert np.allclose(stepped(network, x, dt), reference(network, x, dt), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=IDS)
def test_every_model_steps_as_described(name, variant):
    agrees(variant_network(name, variant))


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_every_activation(activation):
    agrees(variant_network("cfc", {"backbone_activation": activation}))


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_elapsed_time_as_an_input(name):
    agrees(timed_network(name))


@pytest.mark.parametrize("make", [lambda **c: timed_network("gru", **c), lambda **c: portable(build("cfc", {}), **c)])
def test_withheld_time_counts_as_one(make):
    network = make(withholds_time=True)
    agrees(network)
    x, dt = random_inputs(network, STEPS)
    assert np.array_equal(stepped(network, x, dt), stepped(network, x, 5 * dt))


def test_describing_leaves_the_network_alone():
    network = variant_network("ncp", {})
    before = copy.deepcopy(network.model.state_dict())
    describe(network)
    assert all(torch.equal(value, before[name]) for name, value in network.model.state_dict().items())


def test_only_synapses_that_exist_are_counted():
    network = variant_network("ncp", {}, hidden=20)
    layer, unfolds = network.model.layer, 6
    synapses, sensory = layer.recurrent.count, layer.sensory.count
    assert 0 < synapses < 20 * 20 / 2
    assert count(describe(network)).exponentials == unfolds * synapses + sensory
    lists = [one for one, _ in flat(describe(network).statements) if isinstance(one, AddSynapses)]
    assert [len(one.sources) for one in lists] == [sensory, synapses]


def test_operations_of_an_lstm():
    found = count(describe(portable(build("lstm", {}))))
    assert found.multiply_adds == 40 * (INPUTS + 10) + OUTPUTS * 10
    assert found.exponentials == found.divisions == 50


def test_a_masked_product_knows_its_synapses():
    network = variant_network("liquid_ncp", {"readout": "motor"})
    products = [one for one, _ in flat(describe(network).statements) if isinstance(one, AddProduct)]
    layer = network.model.layer
    assert [int(one.mask.sum()) for one in products] == [int(layer.sensory.mask.sum()), int(layer.recurrent.mask.sum())]
    assert all((one.weight[~one.mask] == 0).all() for one in products)


def test_a_product_of_no_synapses_is_left_out():
    builder = Builder(2, 1)
    out = builder.bias("y", [1.0])
    builder.add_product(out, torch.ones(1, 2), builder.whole("x"), torch.zeros(1, 2, dtype=torch.bool))
    assert not [one for one, _ in flat(builder.finished().statements) if isinstance(one, AddProduct)]


def test_programs_that_no_format_could_compute_are_refused():
    builder = Builder(3, 1)
    x, h = builder.whole("x"), builder.state("h", 2)
    for wrong in (
        lambda: builder.let("sum", x + h),
        lambda: builder.add_product(h, torch.ones(2, 2), h),
        lambda: builder.add_product(h, torch.ones(2, 2), x),
        lambda: builder.let("h", x),
        lambda: builder.let("h", h.part(1, 1) * 2.0),
        lambda: builder.state("h", 2),
    ):
        with pytest.raises(LnncmpError, match="export: "):
            wrong()


def test_the_adaptive_solver_is_refused():
    with pytest.raises(UsageError, match="dopri5") as refusal:
        describe(variant_network("ltc", {"solver": "dopri5"}))
    assert "semi_implicit, explicit_euler, rk4" in refusal.value.hint


def test_an_unknown_layer_names_those_that_are_known():
    class Unheard(RecurrentLayer):
        width = 10

        def initial_state(self, batch):
            return ()

        def _sequence(self, x, dt, valid, state):
            raise NotImplementedError

    model = build("gru", {})
    with pytest.raises(UsageError, match="Unheard") as refusal:
        describe(portable(RecurrentModel(Unheard(), model.readout)))
    assert all(name in refusal.value.hint for name in ("CfC", "LTC", "LSTM", "GRU", "liquid_ncp"))
    model.readout = torch.nn.Sequential()
    with pytest.raises(UsageError, match="Sequential"):
        describe(portable(model))


def test_weights_that_are_not_finite_are_refused():
    model = build("gru", {})
    with torch.no_grad():
        model.layer.weight_hh_l0[3, 4] = float("nan")
    with pytest.raises(UsageError, match="not finite"):
        describe(portable(model))


def test_names_must_fit_the_scalers():
    one = (Quantity("only", ""),)
    with pytest.raises(UsageError, match="1 names of inputs do not fit a scaler of 3 columns"):
        portable(build("gru", {}), features=one)
    never = Scaler(np.zeros(2), np.array([1.0, np.inf]), fitted=True)
    names = (Quantity("a", ""), Quantity("b", ""))
    with pytest.raises(UsageError, match="no value of its output b"):
        PortableNetwork(build("gru", {}), SCALERS[0], never, (*names, one[0]), names, "s")


def test_an_input_without_a_scale_is_not_read():
    network = portable(build("gru", {}))
    deaf = Scaler(SCALERS[0].mean, np.array([1.0, np.inf, 1.0]), fitted=True)
    network = PortableNetwork(network.model, deaf, SCALERS[1], network.features, network.targets, "s")
    x, dt = random_inputs(network, STEPS)
    moved = x + np.array([0, 3, 0], np.float32)
    assert np.array_equal(stepped(network, x, dt), stepped(network, moved, dt))
    agrees(network)
