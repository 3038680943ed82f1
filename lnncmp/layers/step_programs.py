"""One step of each recurrent layer and readout, written as a program for the kernel of lnncmp.kernels.step.

Each function here writes one step of a layer with weights on the CPU, from its state and the inputs of the program,
and returns the place of the hidden units. They compute what the layer's plain path does, in evaluation mode.
Arithmetic that depends on weights alone is done here, once, in float64.

Legend of shape suffixes: I inputs, H hidden units, N backbone units, P sources, J targets, O outputs.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.activations import LECUN_SLOPE

if TYPE_CHECKING:
    from lnncmp.layers.cfc_cell import CfCWeights
    from lnncmp.layers.liquid import LiquidLayer
    from lnncmp.layers.ltc import LTCSequence
    from lnncmp.layers.mixed_memory import MemoryCell
    from lnncmp.layers.synapses import RawSynapses

Numbers = NDArray[Any]

_ACTIVATIONS = {"silu": 0, "relu": 1, "tanh": 2, "gelu": 3, "lecun_tanh": 4}
"""Numbers of lnncmp.kernels.cfc.math, which loads the compiler."""
_LOG2E = 1.0 / np.log(2.0)


def _of(tensor: Tensor) -> Numbers:
    numbers: Numbers = tensor.detach().double().numpy()
    return numbers


def _blocks(weight: Tensor, count: int) -> list[Numbers]:
    """Return the weights (count H, D) of `count` gates as matrices (D, H), a bias (count H) as vectors."""
    return [part.T for part in np.split(_of(weight), count)]


def write_lstm(weights: Sequence[Tensor], program: StepProgram) -> int:
    """Write one step of an LSTM; weights w_ih (4 H, I), w_hh (4 H, H), b_ih, b_hh (4 H,); state (h, c)."""
    w_ih, w_hh, b_ih, b_hh = weights
    width = w_hh.shape[1]
    h, c, gates, order = program.state(width), program.state(width), program.blocks(width, 4), [0, 1, 2, 3]
    _write_gates(program, gates, b_ih + b_hh, order)
    _write_products(program, gates, ((program.x, w_ih), (h, w_hh)), order)
    program.lstm(h, c, gates, width)
    return h


def _write_gates(program: StepProgram, gates: int, bias: Tensor, order: list[int]) -> None:
    """Begin four gates with their biases; `order`: where i, f, g, o are in the weights."""
    parts = _blocks(bias, 4)
    program.set(gates, *(parts[k] for k in order))


def _write_products(
    program: StepProgram, gates: int, sources: tuple[tuple[int, Tensor], ...], order: list[int]
) -> None:
    """Add what four gates read of each (place, weight (4 H, D))."""
    for source, weight in sources:
        parts = _blocks(weight, 4)
        program.product(gates, source, *(parts[k] for k in order))


def write_gru(weights: Sequence[Tensor], program: StepProgram) -> int:
    """Write one step of a GRU; weights as of an LSTM, but of three gates, r, z, n; state (h,)."""
    width = weights[1].shape[1]
    h, gates = program.state(width), program.blocks(width, 4)
    in_weight, own_weight, in_bias, own_bias = (_blocks(weight, 3) for weight in weights)
    program.set(gates, in_bias[2], in_bias[0] + own_bias[0], in_bias[1] + own_bias[1], own_bias[2])
    program.product(gates, program.x, in_weight[2], in_weight[0], in_weight[1])
    program.product(gates + program.padded(width), h, *own_weight)
    program.gru(h, gates, width)
    return h


def _write_memory(
    memory: "MemoryCell", program: StepProgram, state: Sequence[tuple[int, int]], c: int, width: int
) -> int:
    """Write the LSTM cell of a mixed memory, whose weights have the order g, i, f, o; returns the place of u.

    state: places and widths of what lies side by side in the state that it reads.
    """
    gates, out, order = program.blocks(width, 4), program.place(width), [1, 2, 0, 3]
    bias = memory.input_map.bias.detach().clone()
    bias[2 * width : 3 * width] += memory.forget_bias
    _write_gates(program, gates, bias, order)
    recurrent = torch.split(memory.recurrent_map.weight, [size for _, size in state], 1)
    own = zip((place for place, _ in state), recurrent, strict=True)
    _write_products(program, gates, ((program.x, memory.input_map.weight), *own), order)
    program.lstm(out, c, gates, width)
    return out


def write_cfc(cell: "CfCWeights", memory: "MemoryCell | None", variant: str | None, program: StepProgram) -> int:
    """Write one step of a CfC; state (h,), with mixed memory (h, c). See CfCLayer for `variant`."""
    h = program.state(cell.hidden)
    if memory is None:
        return _write_cell(cell, program, program.x, h, h)
    c = program.state(cell.hidden)
    u = _write_memory(memory, program, [(h, cell.hidden)], c, cell.hidden)
    if variant == "replace_h":
        return _write_cell(cell, program, program.x, u, h)
    return _write_cell(cell, program, u, h, h)


def _write_cell(cell: "CfCWeights", program: StepProgram, x: int, h: int, out: int) -> int:
    """Write the update of a CfC cell that reads inputs at x and a state at h, to `out`; returns `out`."""
    options, width = cell.options, cell.hidden
    maps = [([_of(part.weight).T], [_of(part.bias)]) for part in cell.backbone_maps()]
    maps.append(_heads(cell))
    place = x
    for number, (matrices, biases) in enumerate(maps):
        target = program.blocks(biases[0].size, len(biases))
        program.set(target, *biases)
        if number == 0:
            program.product(target, x, *(matrix[: cell.inputs] for matrix in matrices))
            program.product(target, h, *(matrix[cell.inputs :] for matrix in matrices))
        else:
            program.product(target, place, *matrices)
        if number < len(maps) - 1:
            program.activate(target, _ACTIVATIONS[options.backbone_activation], biases[0].size)
        place = target
    if options.mode == "pure":
        w_tau, amplitude = cell.decay()
        program.pure_head(out, place, np.abs(_of(w_tau)), _of(amplitude))
    else:
        lecun = options.head_activation == "lecun_tanh"
        program.gated_heads(out, place, width, options.mode == "no_gate", lecun)
    return out


def _heads(cell: "CfCWeights") -> tuple[list[Numbers], list[Numbers]]:
    """Return the matrices (D, H) and biases (H) of all heads, with masks, slope and the gate's sign in them."""
    heads, masked = cell.head_maps(), cell.masked()
    mask = None if masked is None else _of(masked)
    slope = LECUN_SLOPE if cell.options.head_activation == "lecun_tanh" else 1.0
    sign = 1.0 if cell.options.gate_sign == "plus" else -1.0
    factors = (1.0,) if cell.options.mode == "pure" else (slope, slope, sign, 1.0)
    matrices, biases = [], []
    for number, (head, factor) in enumerate(zip(heads, factors, strict=True)):
        weight = _of(head.weight) * factor
        matrices.append((weight if mask is None else weight * mask[number]).T)
        biases.append(_of(head.bias) * factor)
    return matrices, biases


