"""LTC, fully connected or wired; see lnncmp.layers.ltc, synapses and solvers for the equations."""

from torch import Tensor
from torch.nn.functional import softplus

from lnncmp.errors import UsageError
from lnncmp.export.builder import Builder, array
from lnncmp.export.layers.base import Described
from lnncmp.export.program import Constant, Expr, Floats, Ref
from lnncmp.layers.ltc import LTCSequence
from lnncmp.layers.synapses import RawSynapses


def describe(builder: Builder, layer: LTCSequence, x: Ref, dt: Ref) -> Ref:
    """Write one step: leak and inputs once, then the solver steps.

    Raises UsageError for the adaptive solver, whose number of steps is not known beforehand.
    """
    if layer.options.solver not in _SOLVERS:
        raise UsageError(
            f"an LTC with the adaptive solver {layer.options.solver} cannot be exported",
            f"Known solvers are {', '.join(_SOLVERS)}: train the run with one of them.",
        )
    raw = layer.raw()
    builder.state("v", layer.width)
    mapped = builder.let("mapped", x * Constant(array(raw.input_w)) + Constant(array(raw.input_b)))
    leak = _positive(layer, raw.gleak)
    num = builder.bias("given_num", leak * array(raw.vleak))
    den = builder.bias("given_den", leak)
    _synapses(builder, layer, raw.sensory, mapped, num, den)
    h = builder.let("interval", dt * (1.0 / layer.options.unfolds))
    with builder.repeat(layer.options.unfolds):
        _SOLVERS[layer.options.solver](builder, layer, h)
    return builder.whole("v")


def _positive(layer: LTCSequence, raw: Tensor) -> Floats:
    """Return what the constraint makes of a raw parameter."""
    return array(softplus(raw.detach().double()) if layer.constraint == "softplus" else raw)


def _synapses(builder: Builder, layer: LTCSequence, synapses: RawSynapses, source: Ref, num: Ref, den: Ref) -> None:
    """Add the currents of all synapses from `source`."""
    weight, slope = _positive(layer, synapses.w), array(synapses.sigma)
    offset, pull = -slope * array(synapses.mu), weight * array(synapses.erev)
    builder.add_synapses(num, den, source, synapses.mask.cpu().numpy(), slope, offset, pull, weight)


def _currents(builder: Builder, layer: LTCSequence, v: Ref) -> tuple[Ref, Ref]:
    """Write num and den at the potentials v, the inputs' part included."""
    num, den = builder.let("num", builder.whole("given_num")), builder.let("den", builder.whole("given_den"))
    _synapses(builder, layer, layer.raw().recurrent, v, num, den)
    return num, den


def _semi_implicit(builder: Builder, layer: LTCSequence, h: Ref) -> None:
    v = builder.whole("v")
    num, den = _currents(builder, layer, v)
    capacitance = Constant(_positive(layer, layer.raw().cm) + layer.options.epsilon)
    builder.let("v", v + h * (num - den * v) / (capacitance + h * den))


def _slope(builder: Builder, layer: LTCSequence, v: Ref) -> Expr:
    num, den = _currents(builder, layer, v)
    return (num - den * v) / Constant(_positive(layer, layer.raw().cm))


def _explicit_euler(builder: Builder, layer: LTCSequence, h: Ref) -> None:
    v = builder.whole("v")
    builder.let("v", v + h * _slope(builder, layer, v))


def _rk4(builder: Builder, layer: LTCSequence, h: Ref) -> None:
    v = builder.whole("v")
    k1 = builder.let("k1", _slope(builder, layer, v))
    k2 = builder.let("k2", _slope(builder, layer, builder.let("at", v + 0.5 * h * k1)))
    k3 = builder.let("k3", _slope(builder, layer, builder.let("at", v + 0.5 * h * k2)))
    k4 = builder.let("k4", _slope(builder, layer, builder.let("at", v + h * k3)))
    builder.let("v", v + h * (k1 + 2.0 * (k2 + k3) + k4) * (1.0 / 6.0))


_SOLVERS = {"semi_implicit": _semi_implicit, "explicit_euler": _explicit_euler, "rk4": _rk4}

LAYER = Described((LTCSequence,), "LTC (plain, wired)", describe)
