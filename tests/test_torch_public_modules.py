"""The public layers behave like torch.nn's: copied, compiled, vmapped, differentiated twice, under autocast."""

import copy
import pickle

import pytest
import torch
from ncps.wirings import AutoNCP
from torch.func import vmap
from torch_layers import assert_close, gradients

from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.torch import GRU, LSTM, LTC, CfC

LAYERS = {
    "ltc": lambda: LTC(3, AutoNCP(7, 2)),
    "ltc_memory": lambda: LTC(3, 5, mixed_memory=True),
    "cfc": lambda: CfC(3, 5, proj_size=2),
    "cfc_pure": lambda: CfC(3, 5, mode="pure"),
    "cfc_memory": lambda: CfC(3, 5, mixed_memory=True),
    "cfc_wired": lambda: CfC(3, AutoNCP(7, 2)),
    "lstm": lambda: LSTM(3, 5, batch_first=True),
    "gru": lambda: GRU(3, 5, batch_first=True),
}
each_layer = pytest.mark.parametrize("name", LAYERS)
own_layers = pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("lstm", "gru")])
"""Those that are no subclasses of torch.nn.RNNBase, which torch.compile refuses."""


def make(name, dtype=torch.float64):
    torch.manual_seed(0)
    return LAYERS[name]().to(dtype)


def data(dtype=torch.float64):
    source = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 3, generator=source, dtype=dtype)


@each_layer
def test_copies_compute_the_same(name):
    layer, x = make(name), data()
    for own in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(own(x)[0], layer(x)[0])


@own_layers
def test_compiled_without_a_graph_break(name):
    torch._dynamo.reset()
    layer, x = make(name), data()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    y, expected = compiled(x)[0], layer(x)[0]
    assert_close([y], [expected])
    assert_close(gradients(layer, y.square().sum()), gradients(layer, expected.square().sum()))


@each_layer
def test_vmap_over_samples(name):
    layer, x = make(name), data()
    assert_close([vmap(lambda x: layer(x)[0])(x)], [layer(x)[0]])


@each_layer
def test_a_gradient_penalty_trains_as_by_plain_torch(name):
    layer = make(name)
    twin = use_plain(copy.deepcopy(layer)) if name not in ("lstm", "gru") else plain_twin(layer)
    x = data().requires_grad_()
    found = []
    for own in (layer, twin):
        (slope,) = torch.autograd.grad(own(x)[0].square().sum(), x, create_graph=True)
        found.append(gradients(own, slope.square().sum()))
    assert_close(*found)


def plain_twin(layer):
    """Return torch's own layer with the same weights."""
    kind = torch.nn.LSTM if isinstance(layer, torch.nn.LSTM) else torch.nn.GRU
    twin = kind(3, 5, batch_first=True).double()
    twin.load_state_dict(layer.state_dict())
    return twin


@own_layers
def test_autocast_computes_in_the_weights_type(name):
    layer, x = make(name, torch.float32), data(torch.float32).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x)
    _, expected = layer(x.float())
    for own, wanted in zip(
        state if isinstance(state, tuple) else (state,),
        expected if isinstance(expected, tuple) else (expected,),
        strict=True,
    ):
        assert own.dtype == torch.float32 and torch.equal(own, wanted)
