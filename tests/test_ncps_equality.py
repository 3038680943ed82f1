"""Our LTC and CfC give the outputs and gradients of the cells of ncps; ncps's layers mistake batched timespans."""

import ncps.torch
import pytest
import torch
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random

from lnncmp.errors import UsageError
from lnncmp.layers.ncps_compat import from_ncps, load_ncps
from lnncmp.models.base import load_model

INPUTS, OUTPUTS, BATCH, STEPS, SEED = 3, 2, 4, 5, 22222


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def ours(model, **arguments):
    spec = load_model(model)
    seed = arguments.pop("seed", SEED)
    return spec.build(spec.arguments(**arguments), INPUTS, OUTPUTS, seed)


def drive_cell(layer, x, dt):
    """Run the cell of an ncps layer in a loop with dt (B, 1), the form in which it is right."""
    state = x.new_zeros(x.shape[0], layer.state_size)
    memory = x.new_zeros(x.shape[0], layer.state_size)
    outputs = []
    for t in range(x.shape[1]):
        if layer.use_mixed:
            state, memory = layer.lstm(x[:, t], (state, memory))
        out, state = layer.rnn_cell(x[:, t], state, dt[:, t : t + 1])
        outputs.append(layer.fc(out) if isinstance(layer, ncps.torch.CfC) else out)
    return torch.stack(outputs, 1)


def sample():
    return torch.randn(BATCH, STEPS, INPUTS), 0.1 + torch.rand(BATCH, STEPS)


def assert_equal(theirs, model, tolerance):
    """Outputs, input gradients and every parameter's gradient agree to `tolerance`."""
    load_ncps(model, theirs)
    x, dt = sample()
    pair = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    expected, got = drive_cell(theirs, pair[0], dt), model(pair[1], dt)
    weight = torch.randn_like(expected)
    (expected * weight).sum().backward()
    (got * weight).sum().backward()
    assert torch.allclose(got, expected, rtol=0, atol=tolerance)
    assert torch.allclose(pair[1].grad, pair[0].grad, rtol=tolerance, atol=tolerance)
    grads = from_ncps({k: p.grad for k, p in theirs.named_parameters() if p.grad is not None})
    mine = dict(model.named_parameters())
    assert grads
    for name, grad in grads.items():
        assert torch.allclose(mine[name].grad, grad, rtol=tolerance, atol=tolerance), name


WIRINGS = {
    "fully_connected": (lambda: FullyConnected(6, OUTPUTS, erev_init_seed=SEED), {}),
    "auto_ncp": (lambda: AutoNCP(12, OUTPUTS, seed=SEED), {"hidden": 12}),
    "random": (lambda: Random(6, OUTPUTS, sparsity_level=0.5, random_seed=SEED), {}),
    "ncp": (
        lambda: NCP(6, 3, OUTPUTS, 3, 2, 4, 2, seed=SEED),
        {
            "hidden": 11,
            "inter_neurons": 6,
            "command_neurons": 3,
            "sensory_fanout": 3,
            "inter_fanout": 2,
            "recurrent_command_synapses": 4,
            "motor_fanin": 2,
        },
    ),
}


@pytest.mark.parametrize("epsilon", [0.0, 1e-8])
@pytest.mark.parametrize("synapses", ["dense", "gathered"])
@pytest.mark.parametrize("constraint", ["softplus", "clip"])
@pytest.mark.parametrize("name", WIRINGS)
def test_ltc_equals_the_cell_of_ncps(name, constraint, synapses, epsilon):
    make, arguments = WIRINGS[name]
    theirs = ncps.torch.LTC(INPUTS, make(), implicit_param_constraints=constraint == "softplus", epsilon=epsilon)
    model = ours("ncp", wiring=name, constraint=constraint, synapses=synapses, **{"hidden": 6, **arguments})
    # Without epsilon both compute the same quotient; with it, ours divides by cm + h den + eps, ncps's by h times that.
    object.__setattr__(model.layer.options, "epsilon", epsilon)
    assert_equal(theirs, model, 1e-12 if epsilon == 0 else 1e-6)


def test_fully_connected_ltc_model_equals_ncps():
    theirs = ncps.torch.LTC(INPUTS, FullyConnected(6, OUTPUTS, erev_init_seed=7))
    assert_equal(theirs, ours("ltc", hidden=6, readout="motor", seed=7), 1e-6)


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("mode", ["default", "pure", "no_gate"])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("activation", ["silu", "relu", "tanh", "gelu", "lecun_tanh"])
def test_cfc_equals_the_cell_of_ncps(layers, mode, mixed, activation):
    theirs = ncps.torch.CfC(
        INPUTS,
        5,
        proj_size=OUTPUTS,
        mixed_memory=mixed,
        mode=mode,
        activation=activation,
        backbone_units=7,
        backbone_layers=layers,
    )
    model = ours(
        "cfc",
        hidden=5,
        mode=mode,
        mixed_memory=mixed,
        backbone_activation=activation,
        backbone_units=7,
        backbone_layers=layers,
    )
    assert_equal(theirs, model, 1e-12)


