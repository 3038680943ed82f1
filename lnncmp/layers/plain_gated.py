"""LSTM and GRU over a sequence in plain PyTorch: the twins of the kernels.

`weights` are w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H,).

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, G gates.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from lnncmp.layers.activations import tanh
from lnncmp.layers.recurrent_layer import hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


def lstm_update(arguments: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return the new h and c (B, H) for the arguments (B, 4 H) of i, f, g, o, and the old c."""
    i, f, g, o = arguments.chunk(4, 1)
    new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * tanh(g)
    return torch.sigmoid(o) * tanh(new_c), new_c


def gru_update(driven: Tensor, h: Tensor, w_hh: Tensor, b_hh: Tensor) -> Tensor:
    """Return the new h (B, H) for what the inputs give to r, z, n, (B, 3 H), and the old h."""
    in_r, in_z, in_n = driven.chunk(3, 1)
    rec_r, rec_z, rec_n = torch.addmm(b_hh, h, w_hh.t()).chunk(3, 1)
    update = torch.sigmoid(in_z + rec_z)
    candidate = tanh(in_n + torch.sigmoid(in_r + rec_r) * rec_n)
    return torch.lerp(candidate, h, update)


def lstm_loop(weights: Sequence[Tensor], x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and (h, c) for blanked x (B, T, I), valid (B, T) and a state."""
    w_ih, w_hh, b_ih, b_hh = weights
    recurrent = w_hh.t()
    h, c = state
    outputs = []
    drive = linear(x.transpose(0, 1), w_ih, b_ih + b_hh).unbind(0)
    for z, real in zip(drive, time_major(valid, x.shape[1]), strict=True):
        new_h, new_c = lstm_update(torch.addmm(z, h, recurrent), c)
        h, c = hold(real, new_h, h), hold(real, new_c, c)
        outputs.append(h)
    return stack_steps(outputs, w_hh.shape[1], x), (h, c)


def gru_loop(
    weights: Sequence[Tensor], x: Tensor, valid: Tensor | None, state: State, factors: Tensor | None = None
) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and (h,) for blanked x (B, T, I), valid (B, T) and a state.

    factors (B, T, H): what the state is multiplied by before each step (GRU-D).
    """
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = state
    outputs = []
    drive = linear(x.transpose(0, 1), w_ih, b_ih).unbind(0)
    kept = [None] * x.shape[1] if factors is None else factors.unbind(1)
    for z, factor, real in zip(drive, kept, time_major(valid, x.shape[1]), strict=True):
        h = hold(real, gru_update(z, h if factor is None else factor * h, w_hh, b_hh), h)
        outputs.append(h)
    return stack_steps(outputs, w_hh.shape[1], x), (h,)


def _blanked(x: Tensor, valid: Tensor | None) -> Tensor:
    return x if valid is None else x.where(valid[..., None], x.new_zeros(()))


def lstm_twin(x: Tensor, dt: None, valid: Tensor | None, h: Tensor, c: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """Return what the kernel of an LSTM does, in plain PyTorch."""
    hidden, final = lstm_loop(weights, _blanked(x, valid), valid, (h, c))
    return hidden, *final


def gru_twin(x: Tensor, dt: None, valid: Tensor | None, h: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """Return what the kernel of a GRU does, in plain PyTorch."""
    hidden, final = gru_loop(weights, _blanked(x, valid), valid, (h,))
    return hidden, *final


def gru_d_twin(
    x: Tensor, dt: None, valid: Tensor | None, h: Tensor, factors: Tensor, *weights: Tensor
) -> tuple[Tensor, ...]:
    """Return what the kernel of a GRU does whose state is multiplied by `factors` (B, T, H), in plain PyTorch."""
    hidden, final = gru_loop(weights, _blanked(x, valid), valid, (h,), factors)
    return hidden, *final
