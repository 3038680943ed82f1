"""Wirings and wired models: counts, seeds, what a synapse connects, errors."""

import numpy as np
import pytest
import torch

from lnncmp.errors import UsageError
from lnncmp.layers import wiring
from lnncmp.layers.wired_cfc import WiredCfCLayer
from lnncmp.models.base import load_model


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def build(inputs=3, outputs=2, seed=5, **arguments):
    spec = load_model("ncp")
    return spec.build(spec.arguments(**{"hidden": 12, **arguments}), inputs, outputs, seed)


@pytest.mark.parametrize(
    ("neurons", "outputs", "sparsity", "expected"),
    [
        (16, 1, 0.5, (9, 6, 38, 68)),
        (32, 1, 0.5, (19, 12, 138, 153)),
        (64, 17, 0.5, (29, 18, 432, 238)),
        (48, 17, 0.5, (19, 12, 228, 153)),
        (32, 1, 0.75, (19, 12, 74, 68)),
    ],
)
def test_auto_ncp_has_the_known_counts(neurons, outputs, sparsity, expected):
    counts = wiring.auto_ncp(neurons, 17, outputs, sparsity, 22222).structure()
    keys = ("inter_neurons", "command_neurons", "synapses", "sensory_synapses")
    assert tuple(counts[k] for k in keys) == expected
    assert counts["motor_neurons"] == outputs
    assert counts["neurons"] == neurons


def test_ncp_of_17_inputs_and_outputs_has_2940_active_parameters():
    model = build(17, 17, 22222, hidden=64)
    x, dt = torch.randn(64, 10, 17), torch.rand(64, 10)
    model(x, dt).square().sum().backward()
    assert sum(p.numel() for p in model.parameters()) == 20_996
    assert sum(int((p.grad != 0).sum()) for p in model.parameters()) == 2_940
    counts = model.structure()
    assert 3 * 64 + 4 * (counts["synapses"] + counts["sensory_synapses"]) + 2 * 17 + 2 * 17 == 2_940
    assert counts["unfolds"] == 6


def test_random_and_fully_connected_have_the_asked_synapses():
    assert wiring.random(8, 3, 2, 0.75, 0).structure() == {"neurons": 8, "synapses": 16, "sensory_synapses": 6}
    assert wiring.fully_connected(8, 3, 2, 0).structure() == {"neurons": 8, "synapses": 64, "sensory_synapses": 24}


@pytest.mark.parametrize("cell", ["ltc", "cfc"])
@pytest.mark.parametrize("kind", ["auto_ncp", "ncp", "random"])
def test_runs_have_their_own_wiring_unless_one_is_fixed(cell, kind):
    def masks(seed, **arguments):
        model = build(seed=seed, cell=cell, wiring=kind, **arguments)
        return torch.cat([b.flatten() for n, b in model.named_buffers() if n.endswith("mask")])

    assert torch.equal(masks(1), masks(1))
    assert not torch.equal(masks(1), masks(2))
    assert torch.equal(masks(1, wiring_seed=7), masks(2, wiring_seed=7))
    assert masks(2**63).dtype == torch.bool


def test_ncp_sizes_are_taken_or_derived():
    sizes = {"inter_neurons": 5, "command_neurons": 4, "sensory_fanout": 2, "inter_fanout": 1, "motor_fanin": 3}
    counts = build(hidden=11, wiring="ncp", recurrent_command_synapses=0, **sizes).structure()
    assert (counts["inter_neurons"], counts["command_neurons"], counts["motor_neurons"]) == (5, 4, 2)
    derived = wiring.ncp(32, 17, 1, 0.5, wiring.NCPSizes(), 22222)
    assert np.array_equal(derived.polarity, wiring.auto_ncp(32, 17, 1, 0.5, 22222).polarity)
    assert build(hidden=13, wiring="ncp", inter_neurons=5).structure()["command_neurons"] == 6


