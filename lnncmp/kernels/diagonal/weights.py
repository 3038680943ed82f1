"""Parameters of diagonal state-space models as the kernels read them, and their gradients.

Legend of shapes as in lnncmp.kernels.diagonal.steps; raw parameters are log_step (S, H), then log_decay, frequency and
the two parts of C, (S, H, P) each.
"""

import math

from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.tiles import of_all_blocks
from lnncmp.kernels.diagonal.backward import SUMS
from lnncmp.kernels.diagonal.steps import ZOH, Weights

Raw = tuple[Array, Array, Array, Array, Array]


@lean_kernel
def lay_out(copies: int, wide: int, pairs: int, slowest: float, raw: Raw, weights: Weights) -> None:
    """Write the weights of the kernels; a padded feature has a decay of 1, and nothing else."""
    width = raw[0].size // copies
    for s in range(copies):
        for n in range(wide):
            real = n < width
            weights[0][s * wide + n] = math.exp(raw[0][s * width + n]) if real else 0.0
            for p in range(pairs):
                own, at = (s * width + n) * pairs + p, (s * pairs + p) * wide + n
                decay = max(math.exp(raw[1][own]), slowest) if real else 1.0
                frequency = raw[2][own] if real else 0.0
                weights[1][at], weights[2][at] = decay, frequency
                # As stored: both passes then have one 1 / A.
                decay, frequency = weights[1][at], weights[2][at]
                over = decay * decay + frequency * frequency
                weights[3][at], weights[4][at] = -decay / over, -frequency / over
                weights[5][at], weights[6][at] = (raw[3][own], raw[4][own]) if real else (0.0, 0.0)


@lean_kernel
def gradients(
    copies: int, blocks: int, wide: int, rule: int, slowest: float, raw: Raw, weights: Weights, sums: Array, found: Raw
) -> None:
    """Write the gradients of the raw parameters from the sums (S, blocks, 7, P, N); see backward for S1 and S2."""
    width, pairs = raw[0].size // copies, raw[1].size // max(raw[0].size, 1)
    length, whole = pairs * wide, SUMS * pairs * wide
    for s in range(copies):
        for n in range(width):
            of_step = 0.0
            for p in range(pairs):
                at, own, w = s * blocks * whole + p * wide + n, (s * width + n) * pairs + p, (s * pairs + p) * wide + n
                decay, frequency, v_re, v_im = weights[1][w], weights[2][w], weights[3][w], weights[4][w]
                s1_re = of_all_blocks(sums, at, blocks, whole)
                s1_im = of_all_blocks(sums, at + length, blocks, whole)
                s2_re = of_all_blocks(sums, at + 2 * length, blocks, whole)
                s2_im = of_all_blocks(sums, at + 3 * length, blocks, whole)
                of_bound = of_all_blocks(sums, at + 6 * length, blocks, whole)
                of_step += frequency * s1_im - decay * s1_re
                of_re, of_im = s1_re, s1_im
                if rule == ZOH:
                    of_re = of_re - (v_re * s2_re + v_im * s2_im)
                    of_im = of_im - (v_re * s2_im - v_im * s2_re)
                else:
                    of_step += s2_re
                raw_decay = math.exp(raw[1][own])
                moves = 1.0 if raw_decay >= slowest else 0.0
                found[1][own] = raw_decay * (of_bound - of_re) * moves
                found[2][own] = of_im
                found[3][own] = of_all_blocks(sums, at + 4 * length, blocks, whole)
                found[4][own] = of_all_blocks(sums, at + 5 * length, blocks, whole)
            found[0][s * width + n] = of_step
