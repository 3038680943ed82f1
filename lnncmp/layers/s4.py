"""S4 (arXiv 2111.00396): x' = A x + B u with HiPPO-LegS, A = diag(L) - P P*, by the bilinear rule.

A step of length s, the learned one of the feature times the elapsed time of the sample:
    x' = (I - sA/2)^-1 [(I + sA/2) x + s B u]
The inverse of diagonal plus rank one is Woodbury's, so that with factors that depend on s and u alone, all elementwise,
    x' = m x + d - k Re(v x)
in O(N), v x summed over the state. Numbers come in conjugate pairs, of which one each is kept: P* x is 2 Re over
the kept half. Terms are divided by 1 + s, so that none grows with s.

Legend of shape suffixes: B batch, T steps, H features, N numbers of the state, Q = N / 2 pairs.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from lnncmp.layers.blocks import MixingBlock
from lnncmp.layers.diagonal import LONGEST, SLOWEST, complex_normal, log_uniform_steps
from lnncmp.layers.recurrent_layer import hold, time_major
from lnncmp.layers.scan import Pair
from lnncmp.layers.sequence_model import State


def legs(state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return L, P and B (N / 2,) of HiPPO-LegS of an even size N, one of each conjugate pair, by rising Im L.

    A_nk = -sqrt((2n + 1)(2k + 1)) for n > k, -(n + 1) for n = k; B_n = sqrt(2n + 1). With p_n = sqrt(n + 1/2),
    A + p p' is -1/2 plus a skew matrix, which a unitary V makes diagonal: L, P = V* p, B = V* B.
    """
    n = np.arange(state)
    b = np.sqrt(2.0 * n + 1.0)
    a = -np.tril(np.outer(b, b), -1) - np.diag(n + 1.0)
    p = np.sqrt(n + 0.5)
    turning = a + np.outer(p, p) + 0.5 * np.eye(state)
    frequencies, basis = np.linalg.eigh(-1j * turning)
    kept = basis[:, state // 2 :].conj().T  # rising, so the second half has the positive ones
    return -0.5 + 1j * frequencies[state // 2 :], kept @ p, kept @ b


def _parts(numbers: np.ndarray, width: int) -> tuple[nn.Parameter, nn.Parameter]:
    parts = (torch.as_tensor(part.copy(), dtype=torch.get_default_dtype()) for part in (numbers.real, numbers.imag))
    real, imaginary = (nn.Parameter(part.repeat(width, 1)) for part in parts)
    return real, imaginary


class S4Block(MixingBlock):
    """S4 over a sequence, y = 2 Re(C x), then the mixing; state: the parts of x, two of (B, H Q)."""

    def __init__(self, width: int, state: int, step_range: tuple[float, float] = (1e-3, 1e-1)) -> None:
        super().__init__(width)
        self.pairs = state // 2
        eigenvalues, rank, inputs = legs(state)
        self.log_step = log_uniform_steps(width, *step_range)
        self.log_decay = nn.Parameter(torch.full((width, self.pairs), math.log(0.5)))
        _, self.frequency = _parts(eigenvalues, width)
        self.p_real, self.p_imag = _parts(rank, width)
        self.b_real, self.b_imag = _parts(inputs, width)
        self.c_real, self.c_imag = complex_normal((width, self.pairs))
        self.state_widths = (width * self.pairs,) * 2

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        kept, driven, *rest = self.factors(u, dt)
        x, final = self.follow((kept, *rest), driven, valid, (state[0], state[1]))
        return self.finish(self.observe(x), u), final

    def observe(self, x: Tensor) -> Tensor:
        """Return 2 Re(C x) (B, T, H) for complex x (B, T, H, Q)."""
        return 2.0 * (torch.complex(self.c_real, self.c_imag) * x).sum(-1).real

    def follow(
        self, step: tuple[Tensor, ...], driven: Tensor, valid: Tensor | None, start: Pair
    ) -> tuple[Tensor, Pair]:
        """Return x at all steps, complex (B, T, H, Q), and the parts of the last (B, H Q), for (m, k, v) and d."""
        x, states = torch.complex(*start).unflatten(1, (self.width, self.pairs)), []
        parts = (part.unbind(1) for part in (*step, driven))
        for m, k, v, d, real in zip(*parts, time_major(valid, driven.shape[1]), strict=True):
            new = torch.addcmul(d, m, x) - k * (v * x).sum(-1, keepdim=True).real
            x = hold(None if real is None else real[..., None], new, x)
            states.append(x)
        final = x.real.flatten(1), x.imag.flatten(1)
        return (torch.stack(states, 1) if states else driven), final

    @property
    def decay(self) -> Tensor:
        """-Re L (H, Q), positive."""
        return self.log_decay.exp().clamp(min=SLOWEST)

    def factors(self, u: Tensor, dt: Tensor, moved: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return m, d, k and v, each complex (B, T, H, Q), for inputs u and L, or L + `moved` (B, T, H, Q).

        r = 1 / (1 + s) and q = s / (1 + s).
        """
        step = (dt[..., None] * self.log_step.exp()).clamp(max=LONGEST)[..., None]
        r = 1.0 / (1.0 + step)
        q = step * r
        eigenvalues = torch.complex(-self.decay, self.frequency)
        half = (0.5 * q) * (eigenvalues if moved is None else eigenvalues + moved)
        inverse = 1.0 / (r - half)
        p = torch.complex(self.p_real, self.p_imag)
        kept, back = inverse * (r + half), inverse * p
        driven = inverse * (q * u[..., None]) * torch.complex(self.b_real, self.b_imag)
        # y = m x + d - q k P*x solves for the diagonal; then x' = y - w k P*y.
        size = _inner(p, back)
        w = q / (1.0 + q * size)
        read = p.conj() * (w * kept + q * (1.0 - w * size))
        return kept, driven - back * (w * _inner(p, driven)), back, read


def _inner(p: Tensor, x: Tensor) -> Tensor:
    """Return Re(p* x) over the kept half, (..., 1), for p (H, Q) and x (..., H, Q)."""
    return (p.conj() * x).sum(-1, keepdim=True).real
