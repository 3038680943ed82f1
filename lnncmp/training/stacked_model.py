"""Copies of one model, each with its own weights and data, computed in one call.

The time of a small network is dominated by the overhead of torch calls, which several seeds can share. A copy computes
the same numbers alone and computed together with others.

Legend of shapes: S copies, B batch, T steps, I inputs, O outputs, P trainable numbers of a model.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from lnncmp.errors import UsageError
from lnncmp.layers.sequence_model import SequenceModel

Tensors = dict[str, Tensor]


class StackedModel:
    """S models of one architecture; their fused kernels (`SequenceModel.stackable`) run all copies at once.

    `rows`: S tensors (P,) to be optimised, each with the trainable weights of one copy. The models' own parameters
    become views of them, so that each model is always up to date and may be used, loaded or constrained by itself.
    `computed`: which copies a call computes, all at first; S is their number there.
    Raises UsageError for models that are not stackable or have different shapes.
    """

    def __init__(self, models: Sequence[SequenceModel]) -> None:
        if not models or not all(model.stackable for model in models):
            raise UsageError("only models whose fused kernels run can be trained in one call", "Train them one by one.")
        self.models = list(models)
        self.shapes = _shapes(models[0])
        if any(_shapes(model) != self.shapes for model in models):
            raise UsageError("the models to stack have parameters of different shapes", "Stack copies of one model.")
        self.sizes = [shape.numel() for shape in self.shapes.values()]
        self.rows = [_flattened(model).requires_grad_() for model in models]
        self.computed = list(range(len(models)))
        self.others = {name: torch.stack([_others(model)[name] for model in models]) for name in _others(models[0])}
        for model, row in zip(self.models, self.rows, strict=True):
            for (name, shape), part in zip(self.shapes.items(), row.detach().split(self.sizes), strict=True):
                model.get_parameter(name).data = part.view(shape)

    def __call__(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return outputs (S, B, T, O) for x (S, B, T, I), dt and valid (S, B, T); x (B, T, I) is shared by all."""
        copies = len(self.computed)
        parts = torch.stack([self.rows[k] for k in self.computed]).split(self.sizes, dim=1)
        weights = {
            name: part.view(copies, *shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
        others = self.others
        if copies < len(self.rows):
            others = {name: values[self.computed] for name, values in others.items()}
        own = 0 if x.ndim == 4 else None
        each = vmap(self._one, in_dims=(0, 0, own, own, None if valid is None else own))
        outputs: Tensor = each(weights, others, x, dt, valid)
        return outputs

    def _one(self, weights: Tensors, others: Tensors, x: Tensor, dt: Tensor, valid: Tensor | None) -> Tensor:
        outputs: Tensor = functional_call(self.models[0], (weights, others), (x, dt, valid))
        return outputs

    def train(self, mode: bool) -> None:
        """Put all copies into training or evaluation mode."""
        for model in self.models:
            model.train(mode)

    def constrain(self) -> None:
        """Project the parameters of all copies back into their valid range."""
        for model in self.models:
            model.constrain()


def _shapes(model: nn.Module) -> dict[str, torch.Size]:
    """Return the shapes of the trainable parameters by name."""
    return {name: p.shape for name, p in model.named_parameters() if p.requires_grad}


def _flattened(model: nn.Module) -> Tensor:
    """Return a copy of the trainable parameters as one tensor (P,)."""
    return torch.cat([p.detach().flatten() for p in model.parameters() if p.requires_grad])


def _others(model: nn.Module) -> Tensors:
    """Return the buffers and frozen parameters by name, including those that are not saved with the weights."""
    frozen = {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}
    return frozen | dict(model.named_buffers())
