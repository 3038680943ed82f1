"""The transformer: equal to torch's encoder, bounded context, the encoding of times, sizes."""

import pytest
import torch
from model_variants import build, sample
from torch import nn

from lnncmp.layers.transformer import TransformerLayer, heads_of
from lnncmp.models.base import load_model


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def encoder_of_torch(layer):
    """Return torch's encoder with the weights of `layer`."""
    hidden, wide = layer.width, layer.blocks[0].inner.out_features
    one = nn.TransformerEncoderLayer(
        hidden, layer.blocks[0].heads, wide, 0.0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    encoder = nn.TransformerEncoder(one, len(layer.blocks), layer.norm, enable_nested_tensor=False)
    for theirs, ours in zip(encoder.layers, layer.blocks, strict=True):
        maps = torch.cat([ours.query_map.weight, ours.key_map.weight, ours.value_map.weight])
        theirs.self_attn.in_proj_weight = nn.Parameter(maps.detach())
        nn.init.zeros_(theirs.self_attn.in_proj_bias)
        theirs.self_attn.out_proj.load_state_dict(ours.output_map.state_dict())
        theirs.linear1, theirs.linear2 = ours.inner, ours.outer
        theirs.norm1, theirs.norm2 = ours.attention_norm, ours.step_norm
    return encoder


@pytest.mark.parametrize("context", [3, 100])
def test_equals_the_encoder_of_torch(context):
    layer = TransformerLayer(3, 8, blocks=2, heads=4, expansion=3, context=context).double()
    x, dt = sample(torch.float64, steps=9)
    times = torch.cumsum(dt, 1)
    rates = 10000.0 ** (-torch.arange(4) / 4)
    angles = times[..., None] * rates
    entered = layer.input_map(x) + torch.cat([angles.sin(), angles.cos()], 2)
    back = torch.arange(9)[:, None] - torch.arange(9)
    expected = encoder_of_torch(layer)(entered, mask=(back < 0) | (back > context))
    assert torch.allclose(layer.outputs(x, dt, None), expected, rtol=0, atol=1e-6)  # rates are float32
    assert torch.allclose(layer.sequence(x, dt, None, layer.initial_state(4))[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("blocks", [1, 2])
def test_sees_as_many_past_steps_as_the_context_in_every_block(blocks):
    layer = TransformerLayer(3, 8, blocks=blocks, context=3).double()
    x, dt = sample(torch.float64, steps=12)
    before = layer.outputs(x, dt, None)
    x[:, 2] += 1.0
    changed = (layer.outputs(x, dt, None) - before).abs().amax((0, 2)) > 1e-9
    assert changed.tolist() == [2 <= t <= 2 + 3 * blocks for t in range(12)]


def test_a_stream_longer_than_the_context_equals_the_sequence_with_rows_of_any_length():
    layer = TransformerLayer(3, 6, context=3).double()
    x, dt = sample(torch.float64, batch=5, steps=14)
    expected = layer.outputs(x, dt, None)
    state, at = layer.initial_state(5), torch.zeros(5, dtype=torch.long)
    for _ in range(6):  # each row goes on by another number of steps, none among them
        lengths = torch.randint(0, 5, (5,))
        steps = torch.arange(4)
        valid = (steps < lengths[:, None]) & (at[:, None] + steps < 14)
        places = (at[:, None] + steps).clamp(max=13)
        piece = x.gather(1, places[..., None].expand(-1, -1, 3)), dt.gather(1, places)
        hidden, state = layer.sequence(*piece, valid, state)
        wanted = expected.gather(1, places[..., None].expand(-1, -1, 6))
        assert torch.allclose(hidden[valid], wanted[valid], rtol=0, atol=1e-12)
        at += valid.sum(1)
    assert at.min() >= 6 and torch.equal(state[2], torch.full((5, 1), 3.0).double())
    clocks = [own[:steps].sum() for own, steps in zip(dt, at, strict=True)]
    assert torch.allclose(state[1][:, 0], torch.stack(clocks))


def test_padding_in_the_middle_of_a_stream_leaves_the_state_alone():
    layer = TransformerLayer(3, 6, context=2)
    x, dt = sample()
    _, state = layer.sequence(x, dt, None, layer.initial_state(4))
    _, same = layer.sequence(x, dt, torch.zeros(4, 6, dtype=torch.bool), state)
    assert all(torch.equal(a, b) for a, b in zip(state, same, strict=True))
    _, same = layer.sequence(x[:, :0], dt[:, :0], None, state)
    assert all(torch.equal(a, b) for a, b in zip(state, same, strict=True))


@pytest.mark.parametrize(("hidden", "most", "heads"), [(64, 4, 4), (10, 4, 2), (9, 4, 3), (7, 4, 1), (7, 8, 7)])
def test_heads_divide_the_features(hidden, most, heads):
    assert heads_of(hidden, most) == heads
    assert build("transformer", {"hidden": hidden, "heads": most}).layer.blocks[0].heads == heads


@pytest.mark.parametrize(("hidden", "blocks", "expansion"), [(12, 1, 4), (7, 3, 2)])
def test_parameter_counts(hidden, blocks, expansion):
    model = build("transformer", {"hidden": hidden, "layers": blocks, "expansion": expansion})
    wide = expansion * hidden
    block = 4 * hidden**2 + hidden + 2 * hidden * wide + wide + hidden + 4 * hidden
    expected = 3 * hidden + hidden + blocks * block + 2 * hidden
    assert sum(p.numel() for p in model.layer.parameters()) == expected


def test_dropout_acts_in_training_only():
    model = build("transformer", {"dropout": 0.5})
    x, dt = sample()
    assert torch.equal(model(x, dt), model(x, dt))
    model.train()
    assert not torch.allclose(model(x, dt), model(x, dt))
    assert load_model("transformer").arguments().dropout == 0.0


def test_extreme_inputs_and_elapsed_times_stay_finite():
    model = build("transformer", {})
    x, dt = sample(steps=12)
    x[0] *= 1e30
    dt[1], dt[2, ::2], dt[3] = 1e4, 0.0, 1e30
    y, state = model.sequence(x, dt, None, None)
    assert y.isfinite().all() and all(own.isfinite().all() for own in state)


def test_autocast_computes_in_the_type_of_the_weights():
    model = build("transformer", {})
    x, dt = sample()
    expected = model.layer.outputs(x, dt, None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model.layer.outputs(x, dt, None)
    assert found.dtype == torch.float32 and torch.allclose(found, expected, atol=1e-5)
