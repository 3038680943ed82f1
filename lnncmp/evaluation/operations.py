"""Counts the operations of a step of any model, by watching what its plain PyTorch path does.

Every operation that torch carries out on one step of a batch is counted by a formula. The batch has a size that no
other axis has, so that activations can be told from weights: what is done to weights alone (a mask, a softplus) can be
done once and is not counted.

Legend of shapes: B batch, T steps, I inputs, K summed over, M units.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.operations import OperationCounts

ACTIVE = 0.01
"""Share of the largest activation of a source from which on it is an event."""
_STEPS = 16
_PRIMES = (17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
_PRODUCTS = {"mm": 0, "bmm": 0, "mv": 0, "dot": 0, "addmm": 1, "baddbmm": 1, "addmv": 1}
"""Names of products -> place of the first factor."""
_COSTS: tuple[tuple[tuple[str, ...], Mapping[str, int]], ...] = (
    (("sigmoid", "tanh", "silu", "gelu", "softmax", "_softmax", "rsqrt"), {"exponentials": 1, "divisions": 1}),
    (("exp", "exp2", "expm1", "log", "log1p", "sin", "cos", "pow", "sqrt"), {"exponentials": 1}),
    (("softplus",), {"exponentials": 2}),
    (("native_layer_norm",), {"multiplications": 3, "additions": 3}),
    (("add", "sub", "rsub", "relu", "clamp", "clamp_min", "clamp_max", "abs"), {"additions": 1}),
    (("maximum", "minimum", "neg", "sum", "cumsum", "mean"), {"additions": 1}),
    (("mul",), {"multiplications": 1}),
    (("div", "reciprocal"), {"divisions": 1}),
    (("lerp",), {"multiplications": 1, "additions": 2}),
    (("addcmul", "addcdiv"), {"multiplications": 2, "additions": 1}),
)
"""What an element of the result costs; all else (copies, comparisons, choices) counts as nothing."""
_ELEMENTWISE = {name: cost for names, cost in _COSTS for name in names}
_SUMMED = ("sum", "mean")
"""Operations that cost by what goes in, not by what comes out."""


def count_operations(model: SequenceModel, x: Tensor, dt: Tensor, valid: Tensor | None) -> OperationCounts | None:
    """Return the operations of a step of a trained model, a mean over some windows x (N, T, I), dt (N, T), valid.

    None where no window has a real step. The model is left as it is.
    """
    plain = use_plain(copy.deepcopy(model)).eval()
    taken = {size for p in plain.parameters() for size in p.shape} | {x.shape[-1]}
    batch = next(prime for prime in _PRIMES if all(size % prime for size in taken))
    rows = torch.arange(batch, device=x.device) % max(len(x), 1)
    steps = min(x.shape[1], _STEPS) if len(x) else 0
    counter = _Counter(batch)
    state = plain.initial_state(batch)
    real = 0
    with torch.no_grad():
        for t in range(steps):
            if valid is not None and not bool(valid[rows, t].all()):
                break
            with counter:
                _, state = plain.step(x[rows, t], dt[rows, t], state)
            real += 1
    if not real:
        return None
    share = 1.0 / (real * batch)
    names = OperationCounts.model_fields
    return OperationCounts(**{name: counter.found[name] * share for name in names})


class _Counter(TorchDispatchMode):
    """Adds up the operations on tensors that have an axis of `batch`."""

    def __init__(self, batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch = batch
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Carry the operation out and count it."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        name = name.removesuffix("_") if name.rstrip("_") in _ELEMENTWISE else name
        if name in _PRODUCTS:
            first = _PRODUCTS[name]
            self._product(args[first], args[first + 1])
        elif name.startswith("_scaled_dot_product"):
            self._attention(args[0], args[1])
        elif name in _ELEMENTWISE:
            self._elementwise(name, args[0] if name in _SUMMED else out)
        return out

    def _of_batch(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor) and any(size % self.batch == 0 and size for size in tensor.shape)

    def _elementwise(self, name: str, tensor: Any) -> None:
        tensor = tensor[0] if isinstance(tensor, tuple) else tensor
        if not self._of_batch(tensor):
            return
        parts = 4 if tensor.is_complex() and name == "mul" else 2 if tensor.is_complex() else 1
        for kind, times in _ELEMENTWISE[name].items():
            self.found[kind] += times * parts * tensor.numel()

    def _product(self, a: Tensor, b: Tensor) -> None:
        """Count a @ b; its terms are those whose weight is there, its events those whose activation is large."""
        a, b = (a if a.ndim > 1 else a[None]), (b if b.ndim > 1 else b[:, None])
        if not (self._of_batch(a) or self._of_batch(b)):
            return
        parts = 4 if a.is_complex() else 1
        by_rows = self._of_batch(a) and not (self._of_batch(b) and a.ndim == 2 and a.shape[0] % self.batch)
        source, weight = (a, b) if by_rows else (b.mT, a.mT)
        there = (weight != 0).sum(-1)  # of each source, how many targets it has
        active = source.abs() > ACTIVE * source.abs().amax(-1, keepdim=True)
        self.found["multiply_adds"] += parts * int(there.sum()) * source.shape[-2]
        self.found["events"] += parts * int((active * there[..., None, :]).sum())

    def _attention(self, query: Tensor, key: Tensor) -> None:
        terms = 2 * query.numel() * key.shape[-2]
        self.found.update({"multiply_adds": terms, "events": terms, "exponentials": terms // (2 * query.shape[-1])})
