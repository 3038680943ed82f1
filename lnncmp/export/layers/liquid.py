"""The liquid neurons of liquid_ncp; see lnncmp.layers.liquid for the equations."""

from torch.nn.functional import softplus

from lnncmp.export.builder import Builder, array
from lnncmp.export.layers.base import Described
from lnncmp.export.program import Constant, Ref, Unary
from lnncmp.layers.liquid import LiquidLayer


def describe(builder: Builder, layer: LiquidLayer, x: Ref, dt: Ref) -> Ref:
    """Write one step: the inputs' part of the gates once, then the solver steps."""
    v = builder.state("v", layer.width)
    rate, conductance = (array(softplus(raw.detach().double())) for raw in (layer.raw_rate, layer.raw_conductance))
    sensory, recurrent = layer.sensory, layer.recurrent
    mapped = builder.let("mapped", x * Constant(array(layer.input_w)) + Constant(array(layer.input_b)))
    drive = builder.bias("drive", layer.bias)
    builder.add_product(drive, sensory.masked().t(), mapped, sensory.mask.t())
    h = builder.let("interval", dt * (1.0 / layer.unfolds))
    opened = builder.let("opened", h * Constant(conductance))
    pulled = builder.let("pulled", opened * Constant(array(layer.reversal)))
    leaked = builder.let("leaked", 1.0 + h * Constant(rate))
    with builder.repeat(layer.unfolds):
        gate = builder.let("gate", drive)
        builder.add_product(gate, recurrent.masked().t(), v, recurrent.mask.t())
        builder.let("gate", Unary("sigmoid", gate))
        builder.let("v", (v + gate * pulled) / (leaked + gate * opened))
    return v


LAYER = Described((LiquidLayer,), "liquid_ncp", describe)