def write_wired_cfc(
    cells: "Sequence[CfCWeights]",
    layers: Sequence[Sequence[int]],
    program: StepProgram,
    memory: "MemoryCell | None" = None,
) -> int:
    """Write one step of a wired CfC whose `layers` have these neurons, consecutive ones.

    State (h_l of each layer of the wiring, in signal order), behind a memory cell with c at the end.
    """
    sizes = [cell.hidden for cell in cells]
    hidden, source = program.place(sum(sizes)), program.x
    states = [program.state(size) for size in sizes]
    if memory is not None:
        parts, c = list(zip(states, sizes, strict=True)), program.state(sum(sizes))
        u = _write_memory(memory, program, parts, c, sum(sizes))
        for h, size in parts:
            program.copy(h, u, size)
            u += size
    for cell, h, neurons in zip(cells, states, layers, strict=True):
        source = _write_cell(cell, program, source, h, h)
        program.copy(hidden + neurons[0], h, cell.hidden)
    return hidden


def write_liquid(layer: "LiquidLayer", program: StepProgram) -> int:
    """Write one step of a liquid layer; state (v,)."""
    v, drive, argument = program.state(layer.width), program.place(layer.width), program.place(layer.width)
    mapped = program.place(layer.inputs)
    program.scale(mapped, program.x, _of(layer.input_w), _of(layer.input_b))
    program.set(drive, _of(layer.bias))
    program.product(drive, mapped, _of(layer.sensory.masked()))
    first = len(program.operations)
    conductance = _of(softplus(layer.raw_conductance.double()))
    numbers = conductance, conductance * _of(layer.reversal), _of(softplus(layer.raw_rate.double()))
    program.copy(argument, drive, layer.width)
    program.product(argument, v, _of(layer.recurrent.masked()))
    program.liquid(v, argument, numbers, layer.unfolds)
    program.again(first, layer.unfolds)
    return v


