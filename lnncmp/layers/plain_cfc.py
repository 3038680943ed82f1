"""A CfC over a sequence in plain PyTorch, alone or behind a memory cell: the twin of the kernel.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

from torch import Tensor

from lnncmp.layers.cfc_cell import CfCWeights
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.recurrent_layer import blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


def run_plain(
    cell: CfCWeights,
    memory: MemoryCell | None,
    variant: str | None,
    x: Tensor,
    dt: Tensor,
    valid: Tensor | None,
    state: State,
) -> tuple[Tensor, State]:
    """Return states (B, T, H) and the final state for x (B, T, I), dt (B, T), valid (B, T).

    `variant` says what the memory's output replaces (see lnncmp.layers.cfc.CfCLayer).
    """
    x, dt = blank_padding(x, dt, valid)
    x, elapsed = x.transpose(0, 1), dt.t()[..., None]
    if memory is None:
        return _alone(cell, x, elapsed, valid, state)
    return _mixed(cell, memory, variant == "replace_h", x, elapsed, valid, state)


def _alone(cell: CfCWeights, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
    """Run the cell alone over x (T, B, I), dt (T, B, 1)."""
    update = cell.prepare()
    (h,) = state
    outputs = []
    reals = time_major(valid, x.shape[0])
    for drive, dt_t, real in zip(update.drive(x).unbind(0), dt.unbind(0), reals, strict=True):
        h = hold(real, update.advance(drive, h, dt_t), h)
        outputs.append(h)
    return stack_steps(outputs, cell.hidden, h), (h,)


def _mixed(
    cell: CfCWeights, memory: MemoryCell, replaces: bool, x: Tensor, dt: Tensor, valid: Tensor | None, state: State
) -> tuple[Tensor, State]:
    """Run the memory cell, then the cell, at every step of x (T, B, I), dt (T, B, 1)."""
    update = cell.prepare()
    h, c = state
    outputs = []
    reals = time_major(valid, x.shape[0])
    gates = memory.drive(x).unbind(0)
    drives = update.drive(x).unbind(0) if replaces else gates
    for gate, drive, dt_t, real in zip(gates, drives, dt.unbind(0), reals, strict=True):
        u, new_c = memory.advance(gate, h, c)
        new_h = update.advance(drive, u, dt_t) if replaces else update.advance(update.drive(u), h, dt_t)
        h, c = hold(real, new_h, h), hold(real, new_c, c)
        outputs.append(h)
    return stack_steps(outputs, cell.hidden, h), (h, c)
