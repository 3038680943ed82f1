"""Checks fused kernels against plain PyTorch before they are used.

Compiled code can be wrong on a user's machine although all tests pass: another compiler, another processor, a damaged
cache. A process therefore compares each model's kernels with plain PyTorch before it trains or measures the model:
outputs and gradients on a few steps of a batch of the real size, for one network and for a stack of two.

Legend of shapes: S copies, B batch, T steps, I inputs, O outputs.
"""

import copy
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lnncmp.data.task import Task
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_network import network_of
from lnncmp.training.stacked_model import StackedModel

STEPS = 8
"""Steps of the check: with full tiles of rows, more than the kernels accumulate before a weight product."""
FORWARD_LIMIT, GRADIENT_LIMIT = 1e-4, 1e-3
"""Largest differences explained by float32 rounding, relative to the largest output and gradient."""
_FLOOR = 1e-3
"""Gradient differences of a tensor are relative to at least this fraction of the largest gradient of all tensors."""


@dataclass(frozen=True)
class KernelCheck:
    """Differences of fused kernels from plain PyTorch, relative to the largest output and gradient.

    `error`: the exception, if one was raised.
    """

    forward: float
    gradient: float
    seconds: float
    error: str | None = None

    @property
    def agrees(self) -> bool:
        """Return whether the differences are explained by rounding (NaN is not)."""
        return self.error is None and self.forward <= FORWARD_LIMIT and self.gradient <= GRADIENT_LIMIT

    @property
    def summary(self) -> str:
        """Return the differences, or the error, in words."""
        return self.error or f"outputs differ by {self.forward:.0e}, gradients by {self.gradient:.0e}"


def check_kernels(model: SequenceModel, inputs: int, batch: int, padded: bool = False) -> KernelCheck | None:
    """Return the differences of `model`'s kernels from plain PyTorch on `batch` rows; None if it uses no kernels here.

    The model, its mode and torch's generator are not changed; dropout is off. Kernels are compiled if necessary. A
    difference is checked again on other numbers, to exclude an unlucky rounding.
    """
    if model.implementation != "fused":
        return None
    started = time.perf_counter()
    found = KernelCheck(float("nan"), float("nan"), 0.0)
    for seed in range(2):
        try:
            forward, gradient = _differences(model, inputs, batch, padded, seed)
            found = KernelCheck(forward, gradient, time.perf_counter() - started)
        except Exception as error:  # of the compiler, its cache or a kernel: in any case they cannot be used
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            found = KernelCheck(float("nan"), float("nan"), time.perf_counter() - started, message)
        if found.agrees:
            break
    return found


def _differences(model: SequenceModel, inputs: int, batch: int, padded: bool, seed: int) -> tuple[float, float]:
    """Return the largest differences of outputs and of gradients, alone and in a stack of two; NaN if any is NaN."""
    fused = copy.deepcopy(model).eval()
    other = copy.deepcopy(fused)
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(1.01)
    other.constrain()
    given = _batch(fused, inputs, batch, padded, seed)
    plain = [_results(use_plain(copy.deepcopy(one)), given) for one in (fused, other)]
    pairs = [(_results(fused, given), plain[0])]
    with torch.no_grad():
        outputs = [_difference(fused(*given), plain[0][0])]
    if fused.stackable:
        pairs += zip(_stacked_results([fused, other], given), plain, strict=True)
    outputs += [_difference(got[0], expected[0]) for got, expected in pairs]
    gradients = [_largest_difference(got[1], expected[1]) for got, expected in pairs]
    compiled = _compiled_gradients([fused, other], given, [y for y, _ in plain])
    gradients += [_largest_difference(got, plain[k][1]) for k, got in enumerate(compiled)]
    return float(torch.stack(outputs).max()), float(torch.stack(gradients).max())


Given = tuple[Tensor, Tensor, Tensor | None]
Results = tuple[Tensor, list[Tensor]]


