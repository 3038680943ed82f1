"""Weights of a CfC laid out for its kernels: sources first for the forward pass, targets first for the backward pass.

All arrays have a leading axis of S copies; maps side by side are one array (S, maps, J, K). Legend as in cfc_sizes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.cfc_plan import StagePlan, StageTensors
from lnncmp.kernels.cfc_sizes import Back, Size, Weights
from lnncmp.kernels.numbers import array, flat

Numbers = NDArray[Any]


def _transposed(maps: Numbers, columns: int) -> Numbers:
    """Return maps (S, M, J, K) sources first, side by side: (S, K, M, columns), zeros where there is padding."""
    copies, count, targets, sources = maps.shape
    out = np.empty((copies, sources, count, columns), maps.dtype)
    if columns > targets:
        out[..., targets:] = 0.0
    out[..., :targets] = maps.transpose(0, 3, 1, 2)
    return out


def _below(maps: Numbers, rows: int, columns: int) -> Numbers:
    """Return maps (S, M, J, K) as (S, M, rows, columns), zeros where there is padding."""
    copies, count, targets, sources = maps.shape
    if (rows, columns) == (targets, sources):
        return np.ascontiguousarray(maps)
    out = np.zeros((copies, count, rows, columns), maps.dtype)
    out[:, :, :targets, :sources] = maps
    return out


def _padded(vectors: Numbers, columns: int) -> Numbers:
    """Return vectors (..., J) as (..., columns), zeros where there is padding."""
    targets = vectors.shape[-1]
    if targets == columns:
        return vectors
    out = np.zeros((*vectors.shape[:-1], columns), vectors.dtype)
    out[..., :targets] = vectors
    return out


def _together(vectors: list[Numbers]) -> Numbers:
    """Return equal arrays (S, ...) as one (S, len, ...)."""
    copies = vectors[0].shape[0]
    return np.concatenate(vectors, 1).reshape(copies, len(vectors), *vectors[0].shape[1:])


@dataclass
class StageNumbers:
    """The weights of one stage as arrays; absent synapses of the heads are zeros."""

    lead: int
    backbone: list[Numbers]
    """(S, 1, N, P + H), then (S, 1, N, N) each."""
    backbone_biases: list[Numbers]
    """(S, N) each."""
    heads: Numbers
    """(S, heads, H, P + H or N)."""
    head_biases: Numbers
    """(S, heads, H)."""
    decay: list[Numbers]
    """w_tau and A, (S, H) each, or none."""
    memory: list[Numbers]
    """Input weights (S, 4, H, I), biases with the forget bias (S, 4, H), recurrent weights (S, 4, H, H), or none."""
    _packed: Weights | None = None

    def _decay(self, size: Size) -> tuple[Numbers, Numbers]:
        if not self.decay:
            return self.head_biases[:0], self.head_biases[:0]
        return _padded(np.abs(self.decay[0]), size.state_pad), _padded(self.decay[1], size.state_pad)

    def _reading(self, size: Size) -> tuple[Numbers, int]:
        """Return the maps that read the source, and the padded rows of each."""
        return (self.backbone[0], size.units_pad) if size.layers else (self.heads, size.state_pad)

    def forward(self, size: Size) -> Weights:
        """Return the weights for the forward pass, laid out on the first call; it depends on the stage's sizes only."""
        if self._packed is None:
            self._packed = self._pack(size)
        return self._packed

    def _pack(self, size: Size) -> Weights:
        none = self.heads[:0]
        first = rest = biases = memory = memory_bias = none
        heads = self._source_rows(_transposed(*self._reading(size)), size)
        if size.layers:
            first, heads = heads, _transposed(self.heads, size.state_pad)
            biases = _padded(_together(self.backbone_biases), size.units_pad)
        if size.layers > 1:
            rest = _together([_transposed(weight, size.units_pad) for weight in self.backbone[1:]])
        if self.memory:
            memory = _transposed(np.concatenate(self.memory[::2], 3), size.state_pad)
            memory_bias = _padded(self.memory[1], size.state_pad)
        head_biases = _padded(self.head_biases, size.state_pad)
        return Weights(*map(flat, (first, rest, biases, heads, head_biases, *self._decay(size), memory, memory_bias)))

    def _source_rows(self, reading: Numbers, size: Size) -> Numbers:
        """Return sources (u, h) with zero rows between them where the kernel has padding of u."""
        gap = size.lead - self.lead
        if not gap:
            return reading
        zeros = np.zeros((reading.shape[0], gap, *reading.shape[2:]), reading.dtype)
        return np.concatenate([reading[:, : self.lead], zeros, reading[:, self.lead :]], 1)

    def backward(self, size: Size) -> Back:
        """Return the weights for the backward pass."""
        none = self.heads[:0]
        lead = rest = heads = memory_state = memory_input = none
        reading, rows = self._reading(size)
        state = _below(reading[..., self.lead :], rows, size.state_pad)
        if size.wants_x or size.memory == 2:
            lead = _below(reading[..., : self.lead], rows, size.lead_pad)
        if size.layers:
            heads = _below(self.heads, size.state_pad, size.units_pad)
        if size.layers > 1:
            rest = _together([_below(weight, size.units, size.units_pad) for weight in self.backbone[1:]])
        if self.memory:
            memory_state = _below(self.memory[2], size.state_pad, size.state_pad)
            if size.wants_x:
                memory_input = _below(self.memory[0], size.state_pad, size.inputs_pad)
        return Back(*map(flat, (state, lead, rest, heads, *self._decay(size), memory_state, memory_input)))


def stage_numbers(plan: StagePlan, tensors: StageTensors, stacked: bool) -> StageNumbers:
    """Return the weights of a stage as arrays with a leading axis of copies."""
    heads = _together([array(weight, stacked) for weight in tensors.head_weights])
    if tensors.mask is not None:
        heads *= array(tensors.mask, stacked)
    memory = [array(tensor, stacked) for tensor in tensors.memory]
    if memory:
        memory = [numbers.reshape(numbers.shape[0], 4, plan.hidden, *numbers.shape[2:]) for numbers in memory]
        memory[1] = memory[1] + np.array([0.0, 0.0, plan.forget_bias, 0.0], heads.dtype)[:, None]
    return StageNumbers(
        plan.lead,
        [array(weight, stacked)[:, None] for weight in tensors.backbone_weights],
        [array(bias, stacked) for bias in tensors.backbone_biases],
        heads,
        _together([array(bias, stacked) for bias in tensors.head_biases]),
        [array(tensor, stacked) for tensor in tensors.decay],
        memory,
    )
