"""The operations of a step program that sum over sources: products and synapses. See elementwise for the arguments."""

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.fast_math import sigmoid2
from lnncmp.kernels.common.lanes import fill, load, store, wide_lanes
from lnncmp.kernels.step.gather import gather
from lnncmp.kernels.step.program import PANEL


@lean
def product(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do PRODUCT: out, source, depth, weights, columns."""
    out, source, depth = base + program[at], base + program[at + 1], program[at + 2]
    w, columns, lanes = program[at + 3], program[at + 4], wide_lanes(memory)
    done = 0
    while done + PANEL * lanes <= columns:
        o = out + done
        a, b = load(memory, o), load(memory, o + lanes)
        c, d = load(memory, o + 2 * lanes), load(memory, o + 3 * lanes)
        for k in range(depth):
            value = memory[source + k]
            a += load(weights, w) * value
            b += load(weights, w + lanes) * value
            c += load(weights, w + 2 * lanes) * value
            d += load(weights, w + 3 * lanes) * value
            w += PANEL * lanes
        store(memory, o, a)
        store(memory, o + lanes, b)
        store(memory, o + 2 * lanes, c)
        store(memory, o + 3 * lanes, d)
        done += PANEL * lanes
    while done < columns:
        total = load(memory, out + done)
        for k in range(depth):
            total += load(weights, w) * memory[source + k]
            w += lanes
        store(memory, out + done, total)
        done += lanes


@lean
def dense_synapses(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do DENSE: num, den, source, sources, weights, groups."""
    num_at, den_at, source = base + program[at], base + program[at + 1], base + program[at + 2]
    sources, w, lanes = program[at + 3], program[at + 4], wide_lanes(memory)
    for group in range(program[at + 5]):
        o = group * lanes
        num, den = load(memory, num_at + o), load(memory, den_at + o)
        for k in range(sources):
            opened = sigmoid2(load(weights, w) * memory[source + k] + load(weights, w + lanes))
            den += opened * load(weights, w + 2 * lanes)
            num += opened * load(weights, w + 3 * lanes)
            w += 4 * lanes
        store(memory, num_at + o, num)
        store(memory, den_at + o, den)


@lean
def listed_synapses(program: Array, at: int, weights: Array, memory: Array, base: int) -> None:
    """Do LISTED: num, den, table, groups, weights, scratch."""
    num_at, den_at, table, groups = base + program[at], base + program[at + 1], program[at + 2], program[at + 3]
    w, sums, lanes = program[at + 4], base + program[at + 5], wide_lanes(memory)
    place = table + groups * (1 + lanes)
    for _ in range(groups):
        num, den = fill(memory, 0.0), fill(memory, 0.0)
        for _ in range(program[table]):
            v = gather(memory, base, program, place)
            opened = sigmoid2(load(weights, w) * v + load(weights, w + lanes))
            den += opened * load(weights, w + 2 * lanes)
            num += opened * load(weights, w + 3 * lanes)
            w += 4 * lanes
            place += lanes
        store(memory, sums, num)
        store(memory, sums + lanes, den)
        for lane in range(lanes):
            target = program[table + 1 + lane]
            if target >= 0:
                memory[num_at + target] += memory[sums + lane]
                memory[den_at + target] += memory[sums + lanes + lane]
        table += 1 + lanes