def _batch(model: SequenceModel, inputs: int, batch: int, padded: bool, seed: int) -> Given:
    """Return random x (B, T, I), dt (B, T) around 1, and valid (B, T) with rows of all lengths if `padded`."""
    source = torch.Generator().manual_seed(seed)
    kind = next(model.parameters()).dtype
    x = torch.randn(batch, STEPS, inputs, generator=source, dtype=kind)
    dt = 0.5 + torch.rand(batch, STEPS, generator=source, dtype=kind)
    lengths = torch.arange(batch)[:, None] % (STEPS + 1)
    return x, dt, (torch.arange(STEPS) < lengths) if padded else None


def _loss(y: Tensor) -> Tensor:
    """Return a weighted sum of the outputs y (..., B, T, O), with a different weight for each output."""
    return (y * _slopes(y)).sum()


def _slopes(y: Tensor) -> Tensor:
    """Return the gradient (B, T, O) of `_loss` with respect to the outputs."""
    return torch.randn(y.shape[-3:], generator=torch.Generator().manual_seed(7), dtype=y.dtype)


def _results(model: SequenceModel, given: Given) -> Results:
    """Return outputs (B, T, O) and the gradients of all trainable parameters."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    y = model(*given)
    gradients = torch.autograd.grad(_loss(y), parameters, allow_unused=True)
    return y.detach(), [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]


def _stacked_results(models: list[SequenceModel], given: Given) -> list[Results]:
    """Return the same as `_results` for each model, computed in one call."""
    stack = StackedModel(models)
    y = stack(*given)
    rows = torch.autograd.grad(_loss(y), stack.rows)
    return [(y[k].detach(), list(row.split(stack.sizes))) for k, row in enumerate(rows)]


def _compiled_gradients(models: list[SequenceModel], given: Given, plain: list[Tensor]) -> list[list[Tensor]]:
    """Return the gradients by the code that trains without torch; none if it does not train this model.

    plain: the outputs of each model (B, T, O). The targets are such that the gradient of the mean squared error with
    respect to these is that of `_loss`.
    """
    network, (x, dt, valid), y = network_of(models[0]), given, torch.stack(plain)
    if network is None:
        return []
    # Imported on first use: they load the compiler, which takes a second.
    from lnncmp.training.compiled_stack import CompiledStack
    from lnncmp.training.replayed import Replayed

    copies, stack = len(models), StackedModel(models)
    counted = None if valid is None else valid[..., None].expand_as(y[0])
    cells = y[0].numel() if counted is None else int(counted.sum())
    targets = (y - _slopes(y) * (cells / 2)).flatten(0, 1)
    real, cells_counted = (None if own is None else torch.cat([own] * copies) for own in (valid, counted))
    kind = stack.rows[0].dtype
    inputs, times = torch.cat([x] * copies), torch.cat([dt] * copies)
    data = ArrayWindows(inputs, times, targets, real, cells_counted, network.with_time, kind)
    compiled = CompiledStack(stack, network, Task())
    compiled.load([row.detach().numpy() for row in stack.rows])
    windows, size = np.arange(copies * len(x)).reshape(copies, -1), len(x)
    replayed = Replayed(compiled)
    if replayed.can_train(data, [size]):
        replayed.train(data, windows, size, np.zeros(1), np.zeros(copies, np.bool_), math.inf)
    else:
        compiled.losses(data, windows)
    return [list(torch.from_numpy(row).split(stack.sizes)) for row in compiled.gradients()]


def _difference(got: Tensor, expected: Tensor, scale: float = 0.0) -> Tensor:
    """Return the largest difference relative to the largest expected number, or to `scale` if that is larger."""
    largest = expected.abs().max().clamp(min=max(scale, torch.finfo(expected.dtype).tiny))
    return (got.reshape(expected.shape) - expected).abs().max() / largest


def _largest_difference(got: list[Tensor], expected: list[Tensor]) -> Tensor:
    """Return the largest difference among gradients, tensor by tensor."""
    scale = _FLOOR * max(float(g.abs().max()) for g in expected)
    return torch.stack([_difference(*pair, scale) for pair in zip(got, expected, strict=True)]).max()
