"""The elementwise operations of a step program; see the methods of lnncmp.kernels.step.program for what they do.

Each gets the program, where its arguments begin in it, the weights, the memory, and where the sample's memory begins.
"""

from lnncmp.kernels.cfc.math import LECUN_GAIN, activation, decay, gate
from lnncmp.kernels.common.compiling import Array, inlined, lean
from lnncmp.kernels.common.fast_math import magnitude, sigmoid, tanh
from lnncmp.kernels.common.lanes import load, store, wide_lanes


@inlined
def _reach(array: Array) -> float:
    """Return beyond which t the function exp2 stays at its bound."""
    return 80.0 if wide_lanes(array) == 16 else 1000.0


@lean
def put(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do SET: out, weights, count."""
    out, source, count = base + program[at], program[at + 1], program[at + 2]
    for j in range(0, count, wide_lanes(memory)):
        store(memory, out + j, load(weights, source + j))


@lean
def copy(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do COPY: out, source, count."""
    out, source, count, lanes = base + program[at], base + program[at + 1], program[at + 2], wide_lanes(memory)
    j = 0
    while j + lanes <= count:
        store(memory, out + j, load(memory, source + j))
        j += lanes
    for k in range(j, count):
        memory[out + k] = memory[source + k]


@lean
def scale(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do SCALE: out, source, weights, count."""
    out, source, w, count = base + program[at], base + program[at + 1], program[at + 2], program[at + 3]
    for j in range(0, count, wide_lanes(memory)):
        store(memory, out + j, load(memory, source + j) * load(weights, w + j) + load(weights, w + count + j))


@lean
def activate(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do ACTIVATE: place, kind, count."""
    out, kind = base + program[at], program[at + 1]
    for j in range(0, program[at + 2], wide_lanes(memory)):
        store(memory, out + j, activation(kind, load(memory, out + j)))


@lean
def gated_heads(program: Array, at: int, weights: Array, memory: Array, base: int, dt: float) -> None:
    """Do GATED: out, heads, width, no_gate, lecun."""
    out, y, width = base + program[at], base + program[at + 1], program[at + 2]
    no_gate, gain = program[at + 3], LECUN_GAIN if program[at + 4] else 1.0
    for j in range(0, width, wide_lanes(memory)):
        first, second = tanh(load(memory, y + j)), tanh(load(memory, y + width + j))
        argument = load(memory, y + 2 * width + j) * dt + load(memory, y + 3 * width + j)
        share = gate(argument, _reach(memory))
        other = second if no_gate else second - first
        store(memory, out + j, (first + share * other) * gain)


@lean
def pure_head(program: Array, at: int, weights: Array, memory: Array, base: int, dt: float) -> None:
    """Do PURE: out, head, width, weights."""
    out, y, width, w = base + program[at], base + program[at + 1], program[at + 2], program[at + 3]
    for j in range(0, width, wide_lanes(memory)):
        value = load(memory, y + j)
        faded = decay((load(weights, w + j) + magnitude(value)) * -dt, _reach(memory))
        store(memory, out + j, load(weights, w + width + j) * (1.0 - faded * value))


@lean
def lstm(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do LSTM: out, cell, gates, width."""
    out, cell, y, width = base + program[at], base + program[at + 1], base + program[at + 2], program[at + 3]
    for j in range(0, width, wide_lanes(memory)):
        kept = sigmoid(load(memory, y + width + j)) * load(memory, cell + j)
        c = kept + sigmoid(load(memory, y + j)) * tanh(load(memory, y + 2 * width + j))
        store(memory, cell + j, c)
        store(memory, out + j, sigmoid(load(memory, y + 3 * width + j)) * tanh(c))


@lean
def gru(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do GRU: h, gates, width."""
    out, y, width = base + program[at], base + program[at + 1], program[at + 2]
    for j in range(0, width, wide_lanes(memory)):
        r, z = sigmoid(load(memory, y + width + j)), sigmoid(load(memory, y + 2 * width + j))
        n = tanh(load(memory, y + j) + r * load(memory, y + 3 * width + j))
        store(memory, out + j, n + z * (load(memory, out + j) - n))


@lean
def liquid(program: Array, at: int, weights: Array, memory: Array, base: int, dt: float) -> None:
    """Do LIQUID: v, argument, width, weights, unfolds."""
    out, y, width, w = base + program[at], base + program[at + 1], program[at + 2], program[at + 3]
    h = dt / program[at + 4]
    for j in range(0, width, wide_lanes(memory)):
        opened = sigmoid(load(memory, y + j)) * h
        num = load(memory, out + j) + opened * load(weights, w + width + j)
        den = load(weights, w + 2 * width + j) * h + 1.0 + opened * load(weights, w + j)
        store(memory, out + j, num / den)


@lean
def ltc(program: Array, at: int, weights: Array, memory: Array, base: int, dt: float) -> None:
    """Do LTC: v, num, den, width, weights, unfolds."""
    out, y, z, width = base + program[at], base + program[at + 1], base + program[at + 2], program[at + 3]
    w, h = program[at + 4], dt / program[at + 5]
    for j in range(0, width, wide_lanes(memory)):
        v, num, den = load(memory, out + j), load(memory, y + j), load(memory, z + j)
        store(memory, out + j, v + (num - den * v) * h / (load(weights, w + j) + den * h))
