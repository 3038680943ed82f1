"""State-space models against other ways to compute the same: convolutions, matrices, numpy."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from state_space_blocks import BATCH, STATE, STEPS, WIDTH, drawn, equal, made, parts, run, zeros
from torch.nn.functional import gelu, glu

from lnncmp.layers.diagonal import S4DBlock, bilinear, held
from lnncmp.layers.liquid_s4 import LiquidS4Block
from lnncmp.layers.s4 import S4Block, legs


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def convolved(block, u, kernel):
    """Return the block's outputs for the kernel (H, T) of its state: by FFT, then D u and the mixing."""
    spectrum = torch.fft.rfft(torch.as_tensor(kernel), n=2 * STEPS) * torch.fft.rfft(u.transpose(1, 2), n=2 * STEPS)
    y = torch.fft.irfft(spectrum, n=2 * STEPS)[..., :STEPS].transpose(1, 2)
    mixed = glu(torch.nn.functional.linear(gelu(y + block.skip * u), block.mix.weight, block.mix.bias), -1)
    return mixed.detach()


class TestS4D:
    def test_equals_its_convolution_on_a_regular_grid(self):
        block = made(S4DBlock, WIDTH, STATE)
        u, _ = drawn()
        # The authors' minimal S4D: K_l = 2 Re sum C (e^{sA} - 1) / A e^{sAl}.
        a = -np.exp(parts(block.log_decay)) + 1j * parts(block.frequency)
        s, c = 0.7 * np.exp(parts(block.log_step))[:, None], parts(block.c_real) + 1j * parts(block.c_imag)
        powers = np.exp((s * a)[..., None] * np.arange(STEPS))
        kernel = 2.0 * np.einsum("hn,hnl->hl", c * (np.exp(s * a) - 1.0) / a, powers).real
        assert equal(
            run(block, u, torch.full((BATCH, STEPS), 0.7, dtype=torch.float64), True), convolved(block, u, kernel)
        )

    def test_holds_inputs_exactly_over_any_elapsed_times(self):
        block = made(S4DBlock, 1, 2)
        u, dt = drawn(1)
        decay, frequency = math.exp(block.log_decay.item()), block.frequency.item()
        # The pair as a real system of two, its inputs as a third constant one.
        system = np.array([[-decay, -frequency, 1.0], [frequency, -decay, 0.0], [0.0, 0.0, 0.0]])
        x, read = np.zeros(2), []
        for t in range(STEPS):
            x = (expm(system * math.exp(block.log_step.item()) * dt[0, t].item()) @ [*x, u[0, t, 0].item()])[:2]
            read.append(2.0 * (block.c_real.item() * x[0] - block.c_imag.item() * x[1]))
        y = block.finish(torch.tensor(read).double()[None, :, None], u[:1])
        assert equal(run(block, u, dt)[:1], y.detach())

    @pytest.mark.parametrize("rule", [held, bilinear])
    def test_steps_are_identities_at_0_and_never_grow(self, rule):
        decay, frequency = torch.tensor([[1e-4, 0.5, 30.0]]), torch.tensor([[0.0, 100.0, 3.0]])
        a, b = rule(torch.tensor([0.0, 1e-30, 1.0, 1e5, 1e20, 1e30])[:, None, None], decay, frequency)
        assert all(part.isfinite().all() for part in (*a, *b))
        assert torch.equal(a[0][0], torch.ones(1, 3)) and not any(part[0].any() for part in (a[1], *b))
        assert (a[0].square() + a[1].square()).max() <= 1.0 + 1e-6
        small, exact = rule(torch.tensor(1e-6), *(own.float() for own in (decay, frequency)))[1][0], 1e-6
        assert torch.allclose(small, torch.full((1, 3), exact), rtol=1e-3)  # no cancellation in float32

    def test_rules_agree_for_small_steps(self):
        decay, frequency = torch.rand(2, 3).double(), torch.randn(2, 3).double()
        (a, b), (c, d) = (rule(torch.tensor(1e-3).double(), decay, frequency) for rule in (held, bilinear))
        assert all(torch.allclose(p, q, atol=1e-6) for p, q in zip((*a, *b), (*c, *d), strict=True))


