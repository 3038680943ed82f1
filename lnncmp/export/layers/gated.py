"""LSTM and GRU; see lnncmp.layers.lstm_gru for the equations."""

from lnncmp.export.builder import Builder, array
from lnncmp.export.layers.base import Described
from lnncmp.export.program import Ref, Unary
from lnncmp.layers.lstm_gru import GRULayer, LSTMLayer


def describe(builder: Builder, layer: LSTMLayer | GRULayer, x: Ref, dt: Ref) -> Ref:
    """Write one step; the elapsed time is not read."""
    del dt
    return _lstm(builder, layer, x) if isinstance(layer, LSTMLayer) else _gru(builder, layer, x)


def _lstm(builder: Builder, layer: LSTMLayer, x: Ref) -> Ref:
    h, c = builder.state("h", layer.width), builder.state("c", layer.width)
    z = builder.bias("z", array(layer.bias_ih_l0) + array(layer.bias_hh_l0))
    builder.add_product(z, layer.weight_ih_l0, x)
    builder.add_product(z, layer.weight_hh_l0, h)
    i, f, g, o = (z.part(k * layer.width, layer.width) for k in range(4))
    builder.let("c", Unary("sigmoid", f) * c + Unary("sigmoid", i) * Unary("tanh", g))
    return builder.let("h", Unary("sigmoid", o) * Unary("tanh", c))


def _gru(builder: Builder, layer: GRULayer, x: Ref) -> Ref:
    h = builder.state("h", layer.width)
    given, held = builder.bias("z", layer.bias_ih_l0), builder.bias("u", layer.bias_hh_l0)
    builder.add_product(given, layer.weight_ih_l0, x)
    builder.add_product(held, layer.weight_hh_l0, h)
    (r, z, n), (hr, hz, hn) = ([of.part(k * layer.width, layer.width) for k in range(3)] for of in (given, held))
    candidate = builder.let("n", Unary("tanh", n + Unary("sigmoid", r + hr) * hn))
    return builder.let("h", candidate + Unary("sigmoid", z + hz) * (h - candidate))


LAYER = Described((LSTMLayer, GRULayer), "LSTM, GRU", describe)
