"""Steppers of the public layers give what the layers give over the sequence."""

import copy
import pickle

import numpy as np
import pytest
import torch
from ncps.wirings import AutoNCP
from ncps_pairs import BATCH, INPUTS, LAYERS, assert_close, pair

from lnncmp.errors import UsageError
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.torch import GRU, LSTM, CfC

LONG = 25
precision = pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=["float32", "float64"]
)


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def irregular(dtype=torch.float32, batch=BATCH):
    """Return x (B, T, I) and dt (B, T): some intervals are 0, tiny or very long."""
    x, dt = torch.randn(batch, LONG, INPUTS, dtype=dtype), 2.0 * torch.rand(batch, LONG, dtype=dtype)
    dt[:, ::7], dt[:, 3::10], dt[:, 9::10] = 0.0, 1e-6, 50.0
    return x, dt


def moved(name, dtype=torch.float32):
    """Return a layer whose parameters are all away from their initial zeros and ones."""
    _, ours = pair(name)
    with torch.no_grad():
        for parameter in ours.to(dtype).parameters():
            if parameter.requires_grad:
                parameter.add_(0.02 * torch.randn_like(parameter))
    return ours


def stream(stepper, x, dt):
    return torch.stack([stepper(x[:, t], dt[:, t]) for t in range(x.shape[1])], 1)


def assert_ends(stepper, hx):
    """The state is that of the layer, whose parts may lie side by side in one tensor."""
    states = hx if isinstance(hx, tuple) else (hx,)
    assert_close(torch.cat(stepper.state, 1), torch.cat([own.flatten(0, -2) for own in states], 1))


@precision
@pytest.mark.parametrize("name", LAYERS)
def test_step_by_step_is_the_sequence(name, dtype, limit):
    ours = moved(name, dtype)
    x, dt = irregular(dtype)
    with torch.no_grad():
        expected, hx = ours(x, timespans=dt)
    stepper = ours.stepper(BATCH)
    assert stepper.implementation == "compiled" and stepper.outputs == expected.shape[2]
    assert_close(stream(stepper, x, dt), expected, limit)
    assert_ends(stepper, hx)


@precision
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_of_lstm_and_gru_is_the_sequence(kind, bias, dtype, limit):
    layer = kind(INPUTS, 11, batch_first=True, bias=bias, dtype=dtype)
    x, dt = irregular(dtype)
    with torch.no_grad():
        expected, hx = layer(x)
    stepper = layer.stepper(BATCH)
    assert stepper.implementation == "compiled" and stepper.outputs == 11
    assert_close(stream(stepper, x, dt), expected, limit)
    assert_ends(stepper, hx)
    plain = use_plain(layer).bfloat16().stepper(BATCH)
    assert plain.implementation == "plain"
    assert_close(stream(plain, x, dt).double(), expected.double(), 0.1)


@pytest.mark.parametrize("wanted", [{"num_layers": 2}, {"bidirectional": True}, {"proj_size": 3}])
def test_other_lstms_are_refused(wanted):
    with pytest.raises(UsageError, match="one layer of one direction without projection, this LSTM has num_layers="):
        LSTM(INPUTS, 5, **wanted).stepper()


def test_one_sample_in_numpy():
    ours = moved("cfc_wired")
    x, dt = irregular(batch=1)
    with torch.no_grad():
        expected, _ = ours(x, timespans=dt)
    stepper, out = ours.stepper(), np.zeros(4, np.float32)
    for t in range(LONG):
        stepper(x[0, t].numpy(), float(dt[0, t]), out=out)
        assert_close(torch.from_numpy(out), expected[0, t])


@pytest.mark.parametrize("name", ["ltc_ncp_mixed", "cfc_mixed", "cfc_wired_mixed", "cfc_dropout"])
def test_without_a_compiled_step_it_is_the_plain_one(name):
    ours = moved(name)
    x, dt = irregular()
    expected = stream(ours.stepper(BATCH), x, dt)
    for training in (False, True):
        twin = use_plain(copy.deepcopy(ours)).train(training)
        stepper = twin.stepper(BATCH)
        assert stepper.implementation == "plain"
        assert_close(stream(stepper, x, dt), expected)
        assert {part.training for part in twin.modules()} == {training}


def test_a_copy_goes_on_from_the_same_state():
    ours = moved("cfc_wired_mixed")
    x, dt = irregular()
    stepper = ours.stepper(BATCH)
    stream(stepper, x, dt)
    copies = copy.deepcopy(stepper), pickle.loads(pickle.dumps(stepper))
    expected = stream(stepper, x, dt)
    for own in copies:
        assert torch.equal(stream(own, x, dt), expected)


def test_weights_that_change_are_noticed():
    ours = CfC(INPUTS, AutoNCP(12, 2), proj_size=2)
    stepper, x = ours.stepper(), np.ones(INPUTS, np.float32)
    before = stepper(x)
    with torch.no_grad():
        ours.fc.bias.add_(1.0)
    stepper.reset()
    assert np.allclose(stepper(x), before + 1.0, atol=1e-6)
