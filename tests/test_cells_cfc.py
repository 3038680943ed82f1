"""CfC: its closed form written out in numpy, its variants, dropout, bounds and counts."""

import numpy as np
import pytest
import torch

from lnncmp.layers.activations import ACTIVATIONS
from lnncmp.layers.cfc import CfCLayer
from lnncmp.layers.cfc_cell import CfCOptions
from lnncmp.models.base import load_model


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lecun(x):
    return 1.7159 * np.tanh(0.666 * x)


def randomized(layer):
    """Draw every parameter anew, so that no zero or one hides a term."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer.double()


def heads(cell, z):
    return {name: z @ head.weight.detach().numpy().T + head.bias.detach().numpy() for name, head in cell.heads.items()}


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("gate_sign", ["plus", "minus"])
@pytest.mark.parametrize("head_activation", ["tanh", "lecun_tanh"])
def test_one_unit_equals_the_closed_form(mode, gate_sign, head_activation):
    options = CfCOptions(
        mode=mode, gate_sign=gate_sign, head_activation=head_activation, backbone_units=4, backbone_layers=2
    )
    layer = randomized(CfCLayer(2, 1, options))
    x, dt = torch.randn(3, 5, 2, dtype=torch.float64), torch.rand(3, 5, dtype=torch.float64) * 3
    squash = np.tanh if head_activation == "tanh" else lecun
    h, expected = np.zeros((3, 1)), []
    for t in range(5):
        z = np.concatenate([x[:, t].numpy(), h], 1)
        for part in layer.cell.backbone:
            z = lecun(z @ part.weight.detach().numpy().T + part.bias.detach().numpy())
        f, elapsed = heads(layer.cell, z), dt[:, t : t + 1].numpy()
        if mode == "pure":
            a, w_tau = (p.detach().numpy() for p in (layer.cell.A, layer.cell.w_tau))
            h = -a * np.exp(-elapsed * (np.abs(w_tau) + np.abs(f["ff1"]))) * f["ff1"] + a
        else:
            sign = 1 if gate_sign == "plus" else -1
            gate = sigmoid(sign * f["time_a"] * elapsed + f["time_b"])
            kept = 1.0 if mode == "no_gate" else 1.0 - gate
            h = squash(f["ff1"]) * kept + gate * squash(f["ff2"])
        expected.append(h)
    got, _ = layer.sequence(x, dt, None, layer.initial_state(3))
    np.testing.assert_allclose(got.detach().numpy(), np.stack(expected, 1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("variant", ["replace_h", "input_to_cfc"])
@pytest.mark.parametrize("forget_bias", [0.0, 3.0])
def test_mixed_memory_equals_its_definition(variant, forget_bias):
    layer = randomized(CfCLayer(2, 3, CfCOptions(backbone_layers=0), variant, forget_bias))
    x, dt = torch.randn(4, 5, 2, dtype=torch.float64), torch.rand(4, 5, dtype=torch.float64)
    w, b, u_weight = (
        p.detach().numpy()
        for p in (layer.memory.input_map.weight, layer.memory.input_map.bias, layer.memory.recurrent_map.weight)
    )
    h, c, expected = np.zeros((4, 3)), np.zeros((4, 3)), []
    for t in range(5):
        x_t = x[:, t].numpy()
        g, i, f, o = np.split(x_t @ w.T + b + h @ u_weight.T, 4, axis=1)
        c = c * sigmoid(f + forget_bias) + np.tanh(g) * sigmoid(i)
        u = np.tanh(c) * sigmoid(o)
        z = heads(layer.cell, np.concatenate([x_t, u] if variant == "replace_h" else [u, h], 1))
        gate = sigmoid(z["time_a"] * dt[:, t : t + 1].numpy() + z["time_b"])
        h = np.tanh(z["ff1"]) * (1 - gate) + gate * np.tanh(z["ff2"])
        expected.append(h)
    got, state = layer.sequence(x, dt, None, layer.initial_state(4))
    np.testing.assert_allclose(got.detach().numpy(), np.stack(expected, 1), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(state[1].detach().numpy(), c, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_equal_their_definitions(name):
    x = torch.linspace(-30, 30, 1001, dtype=torch.float64)
    expected = {
        "silu": torch.nn.functional.silu,
        "relu": torch.nn.functional.relu,
        "gelu": torch.nn.functional.gelu,
        "tanh": torch.tanh,
        "lecun_tanh": lambda x: 1.7159 * torch.tanh(0.666 * x),
    }[name](x)
    assert torch.allclose(ACTIVATIONS[name](x), expected, rtol=0, atol=1e-15)
    assert torch.allclose(ACTIVATIONS[name](x.float()), expected.float(), rtol=1e-5, atol=5e-7)


@pytest.mark.parametrize(
    ("placement", "layers", "drops"),
    [("every_layer", 1, True), ("every_layer", 2, True), ("ncps", 1, False), ("ncps", 2, True)],
)
def test_dropout_acts_where_it_is_placed_and_only_in_training(placement, layers, drops):
    options = CfCOptions(backbone_layers=layers, backbone_dropout=0.5, dropout_placement=placement)
    layer = CfCLayer(3, 6, options)
    x, dt = torch.randn(4, 5, 3), torch.ones(4, 5)
    layer.eval()
    assert torch.equal(layer.outputs(x, dt, None), layer.outputs(x, dt, None))
    layer.train()
    assert torch.equal(layer.outputs(x, dt, None), layer.outputs(x, dt, None)) != drops


def test_dropout_of_every_backbone_unit_leaves_the_biases_and_scales_the_rest():
    options = CfCOptions(backbone_layers=1, backbone_dropout=0.25, dropout_placement="every_layer")
    layer = CfCLayer(3, 6, options).train()
    x, dt = torch.randn(1, 1, 3).expand(20_000, 1, 3), torch.ones(20_000, 1)
    torch.manual_seed(1)
    # Kept units are scaled by 1 / (1 - rate): the mean stays close to the output without dropout.
    mean = layer.outputs(x, dt, None).mean((0, 1))
    assert torch.allclose(mean, layer.eval().outputs(x[:1], dt[:1], None)[0, 0], atol=0.15)


@pytest.mark.parametrize(
    ("mode", "head", "bound"), [("default", "tanh", 1.0), ("no_gate", "tanh", 2.0), ("default", "lecun_tanh", 1.7159)]
)
def test_state_is_bounded_for_huge_inputs_and_times(mode, head, bound):
    layer = randomized(CfCLayer(3, 6, CfCOptions(mode=mode, head_activation=head)))
    x = 1e6 * torch.randn(8, 10, 3, dtype=torch.float64)
    dt = torch.logspace(-6, 9, 10, dtype=torch.float64).expand(8, 10)
    assert layer.outputs(x, dt, None).abs().max() <= bound


def test_keras_start_has_zero_biases_and_ncps_start_has_not():
    keras, ncps = (CfCLayer(3, 6, CfCOptions(init=init), "replace_h") for init in ("keras", "ncps"))
    biases = [[p for n, p in layer.named_parameters() if n.endswith("bias")] for layer in (keras, ncps)]
    assert not any(p.any() for p in biases[0])
    assert all(p.any() for p in biases[1])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, 43_520),
        ({"backbone_layers": 0}, 20_992),
        ({"mixed_memory": True}, 43_520 + 4 * 64 * (17 + 64) + 4 * 64),
        ({"mode": "pure"}, (17 + 64) * 128 + 128 + 128 * 64 + 64 + 2 * 64),
    ],
)
def test_parameter_counts(arguments, expected):
    spec = load_model("cfc")
    model = spec.build(spec.arguments(hidden=64, **arguments), 17, 17, 0)
    assert sum(p.numel() for p in model.layer.parameters()) == expected
