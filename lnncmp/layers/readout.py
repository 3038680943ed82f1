"""A model made of a recurrent layer and a readout.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, O outputs.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lnncmp.kernels.common.torch_arrays import stack
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.sequence_model import SequenceModel, State

if TYPE_CHECKING:
    from lnncmp.layers.stepper import Stepper


class _LinearOfEach(torch.autograd.Function):
    """x w' + b for one copy, or for S copies one after the other.

    A copy must have the same bits alone and computed together with others. A batched product of one copy is another
    library call than that of several, and a product may round differently if its operands are aligned differently in
    memory; so each copy is a product of its own, of operands that begin where a tensor's memory begins.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, stacked: bool) -> Tensor:
        """Return (..., O) for x (..., H), weight (O, H), bias (O), each with a leading axis of copies if `stacked`."""
        rows, weights, biases = _as_copies(x, weight, bias, stacked)
        products = [torch.addmm(b, row, w.t()) for row, w, b in zip(rows, weights, biases, strict=True)]
        return torch.stack(products).view(*x.shape[:-1], weight.shape[-2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the arguments."""
        x, weight, bias, ctx.stacked = inputs
        ctx.save_for_backward(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight and bias."""
        x, weight, bias = ctx.saved_tensors
        rows, weights, _ = _as_copies(x, weight, bias, ctx.stacked)
        grads = [_aligned(g) for g in grad.reshape(len(rows), -1, weight.shape[-2])]
        dx = torch.stack([g @ w for g, w in zip(grads, weights, strict=True)])
        dw = torch.stack([g.t() @ row for g, row in zip(grads, rows, strict=True)])
        db = torch.stack([g.sum(0) for g in grads])
        return dx.view(x.shape), dw.view(weight.shape), db.view(bias.shape), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        """Run the copies of a vmapped call one after the other."""
        return _linear_of_each(*stack(info, in_dims, args)[:-1], True), 0


def _linear_of_each(*args: Any) -> Tensor:
    y: Tensor = _LinearOfEach.apply(*args)  # type: ignore[no-untyped-call]
    return y


def _as_copies(x: Tensor, weight: Tensor, bias: Tensor, stacked: bool) -> tuple[list[Tensor], ...]:
    """Return for each copy its rows (R, H), weight (O, H) and bias (O)."""
    if not stacked:
        return [_aligned(x.reshape(-1, x.shape[-1]))], [_aligned(weight)], [_aligned(bias)]
    rows = x.reshape(len(x), -1, x.shape[-1])
    return tuple([_aligned(part) for part in parts] for parts in (rows, weight, bias))


def _aligned(tensor: Tensor) -> Tensor:
    """Return a contiguous tensor at a multiple of 64 bytes, where torch puts what it allocates: copied if it is not."""
    fits = tensor.is_contiguous() and tensor.data_ptr() % 64 == 0
    return tensor if fits else tensor.clone(memory_format=torch.contiguous_format)


class LinearReadout(nn.Linear):
    """Affine map of all H units to O outputs, with the parameters of nn.Linear."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (..., O) for hidden (..., H)."""
        if torch._C._are_functorch_transforms_active():
            return _linear_of_each(hidden, self.weight, self.bias, False)
        return super().forward(hidden)


class MotorReadout(nn.Module):
    """Affine map of the first O units, one gain and one offset each: y = output_w v[:O] + output_b.

    The readout of neural circuit policies: motor neurons are the outputs (ncps `output_mapping="affine"`).
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.output_w = nn.Parameter(torch.ones(outputs))
        self.output_b = nn.Parameter(torch.zeros(outputs))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (B, T, O) for hidden (B, T, H), H >= O."""
        return hidden[..., : self.outputs] * self.output_w + self.output_b


class RecurrentModel(SequenceModel):
    """A recurrent layer, then a readout (H to O) at every step; outputs at padding are 0."""

    def __init__(self, layer: RecurrentLayer, readout: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.readout = readout

    @property
    def implementation(self) -> str:
        """How the layer computes a sequence where its weights are now."""
        return self.layer.implementation

    @property
    def stackable(self) -> bool:
        """Whether copies of the layer can be computed in one call."""
        return self.layer.stackable

    def initial_state(self, batch: int) -> State:
        """Return the layer's state before the first step: tensors (batch, ...)."""
        return self.layer.initial_state(batch)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I), dt (B, T), valid (B, T), state or None."""
        start = self.layer.initial_state(x.shape[0]) if state is None else state
        hidden, final = self.layer.sequence(x, dt, valid, start)
        return self._read(hidden, valid), final

    def forward(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return outputs (B, T, O) from the initial state for x (B, T, I), dt (B, T), valid (B, T)."""
        return self._read(self.layer.outputs(x, dt, valid), valid)

    def _read(self, hidden: Tensor, valid: Tensor | None) -> Tensor:
        y: Tensor = self.readout(hidden)
        return y if valid is None else y.where(valid[..., None], y.new_zeros(()))

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops that is fed one observation at a time; see make_stepper."""
        from lnncmp.layers.stepper import make_stepper

        return make_stepper(self.layer, self.readout, batch=batch)

    def constrain(self) -> None:
        """Put the layer's parameters back into their admissible range."""
        self.layer.constrain()

    def structure(self) -> dict[str, int]:
        """Return the layer's counts."""
        return self.layer.structure()