@pytest.mark.parametrize("mode", ["default", "no_gate"])
@pytest.mark.parametrize("name", ["auto_ncp", "ncp"])
def test_wired_cfc_equals_ncps_with_its_masking(name, mode):
    make, arguments = WIRINGS[name]
    theirs = ncps.torch.CfC(INPUTS, make(), mode=mode)
    model = ours("ncp", cell="cfc", wiring=name, masking="ncps", mode=mode, **arguments)
    assert_equal(theirs, model, 1e-12)


def test_cell_state_dict_without_layer_prefix_is_understood():
    theirs = ncps.torch.LTC(INPUTS, AutoNCP(12, OUTPUTS, seed=SEED))
    assert from_ncps(theirs.rnn_cell.state_dict()).keys() == from_ncps(theirs.state_dict()).keys()


def test_weights_of_another_wiring_are_refused():
    theirs = ncps.torch.LTC(INPUTS, AutoNCP(12, OUTPUTS, seed=1))
    with pytest.raises(UsageError, match="another wiring"):
        load_ncps(ours("ncp", hidden=12, seed=2), theirs)
    wired = ncps.torch.CfC(INPUTS, AutoNCP(12, OUTPUTS, seed=SEED))
    with pytest.raises(UsageError, match="another wiring"):
        load_ncps(ours("ncp", hidden=12, cell="cfc"), wired)


def test_the_constraint_of_an_ltc_has_to_be_known_and_the_same():
    theirs = ncps.torch.LTC(INPUTS, FullyConnected(6, OUTPUTS, erev_init_seed=7), implicit_param_constraints=False)
    clipped, soft = (ours("ltc", hidden=6, readout="motor", seed=7, constraint=name) for name in ("clip", "softplus"))
    with pytest.raises(UsageError, match="does not say whether") as caught:
        load_ncps(clipped, theirs.state_dict())
    assert "implicit_param_constraints=True" in caught.value.hint
    for given in ((theirs,), (theirs.rnn_cell,), (theirs.state_dict(), False)):
        load_ncps(clipped, *given)
        with pytest.raises(UsageError, match="kept positive by clip, those of this model by softplus"):
            load_ncps(soft, *given)
    with pytest.raises(UsageError, match="is not what the layer of ncps has"):
        load_ncps(clipped, theirs, True)


def test_ltc_with_mixed_memory_is_refused():
    theirs = ncps.torch.LTC(INPUTS, 6, mixed_memory=True)
    with pytest.raises(UsageError, match="mixed memory"):
        from_ncps(theirs.state_dict())


def test_unknown_weights_are_refused():
    with pytest.raises(UsageError, match=r"encoder\.weight"):
        from_ncps({"encoder.weight": torch.zeros(1)})


@pytest.mark.parametrize("cell", ["ltc", "cfc"])
def test_batch_equal_to_units_is_wrong_in_ncps_and_right_here(cell):
    units = BATCH
    if cell == "ltc":
        theirs = ncps.torch.LTC(INPUTS, FullyConnected(units, OUTPUTS, erev_init_seed=SEED))
        model = ours("ltc", hidden=units, readout="motor")
    else:
        theirs = ncps.torch.CfC(INPUTS, units, proj_size=OUTPUTS)
        model = ours("cfc", hidden=units)
    load_ncps(model, theirs)
    x, dt = torch.randn(BATCH, STEPS, INPUTS), torch.logspace(-2, 1, BATCH)[:, None].expand(BATCH, STEPS)
    one_by_one = torch.cat([model(x[b : b + 1], dt[b : b + 1]) for b in range(BATCH)])
    assert torch.allclose(model(x, dt), one_by_one, rtol=0, atol=1e-12)
    assert torch.allclose(drive_cell(theirs, x, dt), one_by_one, rtol=0, atol=1e-6)
    batched = theirs(x, timespans=dt)[0]
    assert (batched - one_by_one).abs().max() > 1e-3


def test_ncps_ltc_ignores_replaced_weights_and_ours_does_not():
    theirs = ncps.torch.LTC(INPUTS, 6)
    x, dt = sample()
    stale = torch.func.functional_call(theirs, {k: torch.zeros_like(p) for k, p in theirs.named_parameters()}, (x,))
    assert torch.equal(stale[0], theirs(x)[0])
    model = ours("ltc", hidden=6)
    zeroed = {k: torch.zeros_like(p) for k, p in model.named_parameters() if k.startswith("layer.")}
    assert not torch.allclose(torch.func.functional_call(model, zeroed, (x, dt)), model(x, dt))


def test_ncps_counts_recurrent_synapses_as_sensory_and_ours_counts_sensory_ones():
    wiring = AutoNCP(12, OUTPUTS, seed=SEED)
    theirs = ncps.torch.LTC(INPUTS, wiring)
    structure = ours("ncp", hidden=12).structure()
    sensory = int((wiring.sensory_adjacency_matrix != 0).sum())
    assert theirs.sensory_synapse_count != sensory
    assert structure["sensory_synapses"] == sensory
    assert structure["synapses"] == theirs.synapse_count


def test_ncps_overwrites_the_start_of_pure_cfc_and_ours_keeps_it():
    theirs = ncps.torch.CfC(INPUTS, 6, mode="pure")
    assert not torch.equal(theirs.rnn_cell.A, torch.ones(1, 6))
    cell = ours("cfc", hidden=6, mode="pure").layer.cell
    assert torch.equal(cell.A, torch.ones(6))
    assert torch.equal(cell.w_tau, torch.zeros(6))
