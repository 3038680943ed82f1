"""One step of each recurrent layer and readout, written as a program for the kernel of lnncmp.kernels.step.

Each function here writes one step of a layer with weights on the CPU, from its state and the inputs of the program,
and returns the place of the hidden units. They compute what the layer's plain path does, in evaluation mode.
Arithmetic that depends on weights alone is done here, once, in float64.

Legend of shape suffixes: I inputs, H hidden units, N backbone units, P sources, J targets, O outputs.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.activations import LECUN_SLOPE
from lnncmp.layers.cfc_cell import linears

if TYPE_CHECKING:
    from lnncmp.layers.cfc_cell import CfCCell
    from lnncmp.layers.liquid import LiquidLayer
    from lnncmp.layers.lstm_gru import GRULayer, LSTMLayer
    from lnncmp.layers.mixed_memory import MemoryCell
    from lnncmp.layers.solvers import SolverOptions

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


def write_lstm(layer: "LSTMLayer", program: StepProgram) -> int:
    """Write one step of an LSTM; state (h, c)."""
    h, c = program.state(layer.width), program.state(layer.width)
    gates = program.blocks(layer.width, 4)
    order = [0, 1, 2, 3]
    _write_gates(program, gates, layer.bias_ih_l0 + layer.bias_hh_l0, order)
    _write_products(program, gates, ((program.x, layer.weight_ih_l0), (h, layer.weight_hh_l0)), order)
    program.lstm(h, c, gates, layer.width)
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


def write_gru(layer: "GRULayer", program: StepProgram) -> int:
    """Write one step of a GRU; state (h,). The gates in torch's weights are r, z, n."""
    h, gates = program.state(layer.width), program.blocks(layer.width, 4)
    in_bias, own_bias = _blocks(layer.bias_ih_l0, 3), _blocks(layer.bias_hh_l0, 3)
    in_weight, own_weight = _blocks(layer.weight_ih_l0, 3), _blocks(layer.weight_hh_l0, 3)
    program.set(gates, in_bias[2], in_bias[0] + own_bias[0], in_bias[1] + own_bias[1], own_bias[2])
    program.product(gates, program.x, in_weight[2], in_weight[0], in_weight[1])
    program.product(gates + program.padded(layer.width), h, *own_weight)
    program.gru(h, gates, layer.width)
    return h


def write_memory(memory: "MemoryCell", program: StepProgram, h: int, c: int, width: int) -> int:
    """Write the LSTM cell of a mixed memory, whose weights have the order g, i, f, o; returns the place of u."""
    gates, out, order = program.blocks(width, 4), program.place(width), [1, 2, 0, 3]
    bias = memory.input_map.bias.detach().clone()
    bias[2 * width : 3 * width] += memory.forget_bias
    _write_gates(program, gates, bias, order)
    sources = (program.x, memory.input_map.weight), (h, memory.recurrent_map.weight)
    _write_products(program, gates, sources, order)
    program.lstm(out, c, gates, width)
    return out


def write_cfc(cell: "CfCCell", memory: "MemoryCell | None", variant: str | None, program: StepProgram) -> int:
    """Write one step of a CfC cell; state (h,), or with a memory cell (h, c); `variant`: what the memory replaces."""
    h = program.state(cell.hidden)
    if memory is None:
        return _write_cell(cell, program, program.x, h, h)
    c = program.state(cell.hidden)
    u = write_memory(memory, program, h, c, cell.hidden)
    if variant == "replace_h":
        return _write_cell(cell, program, program.x, u, h)
    return _write_cell(cell, program, u, h, h)


def write_wired_cfc(cells: Sequence["CfCCell"], neurons: Sequence[Sequence[int]], program: StepProgram) -> int:
    """Write one step of a wired CfC: a cell for each layer of the wiring, in signal order, whose neurons follow.

    State (h_l of each layer); each layer's neurons are consecutive.
    """
    hidden, source = program.place(sum(map(len, neurons))), program.x
    for cell, layer in zip(cells, neurons, strict=True):
        h = program.state(cell.hidden)
        source = _write_cell(cell, program, source, h, h)
        program.copy(hidden + layer[0], h, cell.hidden)
    return hidden


def _write_cell(cell: "CfCCell", program: StepProgram, x: int, h: int, out: int) -> int:
    """Write the update of a CfC cell that reads inputs at x and a state at h, to `out`; returns `out`."""
    options = cell.options
    maps = [([_of(part.weight).T], [_of(part.bias)]) for part in linears(cell.backbone)]
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
        program.pure_head(out, place, np.abs(_of(cell.w_tau)), _of(cell.A))
    else:
        lecun = options.head_activation == "lecun_tanh"
        program.gated_heads(out, place, cell.hidden, options.mode == "no_gate", lecun)
    return out


def _heads(cell: "CfCCell") -> tuple[list[Numbers], list[Numbers]]:
    """Return the matrices (D, H) and biases (H) of all heads, with masks, slope and the gate's sign in them."""
    mask = None if cell.head_mask is None else _of(cell.head_mask)
    slope = LECUN_SLOPE if cell.options.head_activation == "lecun_tanh" else 1.0
    sign = 1.0 if cell.options.gate_sign == "plus" else -1.0
    factors = (1.0,) if cell.options.mode == "pure" else (slope, slope, sign, 1.0)
    matrices, biases = [], []
    for number, (head, factor) in enumerate(zip(linears(cell.heads.values()), factors, strict=True)):
        weight = _of(head.weight) * factor
        matrices.append((weight if mask is None else weight * mask[number]).T)
        biases.append(_of(head.bias) * factor)
    return matrices, biases


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


RawSynapses = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""mask, sigma, mu, w, erev, each (P, J)."""
RawLTC = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, RawSynapses, RawSynapses]
"""cm, gleak, vleak (H), input_w, input_b (I), sensory and recurrent synapses: raw, as an LTC has them."""


def write_ltc(raw: RawLTC, options: "SolverOptions", implicit: bool, program: StepProgram) -> int:
    """Write one step of an LTC with the semi-implicit solver; state (v,).

    implicit: w, cm and gleak pass a softplus.
    """
    cm, gleak, vleak, input_w, input_b, sensory, recurrent = raw
    width, positive = cm.numel(), _softplus if implicit else _of
    v, driven, summed = program.state(width), program.blocks(width, 2), program.blocks(width, 2)
    den, mapped = program.padded(width), program.place(input_w.numel())
    leak = positive(gleak)
    program.scale(mapped, program.x, _of(input_w), _of(input_b))
    program.set(driven, leak * _of(vleak), leak)
    _write_synapses(sensory, positive, program, driven, driven + den, mapped)
    first = len(program.operations)
    program.copy(summed, driven, den + width)
    _write_synapses(recurrent, positive, program, summed, summed + den, v)
    program.ltc(v, summed, summed + den, positive(cm) + options.epsilon, options.unfolds)
    program.again(first, options.unfolds)
    return v


def _softplus(tensor: Tensor) -> Numbers:
    return _of(softplus(tensor.detach().double()))


def _write_synapses(
    raw: RawSynapses, positive: Callable[[Tensor], Numbers], program: StepProgram, num: int, den: int, source: int
) -> None:
    """Write the sums over all synapses: with t = slope v + offset, one is open by 1 / (1 + 2^t)."""
    mask, sigma, w = _of(raw[0]) != 0, _of(raw[1]) * _LOG2E, positive(raw[3])
    numbers = np.stack([-sigma, sigma * _of(raw[2]), w, w * _of(raw[4])], axis=-1)
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
