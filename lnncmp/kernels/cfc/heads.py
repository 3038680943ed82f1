"""The heads of a CfC inside its kernels: their elementwise part for one row of a batch, forward and backward."""

from typing import Any

from lnncmp.kernels.cfc.math import decay, gate
from lnncmp.kernels.cfc.sizes import Stage
from lnncmp.kernels.common.compiling import Array, inlined
from lnncmp.kernels.common.fast_math import magnitude, positive, tanh
from lnncmp.kernels.common.lanes import fill, fill_like, fill_narrow, load_like, narrow_lanes, store


@inlined
def _reach(array: Array) -> float:
    """Return beyond which t the function exp2 stays at its bound."""
    return 80.0 if narrow_lanes(array) == 8 else 1000.0


@inlined
def _gated_heads_forward(
    stage: Stage,
    dt: float,
    y: Array,
    at: int,
    width: int,
    kept: Array,
    kept_at: int,
    out_at: int,
    like: Any,
) -> None:
    first = tanh(load_like(y, at, like) * stage.slope)
    second = tanh(load_like(y, at + width, like) * stage.slope)
    argument = load_like(y, at + 2 * width, like) * (dt * stage.sign) + load_like(y, at + 3 * width, like)
    share = gate(argument, _reach(y))
    store(kept, kept_at, first)
    store(kept, kept_at + width, second)
    store(kept, kept_at + 2 * width, share)
    other = second if stage.mode == 1 else second - first
    store(kept, out_at, (first + share * other) * stage.gain)


@inlined
def gated_heads_forward(
    stage: Stage,
    dt: float,
    y: Array,
    at: int,
    width: int,
    kept: Array,
    kept_at: int,
    out_at: int,
) -> None:
    """Write the new state of modes default (0) and no_gate (1) from the values y of the four heads, `width` each."""
    narrow = narrow_lanes(y)
    j = 0
    while j + 2 * narrow <= width:
        _gated_heads_forward(stage, dt, y, at + j, width, kept, kept_at + j, out_at + j, fill(y, 0.0))
        j += 2 * narrow
    if j < width:
        _gated_heads_forward(stage, dt, y, at + j, width, kept, kept_at + j, out_at + j, fill_narrow(y, 0.0))


@inlined
def _gated_heads_backward(
    stage: Stage, dt: float, q: Any, width: int, kept: Array, at: int, out: Array, out_at: int
) -> None:
    first, second = load_like(kept, at, q), load_like(kept, at + width, q)
    share = load_like(kept, at + 2 * width, q)
    q = q * stage.gain
    other = second if stage.mode == 1 else second - first
    remaining = fill_like(1.0, q) if stage.mode == 1 else 1.0 - share
    dgate = q * other * share * (1.0 - share)
    store(out, out_at, q * remaining * (1.0 - first * first) * stage.slope)
    store(out, out_at + width, q * share * (1.0 - second * second) * stage.slope)
    store(out, out_at + 2 * width, dgate * (dt * stage.sign))
    store(out, out_at + 3 * width, dgate)


@inlined
def gated_heads_backward(
    stage: Stage, dt: float, q: Array, q_at: int, width: int, kept: Array, at: int, out: Array, out_at: int
) -> None:
    """Write the gradient of the heads' values from that of the new state, q, and what `gated_heads_forward` kept."""
    narrow = narrow_lanes(kept)
    j = 0
    while j + 2 * narrow <= width:
        lanes = load_like(q, q_at + j, fill(q, 0.0))
        _gated_heads_backward(stage, dt, lanes, width, kept, at + j, out, out_at + j)
        j += 2 * narrow
    if j < width:
        lanes_left = load_like(q, q_at + j, fill_narrow(q, 0.0))
        _gated_heads_backward(stage, dt, lanes_left, width, kept, at + j, out, out_at + j)


@inlined
def pure_heads_forward(
    dt: float,
    w: Array,
    rate_at: int,
    asymptote_at: int,
    y: Array,
    at: int,
    width: int,
    kept: Array,
    kept_at: int,
    out_at: int,
) -> None:
    """Write the new state of mode pure, A - A exp(-dt (|w_tau| + |y|)) y, from the value y of its head."""
    like = fill_narrow(y, 0.0)
    for j in range(0, width, narrow_lanes(y)):
        value = load_like(y, at + j, like)
        faded = decay((load_like(w, rate_at + j, like) + magnitude(value)) * -dt, _reach(y))
        store(kept, kept_at + j, value)
        store(kept, kept_at + width + j, faded)
        store(kept, out_at + j, load_like(w, asymptote_at + j, like) * (1.0 - faded * value))


@inlined
def pure_heads_backward(
    dt: float,
    w: Array,
    asymptote_at: int,
    q: Array,
    q_at: int,
    width: int,
    kept: Array,
    at: int,
    out: Array,
    out_at: int,
) -> None:
    """Write the gradients of the head's value, of |w_tau| and of A (`width` each) from that of the new state, q."""
    like = fill_narrow(kept, 0.0)
    for j in range(0, width, narrow_lanes(kept)):
        value, faded = load_like(kept, at + j, like), load_like(kept, at + width + j, like)
        grad = load_like(q, q_at + j, like)
        pulled = grad * load_like(w, asymptote_at + j, like) * faded
        drate = pulled * value * dt
        side = positive(value) - positive(value * -1.0)
        store(out, out_at + j, drate * side - pulled)
        store(out, out_at + width + j, drate)
        store(out, out_at + 2 * width + j, grad * (1.0 - faded * value))
