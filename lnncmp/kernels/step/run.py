"""The kernel that carries out a step program."""

from lnncmp.kernels.common.compiling import Array, lean, lean_kernel
from lnncmp.kernels.step import elementwise, sums
from lnncmp.kernels.step.program import (
    ACTIVATE,
    AGAIN,
    COPY,
    DENSE,
    GATED,
    GRU,
    HEAD,
    LIQUID,
    LISTED,
    LSTM,
    LTC,
    PRODUCT,
    PURE,
    ROW,
    SCALE,
    SET,
)

_put, _copy, _scale, _activate = elementwise.put, elementwise.copy, elementwise.scale, elementwise.activate
_gated_heads, _pure_head, _liquid, _ltc = (
    elementwise.gated_heads,
    elementwise.pure_head,
    elementwise.liquid,
    elementwise.ltc,
)
_lstm, _gru = elementwise.lstm, elementwise.gru
_product, _dense_synapses, _listed_synapses = sums.product, sums.dense_synapses, sums.listed_synapses


@lean
def _untimed(operation: int, program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Carry out an operation that does not read dt."""
    if operation == PRODUCT:
        _product(program, at, weights, memory, base)
    elif operation == SET:
        _put(program, at, weights, memory, base)
    elif operation == COPY:
        _copy(program, at, weights, memory, base)
    elif operation == DENSE:
        _dense_synapses(program, at, weights, memory, base)
    elif operation == LISTED:
        _listed_synapses(program, at, weights, memory, base)
    elif operation == ACTIVATE:
        _activate(program, at, weights, memory, base)
    elif operation == SCALE:
        _scale(program, at, weights, memory, base)
    elif operation == LSTM:
        _lstm(program, at, weights, memory, base)
    elif operation == GRU:
        _gru(program, at, weights, memory, base)


@lean
def _sample(program: Array, weights: Array, memory: Array, base: int, dt: float) -> None:
    """Carry out the program for the sample whose memory begins at `base`."""
    row = done = 0
    while row < program[0]:
        at = HEAD + ROW * row + 1
        operation = program[at - 1]
        if operation == AGAIN:
            done += 1
            if done < program[at + 1]:
                row = program[at]
                continue
            done = 0
        elif operation == GATED:
            _gated_heads(program, at, weights, memory, base, dt)
        elif operation == PURE:
            _pure_head(program, at, weights, memory, base, dt)
        elif operation == LTC:
            _ltc(program, at, weights, memory, base, dt)
        elif operation == LIQUID:
            _liquid(program, at, weights, memory, base, dt)
        else:
            _untimed(operation, program, at, weights, memory, base)
        row += 1


@lean_kernel
def run(program: Array, weights: Array, memory: Array) -> None:
    """Move each sample of the memory by one step.

    program: int64, with HEAD numbers, ROW for each operation, then tables; weights, memory: see StepProgram.finish.
    """
    for sample in range(program[1]):
        base = sample * program[2]
        _sample(program, weights, memory, base, memory[base + program[3]])