class TestS4:
    def test_legs_is_the_hippo_matrix(self):
        eigenvalues, p, b = legs(8)
        whole = np.concatenate([eigenvalues, eigenvalues.conj()])
        rank, inputs = np.concatenate([p, p.conj()]), np.concatenate([b, b.conj()])
        matrix = np.diag(whole) - np.outer(rank, rank.conj())
        n = np.arange(8)
        hippo = -np.tril(np.sqrt(np.outer(2 * n + 1, 2 * n + 1)), -1) - np.diag(n + 1)
        assert np.allclose(np.sort(np.linalg.eigvals(matrix).real), np.sort(np.linalg.eigvals(hippo).real), atol=1e-2)
        # Of the same system: the same answer of B to an impulse of any later moment, read by B and by P.
        for t in (0.1, 0.5):
            ours = inputs.conj() @ expm(t * matrix) @ inputs
            root = np.sqrt(2.0 * n + 1.0)
            assert np.isclose(ours, root @ expm(t * hippo) @ root)
            assert np.isclose(rank.conj() @ expm(t * matrix) @ inputs, np.sqrt(n + 0.5) @ expm(t * hippo) @ root)

    def matrices(self, block, h, step):
        """Return the discrete A (N, N) and B (N,) of a feature, by dense solves, and C."""
        half = [
            parts(re)[h] + 1j * parts(im)[h]
            for re, im in (
                (-block.log_decay.exp(), block.frequency),
                (block.p_real, block.p_imag),
                (block.b_real, block.b_imag),
                (block.c_real, block.c_imag),
            )
        ]
        eigenvalues, p, b, c = (np.concatenate([own, own.conj()]) for own in half)
        matrix, one = np.diag(eigenvalues) - np.outer(p, p.conj()), np.eye(2 * block.pairs)
        below = one - step / 2 * matrix
        return np.linalg.solve(below, one + step / 2 * matrix), np.linalg.solve(below, step * b), c

    def test_equals_its_convolution_on_a_regular_grid(self):
        block = made(S4Block, WIDTH, STATE)
        u, _ = drawn()
        kernel = np.empty((WIDTH, STEPS))
        for h in range(WIDTH):
            a, b, c = self.matrices(block, h, 0.7 * math.exp(block.log_step[h].item()))
            for t in range(STEPS):
                kernel[h, t] = (c @ np.linalg.matrix_power(a, t) @ b).real
        assert equal(run(block, u, torch.full((BATCH, STEPS), 0.7, dtype=torch.float64)), convolved(block, u, kernel))

    def test_equals_dense_solves_at_any_elapsed_times(self):
        block = made(S4Block, 2, STATE)
        u, dt = drawn(2)
        y = torch.zeros_like(u)
        for row in range(BATCH):
            for h in range(2):
                x = np.zeros(STATE, complex)
                for t in range(STEPS):
                    a, b, c = self.matrices(block, h, dt[row, t].item() * math.exp(block.log_step[h].item()))
                    x = a @ x + b * u[row, t, h].item()
                    y[row, t, h] = (c @ x).real
        assert equal(run(block, u, dt), block.finish(y, u).detach())

    def test_any_elapsed_time_is_stable(self):
        block = made(S4Block, WIDTH, STATE)
        u, _ = drawn()
        dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1.0] * 2).double().expand(BATCH, STEPS)
        assert run(block, u, dt).isfinite().all()
        state = tuple(own.float() for own in zeros(block))
        y, final = block.float().run(u.float(), dt.float(), None, state, False)
        assert all(own.isfinite().all() for own in (y, *final))


