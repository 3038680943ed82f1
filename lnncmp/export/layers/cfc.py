"""CfC, alone, with mixed memory or wired; see lnncmp.layers.cfc, mixed_memory and wired_cfc for the equations."""

import torch

from lnncmp.export.builder import Builder, array
from lnncmp.export.layers.base import Described
from lnncmp.export.program import Constant, Expr, Ref, Unary
from lnncmp.layers.activations import LECUN_GAIN, LECUN_SLOPE
from lnncmp.layers.cfc import CfCLayer
from lnncmp.layers.cfc_cell import CfCWeights
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.wired_cfc import WiredCfCLayer


def describe(builder: Builder, layer: CfCLayer | WiredCfCLayer, x: Ref, dt: Ref) -> Ref:
    """Write one step; of a wired CfC layer after layer, each with the new states of the one before."""
    if isinstance(layer, CfCLayer):
        return _single(builder, layer, x, dt)
    stages = layer.stages()
    states = [builder.state(f"h{k}", stage.width) for k, stage in enumerate(stages)]
    source, neurons = x, []
    for k, (stage, state) in enumerate(zip(stages, states, strict=True)):
        source = _update(builder, stage.cell, (source, state), state, dt, str(k))
        neurons += [source.part(n, 1) for n in range(source.size)]
    return builder.join("neurons", _runs([neurons[int(place)] for place in layer.order]))


def _single(builder: Builder, layer: CfCLayer, x: Ref, dt: Ref) -> Ref:
    h = builder.state("h", layer.width)
    if layer.memory is None:
        return _update(builder, layer.cell, (x, h), h, dt, "")
    u = _remember(builder, layer.memory, x, h, builder.state("c", layer.width))
    return _update(builder, layer.cell, (x, u) if layer.runner.variant == "replace_h" else (u, h), h, dt, "")


def _remember(builder: Builder, memory: MemoryCell, x: Ref, h: Ref, c: Ref) -> Ref:
    """Write the LSTM cell in front of a CfC and return its output."""
    z = builder.bias("gates", memory.input_map.bias)
    builder.add_product(z, memory.input_map.weight, x)
    builder.add_product(z, memory.recurrent_map.weight, h)
    g, i, f, o = (z.part(k * c.size, c.size) for k in range(4))
    builder.let("c", c * Unary("sigmoid", f + memory.forget_bias) + Unary("tanh", g) * Unary("sigmoid", i))
    return builder.let("u", Unary("sigmoid", o) * Unary("tanh", c))


def _update(builder: Builder, cell: CfCWeights, read: tuple[Ref, Ref], h: Ref, dt: Ref, tag: str) -> Ref:
    """Write the cell's update of the state `h` from what it reads, inputs and state, and return the state."""
    sources: tuple[Ref, ...] = read
    for k, layer in enumerate(cell.backbone_maps()):
        z = builder.bias(f"z{tag}_{k}", layer.bias)
        _products(builder, z, layer.weight, sources, None)
        sources = (builder.let(f"z{tag}_{k}", _activated(z, cell.options.backbone_activation)),)
    heads, masked = cell.head_maps(), cell.masked()
    out = builder.bias(f"heads{tag}", torch.cat([head.bias for head in heads]))
    mask = None if masked is None else masked.flatten(0, 1)
    _products(builder, out, torch.cat([head.weight for head in heads]), sources, mask)
    parts = [out.part(k * h.size, h.size) for k in range(len(heads))]
    pure = cell.options.mode == "pure"
    return builder.let(h.buffer, _pure(cell, parts[0], dt) if pure else _gated(builder, cell, parts, dt, tag))


def _products(
    builder: Builder, out: Ref, weight: torch.Tensor, sources: tuple[Ref, ...], mask: torch.Tensor | None
) -> None:
    """Add the product of `weight` with all sources side by side."""
    start = 0
    for source in sources:
        columns = slice(start, start + source.size)
        builder.add_product(out, weight[:, columns], source, None if mask is None else mask[:, columns])
        start += source.size


def _activated(z: Ref, kind: str) -> Expr:
    return LECUN_GAIN * Unary("tanh", LECUN_SLOPE * z) if kind == "lecun_tanh" else Unary(kind, z)


def _gated(builder: Builder, cell: CfCWeights, parts: list[Ref], dt: Ref, tag: str) -> Expr:
    kind, time = cell.options.head_activation, dt * parts[2]
    opening = parts[3] + time if cell.options.gate_sign == "plus" else parts[3] - time
    gate = builder.let(f"gate{tag}", Unary("sigmoid", opening))
    second = _activated(parts[1], kind)
    if cell.options.mode == "no_gate":
        return _activated(parts[0], kind) + second * gate
    first = builder.let(f"first{tag}", _activated(parts[0], kind))
    return first + gate * (second - first)


def _pure(cell: CfCWeights, ff1: Ref, dt: Ref) -> Expr:
    w_tau, asymptote = map(array, cell.decay())
    rate, reach = Constant(abs(w_tau)), Constant(asymptote)
    return reach - reach * Unary("exp", -(dt * (rate + Unary("abs", ff1)))) * ff1


def _runs(neurons: list[Ref]) -> list[Ref]:
    """Return single neurons with those that follow each other in a buffer merged."""
    merged: list[Ref] = []
    for neuron in neurons:
        last = merged[-1] if merged else None
        if last is not None and last.buffer == neuron.buffer and last.start + last.size == neuron.start:
            merged[-1] = Ref(last.buffer, last.start, last.size + 1)
        else:
            merged.append(neuron)
    return merged


LAYER = Described((CfCLayer, WiredCfCLayer), "CfC (plain, wired, with mixed memory)", describe)
