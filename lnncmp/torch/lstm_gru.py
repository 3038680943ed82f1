"""LSTM and GRU: torch.nn's own classes, by this project's kernels where they apply.

The kernels compute layers of one direction, without projection, in float32 and float64 on a CPU; everything else is
torch's. Parameters, arguments and results are torch's everywhere.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from lnncmp.kernels.common.torch_arrays import usable
from lnncmp.layers.lstm_gru import run_fused
from lnncmp.layers.precision import autocasts
from lnncmp.layers.sequence_model import State
from lnncmp.torch.calls import Call, read_call

if TYPE_CHECKING:
    from lnncmp.layers.stepper import Stepper


def _applies(layer: nn.LSTM | nn.GRU, given: Tensor | PackedSequence, start: tuple[Tensor, ...] | None) -> bool:
    """Return whether the kernels compute this layer for this input and state; what is wrong is torch's to refuse."""
    x = given.data if isinstance(given, PackedSequence) else given
    weight = layer.get_parameter("weight_ih_l0")
    fits = layer.bias and not layer.bidirectional and layer.proj_size == 0 and not autocasts(weight)
    shaped = x.numel() > 0 and x.ndim in (2, 3) and x.shape[-1] == layer.input_size
    tensors = (x, *(start or ()))
    return bool(fits and shaped and usable(weight, *tensors) and all(own.dtype == weight.dtype for own in tensors))


def _weights(layer: nn.LSTM | nn.GRU, number: int) -> list[Tensor]:
    """Return the weights of one layer, straight from its parameters."""
    names = (f"{name}_l{number}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return [layer._parameters[name] for name in names]  # type: ignore[misc]


def _run(
    layer: nn.LSTM | nn.GRU, given: Tensor | PackedSequence, start: tuple[Tensor, ...] | None, states: int
) -> tuple[Any, tuple[Tensor, ...]]:
    """Return outputs in the caller's layout and final states (layers, B, H), without B for input without batch.

    start: as many tensors of that shape as the layer has `states`, or None for 0.
    """
    call = read_call(given, None, None, layer.input_size, layer.batch_first, layer.get_parameter("weight_ih_l0"))
    stacked = _starts(layer, call, start, states)
    y, ends = call.x, []
    for number in range(layer.num_layers):
        y, end = run_fused(_weights(layer, number), y, call.valid, tuple(own[number] for own in stacked))
        ends.append(end)
        if layer.dropout and layer.training and number + 1 < layer.num_layers:
            y = dropout(y, layer.dropout)
    finals = [torch.stack(own) for own in zip(*ends, strict=True)]
    return call.sequence(y), tuple(own if call.batched else own[:, 0] for own in finals)


def _starts(layer: nn.LSTM | nn.GRU, call: Call, start: tuple[Tensor, ...] | None, states: int) -> State:
    """Return `states` tensors (layers, B, H)."""
    shape = (layer.num_layers, call.x.shape[0], layer.hidden_size)
    if start is None:
        return (call.x.new_zeros(shape),) * states
    full = tuple(own if call.batched else own[:, None] for own in start)
    for name, own in zip(("h_0", "c_0"), full, strict=False):
        layer.check_hidden_size(own, shape, f"{name} has shape {{1}}, expected {{0}}")
    return full


class LSTM(nn.LSTM):
    """torch.nn.LSTM: forward(input, (h_0, c_0)) -> output, (h_n, c_n); by the fused kernel where that applies."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return what torch.nn.LSTM returns, for every input and state that it takes."""
        if not _applies(self, input, hx):
            return super().forward(input, hx)
        return _run(self, input, hx, 2)

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops that is fed one observation at a time; see make_stepper.

        Raises UsageError for several layers, both directions or a projection.
        """
        from lnncmp.torch.streaming import gated_stepper

        return gated_stepper(self, batch)


class GRU(nn.GRU):
    """torch.nn.GRU: forward(input, h_0) -> output, h_n; by the fused kernel where that applies."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return what torch.nn.GRU returns, for every input and state that it takes."""
        start = None if hx is None else (hx,)
        if not _applies(self, input, start):
            return super().forward(input, hx)
        y, (h,) = _run(self, input, start, 1)
        return y, h

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops that is fed one observation at a time; see make_stepper.

        Raises UsageError for several layers, both directions or a projection.
        """
        from lnncmp.torch.streaming import gated_stepper

        return gated_stepper(self, batch)