class TestLiquidS4:
    def numpy(self, block, u, dt, bounded):
        """Return x_t = (a + b u) x_{t-1} + b u, transcribed; bounded, d tanh(u / d) in place of the first u."""
        a = -np.exp(parts(block.log_decay)) + 1j * parts(block.frequency)
        s = np.exp(parts(block.log_step))[:, None]
        c = parts(block.c_real) + 1j * parts(block.c_imag)
        y = np.empty(u.shape)
        for row in range(BATCH):
            x = np.zeros(a.shape, complex)
            for t in range(STEPS):
                z = np.exp(s * dt[row, t].item() * a)
                b, entering, d = (z - 1.0) / a, parts(u)[row, t][:, None], -a.real
                x = (z + b * (d * np.tanh(entering / d) if bounded else entering)) * x + b * entering
                y[row, t] = 2.0 * (c * x).sum(1).real
        return y

    @pytest.mark.parametrize("transition", ["bounded", "paper"])
    def test_is_the_recurrence_of_the_paper(self, transition):
        block = made(LiquidS4Block, WIDTH, STATE, transition=transition)
        u, dt = drawn()
        y = torch.tensor(self.numpy(block, u, dt, transition == "bounded"))
        assert equal(run(block, u, dt, True), block.finish(y, u).detach())
        other = "paper" if transition == "bounded" else "bounded"
        assert not equal(run(block, u, dt), run(made(LiquidS4Block, WIDTH, STATE, transition=other), u, dt).detach())

    @pytest.mark.parametrize("kernel", ["kb", "pb"])
    @pytest.mark.parametrize("rule", ["zoh", "bilinear"])
    def test_degree_1_is_s4d(self, kernel, rule):
        u, dt = drawn()
        liquid = made(LiquidS4Block, WIDTH, STATE, rule, kernel=kernel, degree=1)
        base = made(S4DBlock, WIDTH, STATE, rule)
        assert torch.equal(run(liquid, u, dt), run(base, u, dt))
        more = made(LiquidS4Block, WIDTH, STATE, rule, kernel=kernel, degree=2)
        assert not equal(run(more, u, dt), run(base, u, dt).detach(), 1e-3)

    def test_all_products_of_inputs_are_the_recurrence(self):
        u, dt = drawn()
        u, dt = u[:, :5], dt[:, :5]
        whole = run(made(LiquidS4Block, WIDTH, STATE, transition="paper"), u, dt).detach()
        assert equal(run(made(LiquidS4Block, WIDTH, STATE, kernel="kb", degree=5), u, dt), whole)
        assert not equal(run(made(LiquidS4Block, WIDTH, STATE, kernel="kb", degree=4), u, dt), whole, 1e-8)

    def test_pb_sums_products_of_two_inputs_without_decay(self):
        block = made(LiquidS4Block, 1, 2, "bilinear", kernel="pb", degree=2)
        u, dt = drawn(1)
        a = -math.exp(block.log_decay.item()) + 1j * block.frequency.item()
        s = math.exp(block.log_step.item()) * parts(dt)[0]
        z, driven = (1 + s * a / 2) / (1 - s * a / 2), s / (1 - s * a / 2) * parts(u)[0, :, 0]
        c, read, x = block.c_real.item() + 1j * block.c_imag.item(), [], 0.0
        for t in range(STEPS):
            x = z[t] * x + driven[t]
            products = sum(driven[i] * driven[j] for j in range(t + 1) for i in range(j))
            read.append(2.0 * (c * (x + products)).real)
        assert equal(run(block, u, dt)[:1], block.finish(torch.tensor(read)[None, :, None], u[:1]).detach())

    @pytest.mark.parametrize("rule", ["zoh", "bilinear"])
    def test_the_bounded_factor_is_at_most_1_for_any_input_and_step(self, rule):
        block = made(LiquidS4Block, WIDTH, STATE, rule)
        dt = torch.logspace(-6, 8, 200, dtype=torch.float64)[None]
        for size in (0.0, -0.3, 0.3, -2.0, 2.0, -1e6, 1e6):
            raw = block.weights()
            a, b = block.transition(raw, dt)
            factor = block.liquid(raw, a, b, torch.full((1, 200, WIDTH), size).double())
            assert (factor[0].square() + factor[1].square()).max() <= 1.0 + 1e-9

    def test_no_input_makes_the_bounded_one_grow_without_end(self):
        block = made(LiquidS4Block, WIDTH, STATE).float()
        u, dt = torch.full((1, 2000, WIDTH), 50.0), torch.ones(1, 2000)
        state = tuple(torch.zeros(1, width) for width in block.state_widths)
        assert block.run(u, dt, None, state, True)[0].isfinite().all()
        block.kind = "liquid"
        assert not block.run(u, dt, None, state, True)[0].isfinite().all()
