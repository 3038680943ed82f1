"""The arguments of a call, from the layouts that ncps and torch.nn allow to the one of the layers, and back.

Legend of shape suffixes: B batch, T steps, I inputs, H units, O outputs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lnncmp.errors import UsageError

Times = Tensor | PackedSequence | float | None
"""Elapsed times: None for 1 everywhere, one number for all, or one for each sample and step."""


@dataclass(frozen=True)
class Call:
    """x (B, T, I), dt (B, T) and valid (B, T) of bool or None, and how the caller lays sequences out."""

    x: Tensor
    dt: Tensor
    valid: Tensor | None
    batched: bool
    batch_first: bool
    packed: PackedSequence | None = None

    def sequence(self, y: Tensor) -> Tensor | PackedSequence:
        """Return outputs y (B, T, O) in the caller's layout, 0 at padding."""
        if self.packed is not None:
            return _pack_like(self.packed, y)
        if self.valid is not None:
            y = y.where(self.valid[..., None], y.new_zeros(()))
        if not self.batched:
            return y[0]
        return y if self.batch_first else y.transpose(0, 1)

    def last(self, own: Tensor) -> Tensor:
        """Return a state or an output (B, ...) of the last step without the axis of samples, if the caller has none."""
        return own if self.batched else own[0]

    def state(self, given: Tensor, name: str, units: int) -> Tensor:
        """Return a state (B, H). Raises UsageError unless it is (B, `units`), or (units,) for input without batch."""
        expected = (self.x.shape[0], units) if self.batched else (units,)
        if not isinstance(given, Tensor) or tuple(given.shape) != expected:
            found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise UsageError(f"{name} is {found}, expected shape {expected} for input of shape {self._told()}")
        return given if self.batched else given[None]

    def _told(self) -> tuple[int, ...]:
        return _shape_told(self.x, self.batched, self.batch_first)


def read_call(
    given: Tensor | PackedSequence, timespans: Times, valid: Tensor | None, inputs: int, batch_first: bool, like: Tensor
) -> Call:
    """Return the arguments of a call in the layout of the layers; times get the type of `like`, a weight.

    Raises UsageError for shapes that do not go together; nothing is broadcast but a single elapsed time.
    """
    if isinstance(given, PackedSequence):
        return _read_packed(given, timespans, valid, inputs, batch_first, like)
    if given.ndim not in (2, 3) or given.shape[-1] != inputs:
        axes = "batch, steps" if batch_first else "steps, batch"
        raise UsageError(
            f"input has shape {tuple(given.shape)}, expected ({axes}, {inputs}), or (steps, {inputs}) without batch"
        )
    batched = given.ndim == 3
    x = _batch_major(given, batched, batch_first)
    dt = _read_times(timespans, x, batched, batch_first, like)
    if valid is not None:
        if valid.dtype != torch.bool or valid.shape != given.shape[:-1]:
            raise UsageError(
                f"valid has shape {tuple(valid.shape)} and type {valid.dtype}, expected {tuple(given.shape[:-1])} of "
                f"torch.bool for input of shape {tuple(given.shape)}"
            )
        valid = _batch_major(valid, batched, batch_first)
    return Call(x, dt, valid, batched, batch_first)


def _read_packed(
    given: PackedSequence, timespans: Times, valid: Tensor | None, inputs: int, batch_first: bool, like: Tensor
) -> Call:
    if valid is not None:
        raise UsageError("a packed input knows its own padding, so valid has to be None")
    x, lengths = pad_packed_sequence(given, batch_first=True)
    if x.ndim != 3 or x.shape[-1] != inputs:
        raise UsageError(f"packed input has {tuple(x.shape[2:])} features, expected {inputs}")
    if isinstance(timespans, PackedSequence):
        timespans, _ = pad_packed_sequence(timespans, batch_first=batch_first)
    real = torch.arange(x.shape[1])[None] < lengths[:, None]
    return Call(x, _read_times(timespans, x, True, batch_first, like), real.to(x.device), True, batch_first, given)


def _pack_like(packed: PackedSequence, y: Tensor) -> PackedSequence:
    """Return y (B, T, O) packed as `packed` is."""
    order, sizes = packed.sorted_indices, packed.batch_sizes
    lengths = (sizes[None] > torch.arange(int(sizes[0]))[:, None]).sum(1)
    data = pack_padded_sequence(y if order is None else y.index_select(0, order), lengths, batch_first=True).data
    return PackedSequence(data, sizes, order, packed.unsorted_indices)


def _read_times(timespans: Times, x: Tensor, batched: bool, batch_first: bool, like: Tensor) -> Tensor:
    """Return dt (B, T) for x (B, T, I)."""
    grid = x.shape[:2]
    if isinstance(timespans, PackedSequence):
        raise UsageError("timespans are packed, but input is not", "Pack both or none.")
    if timespans is None:
        return like.new_ones(()).expand(grid)
    if not isinstance(timespans, Tensor):
        return like.new_full((), float(timespans)).expand(grid)
    timespans = timespans.to(like.dtype)
    if timespans.ndim == 0:
        return timespans.expand(grid)
    told = _shape_told(x, batched, batch_first)
    wanted = told[:-1]
    if tuple(timespans.shape) not in (wanted, (*wanted, 1)):
        raise UsageError(
            f"timespans have shape {tuple(timespans.shape)}, expected {wanted} or {(*wanted, 1)} for input of shape "
            f"{told}",
            "Give one elapsed time for each sample and step, or one number for all.",
        )
    return _batch_major(timespans.reshape(wanted), batched, batch_first)


def _batch_major(given: Tensor, batched: bool, batch_first: bool) -> Tensor:
    """Return a tensor of the caller's layout as (B, T, ...)."""
    if not batched:
        return given[None]
    return given if batch_first else given.transpose(0, 1)


def _shape_told(x: Tensor, batched: bool, batch_first: bool) -> tuple[int, ...]:
    """Return the shape of x (B, T, I) as the caller gave it."""
    batch, steps, inputs = x.shape
    if not batched:
        return steps, inputs
    return (batch, steps, inputs) if batch_first else (steps, batch, inputs)
