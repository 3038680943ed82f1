"""RNN-Decay: its two equations, its start, long gaps, its size."""

import pytest
import torch
from model_variants import build, sample

from lnncmp.layers.rnn_decay import RNNDecayLayer


@pytest.mark.parametrize("decay", ["as_coded", "exponential"])
def test_it_is_its_equation(decay):
    torch.manual_seed(0)
    layer = RNNDecayLayer(3, 5, decay, "torch").double()
    x, h, dt = torch.randn(4, 3).double(), torch.randn(4, 5).double(), torch.rand(4, 1).double()
    if decay == "as_coded":
        expected = layer.outer(torch.tanh(layer.inner(torch.cat([x, h], 1)))) - dt * 0.1
    else:
        expected = layer.outer(torch.tanh(layer.inner(torch.cat([x, h * torch.exp(-0.1 * dt)], 1))))
    hidden, _ = layer.sequence(x[:, None], dt, None, (h,))
    assert torch.allclose(hidden[:, 0], expected, rtol=0, atol=1e-7)  # tau was rounded to float32


def test_long_gaps_make_the_state_drift_as_coded_and_forget_otherwise():
    x, h = torch.randn(2, 1, 3), torch.randn(2, 5)
    gap = torch.tensor([[1e4], [1e30]])
    coded, _ = RNNDecayLayer(3, 5).sequence(x, gap, None, (h,))
    assert coded.isfinite().all() and torch.allclose(coded / gap[..., None], torch.tensor(-0.1), atol=1e-3)
    layer = RNNDecayLayer(3, 5, "exponential")
    found, _ = layer.sequence(x, gap, None, (h,))
    fresh, _ = layer.sequence(x, gap, None, (0 * h,))
    assert torch.equal(found, fresh)


@pytest.mark.parametrize("decay", ["as_coded", "exponential"])
def test_extreme_inputs_and_elapsed_times_stay_finite(decay):
    x, dt = sample(steps=12)
    x[0] *= 1e30
    dt[1], dt[2, ::2], dt[3] = 1e4, 0.0, 1e-6
    y, state = build("rnn_decay", {"decay": decay}).sequence(x, dt, None, None)
    assert y.isfinite().all() and state[0].isfinite().all()


def test_starts_as_keras_and_counts():
    layer = RNNDecayLayer(3, 11)
    assert sum(p.numel() for p in layer.parameters()) == ((3 + 11) * 11 + 11) + (11 * 11 + 11) + 11
    assert not layer.inner.bias.any() and not layer.outer.bias.any()
    assert 0.9 < layer.inner.weight.abs().max() / (6 / (14 + 11)) ** 0.5 <= 1
    assert (layer.tau == 0.1).all()