def test_ncp_connects_only_successive_layers_and_command_neurons():
    source = wiring.auto_ncp(20, 4, 3, 0.5, 1)
    inter, command, motor = (np.array(layer) for layer in source.layers)
    allowed = np.zeros((20, 20), bool)
    allowed[np.ix_(inter, command)] = allowed[np.ix_(command, command)] = allowed[np.ix_(command, motor)] = True
    assert not source.polarity[~allowed].any()
    assert not source.sensory_polarity[:, np.r_[command, motor]].any()
    assert motor.tolist() == [0, 1, 2]


@pytest.mark.parametrize("masking", ["all_heads", "ncps"])
@pytest.mark.parametrize("kind", ["auto_ncp", "random"])
def test_wired_cfc_reads_the_neurons_that_the_masking_says(kind, masking):
    make = wiring.auto_ncp if kind == "auto_ncp" else wiring.random
    source = make(12, 3, 2, 0.6, 1)
    layer = WiredCfCLayer(source, masking).double()
    x, dt = torch.randn(1, 1, 3, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    state = tuple(torch.randn(1, len(group), dtype=torch.float64) for group in source.layers)
    for index, group in enumerate(source.layers):

        def new_state(own, index=index):
            return layer.sequence(x, dt, None, (*state[:index], own, *state[index + 1 :]))[1][index][0]

        jacobian = torch.autograd.functional.jacobian(new_state, state[index])[:, 0]
        within = source.polarity[np.ix_(group, group)].T != 0
        expected = within | np.eye(len(group), dtype=bool) if masking == "all_heads" else np.ones_like(within)
        assert np.array_equal(jacobian.numpy() != 0, expected)


def test_wired_cfc_gives_all_neurons_in_order_motor_first():
    source = wiring.auto_ncp(12, 3, 2, 0.5, 1)
    layer = WiredCfCLayer(source)
    x, dt = torch.randn(2, 4, 3), torch.ones(2, 4)
    hidden, state = layer.sequence(x, dt, None, layer.initial_state(2))
    for group, final in zip(source.layers, state, strict=True):
        assert torch.equal(hidden[:, -1, list(group)], final)
    assert hidden.shape == (2, 4, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": 5, "outputs": 3}, "needs at least 6 neurons, hidden is 5"),
        ({"hidden": 4, "outputs": 5, "wiring": "random"}, "at least as many neurons as the 5 outputs"),
        ({"hidden": 12, "wiring": "ncp", "motor_neurons": 3}, "one motor neuron for each of the 2 outputs"),
        ({"hidden": 12, "wiring": "ncp", "inter_neurons": 5, "command_neurons": 4}, r"got 5 \+ 4 \+ 2"),
        ({"hidden": 12, "wiring": "ncp", "sensory_fanout": 11}, "Sensory fanout parameter is 11"),
        ({"hidden": 12, "wiring": "ncp", "outputs": 12}, "add up to hidden = 12"),
    ],
)
def test_wirings_that_do_not_fit_are_refused_with_a_hint(arguments, message):
    with pytest.raises(UsageError, match=message) as caught:
        build(**arguments)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_ltc_motor_readout_needs_a_neuron_for_each_output():
    spec = load_model("ltc")
    with pytest.raises(UsageError, match="at least as many neurons as the 9 outputs"):
        spec.build(spec.arguments(hidden=8, readout="motor"), 3, 9, 0)
    assert spec.build(spec.arguments(hidden=8), 3, 9, 0)(torch.randn(1, 2, 3), torch.ones(1, 2)).shape == (1, 2, 9)


def test_linear_readout_allows_other_motor_neurons_than_outputs():
    model = build(wiring="ncp", motor_neurons=4, readout="linear")
    assert model.structure()["motor_neurons"] == 4
    assert model(torch.randn(1, 2, 3), torch.ones(1, 2)).shape == (1, 2, 2)


def test_loading_weights_of_another_wiring_is_refused():
    with pytest.raises(UsageError, match="another wiring"):
        build(seed=1).load_state_dict(build(seed=2).state_dict())
