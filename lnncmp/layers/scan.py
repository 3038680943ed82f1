"""Linear recurrences of elementwise factors, h_t = a_t h_{t-1} + b_t, real or complex: by a kernel or plain PyTorch.

Complex numbers are two real tensors each. At padding h stays, and a and b get no gradient. There are no weights, so
copies of a network are rows of one batch.

Legend of shape suffixes: B batch, T steps, C features.
"""

from torch import Tensor

from lnncmp.kernels.common.sequence_function import run
from lnncmp.layers.recurrent_layer import hold, stack_steps, time_major


def scan(a: Tensor, b: Tensor, valid: Tensor | None, start: Tensor, fused: bool) -> tuple[Tensor, Tensor]:
    """Return h (B, T, C) at all steps and the final h (B, C), for real a and b (B, T, C) and start (B, C)."""
    tensors = b, None, valid, start, a
    hidden, final = run("scan real", real_twin, tensors) if fused else real_twin(*tensors)
    return hidden, final


Pair = tuple[Tensor, Tensor]
"""The real and the imaginary part of complex numbers."""


def complex_scan(a: Pair, b: Pair, valid: Tensor | None, start: Pair, fused: bool) -> tuple[Pair, Pair]:
    """Return h at all steps and the final h, each a pair of (B, T, C) and (B, C), as `scan` for pairs."""
    tensors = b[0], None, valid, *start, b[1], *a
    found = run("scan complex", complex_twin, tensors) if fused else complex_twin(*tensors)
    return (found[0], found[1]), (found[2], found[3])


def real_twin(b: Tensor, dt: None, valid: Tensor | None, h: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the kernel of `scan` does, in plain PyTorch."""
    outputs = []
    for a_t, b_t, real in zip(a.unbind(1), b.unbind(1), time_major(valid, b.shape[1]), strict=True):
        h = hold(real, b_t + a_t * h, h)
        outputs.append(h)
    return stack_steps(outputs, b.shape[2], b), h


def complex_twin(
    b_re: Tensor,
    dt: None,
    valid: Tensor | None,
    h_re: Tensor,
    h_im: Tensor,
    b_im: Tensor,
    a_re: Tensor,
    a_im: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what the kernel of `complex_scan` does, in plain PyTorch."""
    real_parts, imaginary_parts = [], []
    steps = zip(*(part.unbind(1) for part in (a_re, a_im, b_re, b_im)), time_major(valid, b_re.shape[1]), strict=True)
    for re, im, add_re, add_im, real in steps:
        new_re = add_re + re * h_re - im * h_im
        new_im = add_im + re * h_im + im * h_re
        h_re, h_im = hold(real, new_re, h_re), hold(real, new_im, h_im)
        real_parts.append(h_re)
        imaginary_parts.append(h_im)
    hidden = [stack_steps(parts, b_re.shape[2], b_re) for parts in (real_parts, imaginary_parts)]
    return hidden[0], hidden[1], h_re, h_im
