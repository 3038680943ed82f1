"""Liquid-S4 on S4-LegS against S4, dense matrices and convolutions, in double precision."""

import math

import numpy as np
import pytest
import torch
from state_space_blocks import BATCH, STATE, STEPS, WIDTH, drawn, equal, made, parts, run, zeros

from lnncmp.layers.liquid_s4_legs import LiquidLegSBlock
from lnncmp.layers.s4 import S4Block


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def whole(block, h):
    """Return L, P, B and C (N,) of a feature, both numbers of each pair."""
    named = (
        (-block.log_decay.exp(), block.frequency),
        (block.p_real, block.p_imag),
        (block.b_real, block.b_imag),
        (block.c_real, block.c_imag),
    )
    halves = [parts(re)[h] + 1j * parts(im)[h] for re, im in named]
    return [np.concatenate([own, own.conj()]) for own in halves]


def discrete(eigenvalues, p, b, step):
    """Return the discrete A (N, N) and B (N,) by dense solves."""
    matrix, one = np.diag(eigenvalues) - np.outer(p, p.conj()), np.eye(len(b))
    below = one - step / 2 * matrix
    return np.linalg.solve(below, one + step / 2 * matrix), np.linalg.solve(below, step * b)


def dense(block, u, dt, bounded):
    """Return y (B, T, H) of x = (A- + diag(B- u)) x + B- u; bounded: of A + diag(B w), discretised as a whole."""
    y = torch.zeros_like(u)
    for row, h in np.ndindex(BATCH, u.shape[2]):
        eigenvalues, p, b, c = whole(block, h)
        x = np.zeros(STATE, complex)
        for t in range(u.shape[1]):
            step, entering = dt[row, t].item() * math.exp(block.log_step[h].item()), u[row, t, h].item()
            decay, size = -eigenvalues.real, np.abs(b)
            bent = decay * np.tanh(entering * size / decay) * b / size if bounded else 0.0
            a, driven = discrete(eigenvalues + bent, p, b, step)
            driven = driven * entering
            x = (a if bounded else a + np.diag(driven)) @ x + driven
            y[row, t, h] = (c @ x).real
    return y


@pytest.mark.parametrize("kernel", ["kb", "pb"])
def test_degree_1_is_s4(kernel):
    u, dt = drawn()
    base = run(made(S4Block, WIDTH, STATE), u, dt)
    assert torch.equal(run(made(LiquidLegSBlock, WIDTH, STATE, kernel=kernel, degree=1), u, dt), base)
    assert not equal(run(made(LiquidLegSBlock, WIDTH, STATE, kernel=kernel, degree=2), u, dt), base.detach(), 1e-3)


@pytest.mark.parametrize("transition", ["bounded", "paper"])
def test_is_the_recurrence_by_dense_solves(transition):
    block = made(LiquidLegSBlock, 2, STATE, transition=transition)
    u, dt = drawn(2)
    assert equal(run(block, u, dt), block.finish(dense(block, u, dt, transition == "bounded"), u).detach())


def test_both_transitions_agree_for_small_inputs_and_short_steps():
    """But for the product of an input with itself, one of as many as there are steps."""
    blocks = [made(LiquidLegSBlock, WIDTH, STATE, transition=name) for name in ("bounded", "paper")]
    blocks.append(made(S4Block, WIDTH, STATE))
    u, dt = torch.full((BATCH, 200, WIDTH), 1e-2).double(), torch.full((BATCH, 200), 1e-3).double()
    last = [run(block, u, dt).detach()[:, -1] for block in blocks]
    apart, product = ((last[0] - own).abs().max() for own in last[1:])
    assert apart < 0.02 * product


def test_all_products_of_inputs_are_the_recurrence():
    u, dt = drawn()
    u, dt = u[:, :5], dt[:, :5]
    recurrence = run(made(LiquidLegSBlock, WIDTH, STATE, transition="paper"), u, dt).detach()
    assert equal(run(made(LiquidLegSBlock, WIDTH, STATE, kernel="kb", degree=5), u, dt), recurrence)
    assert not equal(run(made(LiquidLegSBlock, WIDTH, STATE, kernel="kb", degree=4), u, dt), recurrence, 1e-8)


@pytest.mark.parametrize("kernel", ["kb", "pb"])
def test_equals_its_convolutions_on_a_regular_grid(kernel):
    """Of one input with C A-^l B-, and of two inputs i < j with C A-^(t-j) (B- (A-^(j-1-i) B-)); pb: C (B- B-)."""
    block = made(LiquidLegSBlock, WIDTH, STATE, kernel=kernel, degree=2)
    u, _ = drawn()
    y = torch.zeros_like(u)
    for h in range(WIDTH):
        eigenvalues, p, b, c = whole(block, h)
        a, b = discrete(eigenvalues, p, b, 0.7 * math.exp(block.log_step[h].item()))
        powers = [np.linalg.matrix_power(a, k) for k in range(STEPS)]
        single = np.array([(c @ power @ b).real for power in powers])
        for row in range(BATCH):
            own = parts(u)[row, :, h]
            y[row, :, h] = torch.tensor(np.convolve(single, own)[:STEPS])
            for t, j in np.ndindex(STEPS, STEPS):
                for i in range(j if j <= t else 0):
                    pair = c @ (b * b) if kernel == "pb" else c @ powers[t - j] @ (b * (powers[j - 1 - i] @ b))
                    y[row, t, h] += pair.real * own[i] * own[j]
    dt = torch.full((BATCH, STEPS), 0.7, dtype=torch.float64)
    assert equal(run(block, u, dt), block.finish(y, u).detach(), 1e-11)


def test_no_input_makes_the_bounded_one_grow():
    block = made(LiquidLegSBlock, WIDTH, STATE)
    source = torch.Generator().manual_seed(0)
    dt = torch.logspace(-6, 8, 60, dtype=torch.float64)[None]
    start = tuple(torch.randn(1, width, generator=source, dtype=torch.float64) for width in block.state_widths)
    for size in (0.0, -0.3, 0.3, -2.0, 2.0, -1e6, 1e6):
        u = torch.full((1, 60, WIDTH), size).double()
        kept, driven, *rest = block.factors(u, dt, block._bent(u))
        x, _ = block.follow((kept, *rest), torch.zeros_like(driven), None, start)
        lengths = torch.linalg.vector_norm(torch.cat([torch.complex(*start).view(1, 1, WIDTH, -1), x], 1), dim=-1)
        assert (lengths[:, 1:] <= lengths[:, :-1] * (1.0 + 1e-12)).all()


def test_any_elapsed_time_and_input_is_finite():
    for more in ({}, {"kernel": "kb", "degree": 3}, {"kernel": "pb"}):
        block = made(LiquidLegSBlock, WIDTH, STATE, **more).float()
        u, _ = drawn()
        dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1.0] * 2).expand(BATCH, STEPS)
        state = tuple(own.float() for own in zeros(block))
        y, final = block.run((50.0 * u if not more else u).float(), dt, None, state, False)
        assert all(own.isfinite().all() for own in (y, *final))