def write_ltc(layer: "LTCSequence", program: StepProgram, memory: "MemoryCell | None" = None) -> int:
    """Write one step of an LTC with the semi-implicit solver; state (v,), or (v, c) behind a memory cell."""
    options, width, raw = layer.options, layer.width, layer.raw()
    positive = _softplus if layer.constraint == "softplus" else _of
    v = program.state(width)
    if memory is not None:
        program.copy(v, _write_memory(memory, program, [(v, width)], program.state(width), width), width)
    driven, summed = program.blocks(width, 2), program.blocks(width, 2)
    den, mapped = program.padded(width), program.place(layer.inputs)
    leak = positive(raw.gleak)
    program.scale(mapped, program.x, _of(raw.input_w), _of(raw.input_b))
    program.set(driven, leak * _of(raw.vleak), leak)
    _write_synapses(raw.sensory, positive, program, driven, driven + den, mapped)
    first = len(program.operations)
    program.copy(summed, driven, den + width)
    _write_synapses(raw.recurrent, positive, program, summed, summed + den, v)
    program.ltc(v, summed, summed + den, positive(raw.cm) + options.epsilon, options.unfolds)
    program.again(first, options.unfolds)
    return v


def _softplus(tensor: Tensor) -> Numbers:
    return _of(softplus(tensor.detach().double()))


def _write_synapses(
    synapses: "RawSynapses",
    positive: Callable[[Tensor], Numbers],
    program: StepProgram,
    num: int,
    den: int,
    source: int,
) -> None:
    """Write the sums over all synapses, which begin at t = slope v + offset: open by 1 / (1 + 2^t)."""
    mask, sigma = _of(synapses.mask) != 0, _of(synapses.sigma) * _LOG2E
    w = positive(synapses.w)
    numbers = np.stack([-sigma, sigma * _of(synapses.mu), w, w * _of(synapses.erev)], axis=-1)
    if mask.all():
        program.dense_synapses(num, den, source, numbers)
    elif mask.any():
        program.listed_synapses(num, den, source, mask, numbers)


def write_affine(readout: nn.Linear, program: StepProgram, hidden: int) -> int:
    """Write an affine map of the first units at `hidden` to O outputs; returns their place."""
    y = program.place(readout.out_features)
    program.set(y, np.zeros(readout.out_features) if readout.bias is None else _of(readout.bias))
    program.product(y, hidden, _of(readout.weight).T)
    return y


def write_gains(gain: Tensor, offset: Tensor, program: StepProgram, hidden: int) -> int:
    """Write gain * unit + offset for the first O units at `hidden`; returns the place of the outputs."""
    y = program.place(gain.numel())
    program.scale(y, hidden, _of(gain), _of(offset))
    return y
