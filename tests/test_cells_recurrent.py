"""LSTM and GRU equal torch's layers: weights, outputs, gradients, states, also with padding."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lnncmp.layers.lstm_gru import GRULayer, LSTMLayer
from lnncmp.models.base import load_model

KINDS = [(LSTMLayer, nn.LSTM), (GRULayer, nn.GRU)]
each_kind = pytest.mark.parametrize(("ours", "theirs"), KINDS, ids=["lstm", "gru"])
each_implementation = pytest.mark.parametrize("implementation", ["fused", "torch", "loop"])
INPUTS, HIDDEN, BATCH, STEPS = 3, 5, 4, 7


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def as_state(h):
    """Return torch's state, (1, B, H) tensors, as ours."""
    return tuple(s[0] for s in h) if isinstance(h, tuple) else (h[0],)


@each_kind
@each_implementation
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_outputs_state_and_gradients_equal_torch(ours, theirs, implementation, dtype, limit):
    reference = theirs(INPUTS, HIDDEN, batch_first=True).to(dtype)
    layer = ours(INPUTS, HIDDEN, implementation).to(dtype)
    layer.load_state_dict(reference.state_dict())
    x = torch.randn(BATCH, STEPS, INPUTS, dtype=dtype)
    one, two = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected, final = reference(one)
    got, state = layer.sequence(two, torch.ones(BATCH, STEPS, dtype=dtype), None, layer.initial_state(BATCH))
    weight = torch.randn_like(expected)
    (expected * weight).sum().backward()
    (got * weight).sum().backward()
    assert torch.allclose(got, expected, rtol=0, atol=limit)
    assert all(torch.allclose(a, b, rtol=0, atol=limit) for a, b in zip(state, as_state(final), strict=True))
    assert torch.allclose(two.grad, one.grad, rtol=0, atol=10 * limit)
    for name, parameter in reference.named_parameters():
        assert torch.allclose(layer.get_parameter(name).grad, parameter.grad, rtol=0, atol=30 * limit), name


@each_kind
@each_implementation
def test_padding_equals_packed_sequences(ours, theirs, implementation):
    reference = theirs(INPUTS, HIDDEN, batch_first=True)
    layer = ours(INPUTS, HIDDEN, implementation)
    layer.load_state_dict(reference.state_dict())
    lengths = torch.tensor([7, 3, 1, 5])
    valid = torch.arange(STEPS) < lengths[:, None]
    x, dt = torch.randn(BATCH, STEPS, INPUTS), torch.ones(BATCH, STEPS)
    packed, final = reference(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    expected = pad_packed_sequence(packed, batch_first=True, total_length=STEPS)[0]
    got, state = layer.sequence(x, dt, valid, layer.initial_state(BATCH))
    assert torch.allclose(got[valid], expected[valid], atol=1e-6)
    assert torch.allclose(layer.outputs(x, dt, valid)[valid], expected[valid], atol=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(state, as_state(final), strict=True))


@pytest.mark.parametrize("ours", [LSTMLayer, GRULayer])
def test_outputs_of_a_padded_batch_come_from_the_kernel_of_torch(ours, monkeypatch):
    def refuse(*_):
        raise AssertionError("the loop ran, which slows the baseline down")

    layer = ours(INPUTS, HIDDEN)
    monkeypatch.setattr(ours, "_loop", refuse)
    valid = torch.arange(STEPS) < torch.tensor([7, 3, 0, 5])[:, None]
    x, dt = torch.randn(BATCH, STEPS, INPUTS), torch.ones(BATCH, STEPS)
    assert layer.outputs(x, dt, valid).shape == (BATCH, STEPS, HIDDEN)
    with pytest.raises(AssertionError, match="the loop ran"):
        ours(INPUTS, HIDDEN, "loop").outputs(x, dt, valid)


@each_kind
def test_weights_are_drawn_as_by_torch(ours, theirs):
    torch.manual_seed(3)
    expected = theirs(INPUTS, HIDDEN).state_dict()
    torch.manual_seed(3)
    got = ours(INPUTS, HIDDEN).state_dict()
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[key], expected[key]) for key in expected)


def test_forget_bias_is_added_to_the_forget_gate_only():
    torch.manual_seed(3)
    plain = LSTMLayer(INPUTS, HIDDEN)
    torch.manual_seed(3)
    raised = LSTMLayer(INPUTS, HIDDEN, forget_bias=1.0)
    difference = (raised.bias_ih_l0 - plain.bias_ih_l0).detach()
    expected = torch.zeros(4 * HIDDEN)
    expected[HIDDEN : 2 * HIDDEN] = 1.0
    assert torch.allclose(difference, expected, atol=1e-6)
    assert torch.equal(raised.bias_hh_l0, plain.bias_hh_l0)


@pytest.mark.parametrize("ours", [LSTMLayer, GRULayer])
def test_keras_start_is_glorot_orthogonal_and_zero(ours):
    layer = ours(30, 20, init="keras")
    gates = layer.weight_ih_l0.shape[0]
    bound = (6 / (30 + gates)) ** 0.5
    assert bound * 0.95 < layer.weight_ih_l0.abs().max() <= bound
    assert torch.allclose(layer.weight_hh_l0.t() @ layer.weight_hh_l0, torch.eye(20), atol=1e-5)
    assert not layer.bias_ih_l0.any()
    assert not layer.bias_hh_l0.any()


@pytest.mark.parametrize("ours", [LSTMLayer, GRULayer])
def test_torch_kernel_uses_replaced_weights(ours):
    layer = ours(INPUTS, HIDDEN, "torch")
    x, dt = torch.randn(BATCH, STEPS, INPUTS), torch.ones(BATCH, STEPS)
    before = layer.outputs(x, dt, None)
    layer.load_state_dict({k: torch.zeros_like(v) for k, v in layer.state_dict().items()}, assign=True)
    assert before.abs().max() > 0.01
    assert not layer.outputs(x, dt, None).any()


@pytest.mark.parametrize(("name", "expected"), [("lstm", 21_248), ("gru", 15_936)])
def test_parameter_counts(name, expected):
    spec = load_model(name)
    model = spec.build(spec.arguments(hidden=64), 17, 17, 0)
    assert sum(p.numel() for p in model.layer.parameters()) == expected
    assert sum(p.numel() for p in model.readout.parameters()) == 65 * 17


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_model_says_which_implementation_runs(name):
    spec = load_model(name)
    kinds = ("auto", "fused", "torch", "loop")
    built = {k: spec.build(spec.arguments(implementation=k), 3, 2, 0) for k in kinds}
    ran = {k: model.implementation for k, model in built.items()}
    assert ran == {"auto": "fused", "fused": "fused", "torch": "torch", "loop": "loop"}
    # No kernel works on half precision, as none does on another device.
    ran = {k: model.half().implementation for k, model in built.items()}
    assert ran == {"auto": "torch", "fused": "torch", "torch": "torch", "loop": "loop"}
