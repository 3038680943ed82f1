"""Weight decay, clipping, Adam and bounds for all weights of S copies, as torch.optim.Adam and its helpers do it.

Weights lie tensor by tensor, the copies of a tensor one after the other. Legend: S copies, K tensors, P numbers of a
copy; all arrays are flat.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, inlined, kernel, part
from lnncmp.kernels.common.lanes import LanesType, fill, load_like, store, wide_lanes
from lnncmp.kernels.common.limits import larger

BETA1, BETA2 = 0.9, 0.999
NO_CLIP, GLOBAL, PER_TENSOR = range(3)
REST = 16
"""Numbers of a wide vector at most."""
State = tuple[Array, Array, Array, Array]
"""Numbers, gradients, and their moments: running means and running means of squares."""
Tensors = tuple[Array, Array]
"""For each tensor (K, 3): where it begins among the numbers of a copy, how many it has, 1 if it is a matrix; and (K)
its least value."""


@intrinsic
def _root(typing_context: Any, x: Any) -> Any:
    """Return the square root of lanes x, elementwise."""
    if not isinstance(x, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        name = f"llvm.sqrt.v{x.count}f{32 if isinstance(args[0].type.element, ir.FloatType) else 64}"
        kind = ir.FunctionType(args[0].type, [args[0].type])
        return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), args)

    return x(x), generate


@inlined
def _advance(like: Any, state: State, at: int, factor: float, rates: tuple[float, float, float], least: float) -> None:
    """Update one vector from `at` on."""
    numbers, gradients, means, squares = state
    step, root, eps = rates
    g = load_like(gradients, at, like) * factor
    mean = load_like(means, at, like)
    mean = mean + (g - mean) * (1.0 - BETA1)
    square = load_like(squares, at, like) * BETA2 + g * (1.0 - BETA2) * g
    new = load_like(numbers, at, like) - mean * step / (_root(square) / root + eps)
    store(means, at, mean)
    store(squares, at, square)
    store(numbers, at, larger(fill(numbers, least), new))  # in this order NaN stays NaN


@part
def _tensor(
    state: State, at: int, length: int, factor: float, rates: tuple[float, float, float], least: float, rest: State
) -> None:
    """Update `length` numbers; what fills no vector by way of `rest`, so that all are computed alike."""
    like, lanes, k = fill(state[0], 0.0), wide_lanes(state[0]), 0
    while k + lanes <= length:
        _advance(like, state, at + k, factor, rates, least)
        k += lanes
    if k < length:
        for i in range(length - k):
            rest[0][i], rest[1][i] = state[0][at + k + i], state[1][at + k + i]
            rest[2][i], rest[3][i] = state[2][at + k + i], state[3][at + k + i]
        # A type of its own: else `_advance` would be compiled once more for the constant.
        _advance(like, rest, np.int64(0), factor, rates, least)  # type: ignore[arg-type]
        for i in range(length - k):
            state[0][at + k + i], state[2][at + k + i], state[3][at + k + i] = rest[0][i], rest[2][i], rest[3][i]


@part
def _square(numbers: Array, at: int, length: int) -> float:
    """Return the sum of squares, in four sums that do not wait for each other."""
    a = b = c = d = 0.0
    k = at
    while k + 4 <= at + length:
        a += np.float64(numbers[k]) * np.float64(numbers[k])
        b += np.float64(numbers[k + 1]) * np.float64(numbers[k + 1])
        c += np.float64(numbers[k + 2]) * np.float64(numbers[k + 2])
        d += np.float64(numbers[k + 3]) * np.float64(numbers[k + 3])
        k += 4
    while k < at + length:
        a += np.float64(numbers[k]) * np.float64(numbers[k])
        k += 1
    return (a + b) + (c + d)


@part
def _factor(norm: float, limit: float) -> float:
    """Return what a gradient of that norm is multiplied by, as by torch.nn.utils.clip_grad_norm_."""
    return limit / (norm + 1e-6) if norm > limit else 1.0


@kernel
def update(
    copies: int,
    tensors: Tensors,
    state: State,
    steps: Array,
    learns: Array,
    clip: int,
    limit: float,
    l2: float,
    rate: Array,
    eps: float,
    rest: State,
    parts: Array,
    norms: Array,
) -> None:
    """Take a step of Adam with the gradients, to which those of l2 times the squares of all matrices are added.

    steps (S): those taken so far, counted on. learns (S): which copies take it; none with a gradient that is not
    finite does. rate (1). rest (REST numbers each) and parts (K) are buffers. norms (S): before clipping, written.
    """
    table, least = tensors
    numbers, gradients = state[0], state[1]
    for s in range(copies):
        summed = 0.0
        for k in range(least.size):
            length = table[3 * k + 1]
            at = copies * table[3 * k] + s * length
            if l2 > 0.0 and table[3 * k + 2] > 0:
                for i in range(at, at + length):
                    gradients[i] += 2.0 * l2 * numbers[i]
            parts[k] = _square(gradients, at, length)
            summed += parts[k]
        norms[s] = math.sqrt(summed)
        if not learns[s] or not math.isfinite(norms[s]):
            continue
        steps[s] += 1
        root = math.sqrt(1.0 - BETA2 ** steps[s])
        rates = rate[0] / (1.0 - BETA1 ** steps[s]), root, eps
        whole = _factor(norms[s], limit) if clip == GLOBAL else 1.0
        for k in range(least.size):
            length = table[3 * k + 1]
            factor = _factor(math.sqrt(parts[k]), limit) if clip == PER_TENSOR else whole
            _tensor(state, copies * table[3 * k] + s * length, length, factor, rates, least[k], rest)
