"""State-space models against other ways to compute the same: convolutions, matrices, numpy, logarithms."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch.nn.functional import gelu, glu, softplus

from lnncmp.errors import UsageError
from lnncmp.layers.diagonal import S4DBlock, bilinear, held
from lnncmp.layers.linoss import LinOSSBlock
from lnncmp.layers.liquid_s4 import LiquidS4Block
from lnncmp.layers.lrc_ssm import LRCBlock
from lnncmp.layers.min_gated import MinGRUBlock, MinLSTMBlock, positive
from lnncmp.layers.s4 import S4Block, legs
from lnncmp.models.base import load_model

BATCH, STEPS, WIDTH, STATE = 3, 12, 4, 6


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def made(kind, *args, seed=0, **more):
    torch.manual_seed(seed)
    block = kind(*args, **more).double()
    with torch.no_grad():
        for name, p in block.named_parameters():
            p.add_(0.1 * torch.randn_like(p))
            if name == "log_step":
                p.fill_(-1.0)
    return block


def drawn(width=WIDTH, seed=1, spread=1.0):
    source = torch.Generator().manual_seed(seed)
    u = torch.randn(BATCH, STEPS, width, generator=source, dtype=torch.float64)
    return u, 0.3 + spread * torch.rand(BATCH, STEPS, generator=source, dtype=torch.float64)


def zeros(block, batch=BATCH):
    return tuple(torch.zeros(batch, width, dtype=torch.float64) for width in block.state_widths)


def run(block, u, dt, fused=False):
    return block.run(u, dt, None, zeros(block), fused and block.has_kernel)[0]


def parts(numbers):
    return numbers.detach().numpy()


def equal(one, other, limit=1e-12):
    return np.allclose(np.asarray(one.detach()), np.asarray(other), rtol=0, atol=limit)


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
        """Return x_t = (a + b u) x_{t-1} + b u, transcribed."""
        a = -np.exp(parts(block.log_decay)) + 1j * parts(block.frequency)
        s = np.exp(parts(block.log_step))[:, None]
        c = parts(block.c_real) + 1j * parts(block.c_imag)
        y = np.empty(u.shape)
        for row in range(BATCH):
            x = np.zeros(a.shape, complex)
            for t in range(STEPS):
                z = np.exp(s * dt[row, t].item() * a)
                driven = (z - 1.0) / a * parts(u)[row, t][:, None]
                moved = z + driven
                x = (moved / np.maximum(1.0, abs(moved)) if bounded else moved) * x + driven
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

    def test_no_input_makes_the_bounded_one_grow_without_end(self):
        block = made(LiquidS4Block, WIDTH, STATE).float()
        u, dt = torch.full((1, 2000, WIDTH), 50.0), torch.ones(1, 2000)
        state = tuple(torch.zeros(1, width) for width in block.state_widths)
        assert block.run(u, dt, None, state, True)[0].isfinite().all()
        block.bounded = False
        assert not block.run(u, dt, None, state, True)[0].isfinite().all()


class TestLinOSS:
    def matrix_form(self, block, u, dt, implicit):
        """Return Re(C y), by 2 x 2 systems of each oscillator with complex forces, as in the paper."""
        a, s = np.maximum(parts(block.stiffness), 1e-6), 1.0 / (1.0 + np.exp(-parts(block.raw_step)))
        count = len(a)
        b = parts(block.forcing)[:count] + 1j * parts(block.forcing)[count:]
        c = parts(block.reading)[:, :count] - 1j * parts(block.reading)[:, count:]
        out = np.empty(u.shape)
        for row in range(BATCH):
            x = np.zeros((count, 2), complex)
            for t in range(STEPS):
                force = b @ parts(u)[row, t]
                for k in range(count):
                    h = s[k] * dt[row, t].item()
                    left = np.array([[1.0, h * a[k]], [-h, 1.0]]) if implicit else np.array([[1.0, 0.0], [-h, 1.0]])
                    right = np.eye(2) if implicit else np.array([[1.0, -h * a[k]], [0.0, 1.0]])
                    x[k] = np.linalg.solve(left, right @ x[k] + [h * force[k], 0.0])
                out[row, t] = (c @ x[:, 1]).real
        return torch.tensor(out)

    @pytest.mark.parametrize("rule", ["im", "imex"])
    def test_equals_the_systems_of_the_paper(self, rule):
        block = made(LinOSSBlock, WIDTH, 5, rule)
        u, dt = drawn()
        y = self.matrix_form(block, u, dt, rule == "im")
        assert equal(run(block, u, dt, True), block.finish(y, u).detach())

    def test_imex_keeps_a_free_oscillators_energy_and_im_loses_it(self):
        for rule, kept in (("im", False), ("imex", True)):
            block = made(LinOSSBlock, WIDTH, 1, rule)
            start = tuple(torch.ones(1, 2).double() for _ in range(2))
            nothing, dt = torch.zeros(1, 500, WIDTH).double(), torch.full((1, 500), 0.1).double()
            _, (z, y) = block.run(nothing, dt, None, start, False)
            energy = (z.square() + y.square()) / 2.0
            assert torch.allclose(energy, torch.ones(1, 2).double(), atol=0.05) == kept
            assert kept or energy.max() < 0.9

    @pytest.mark.parametrize("rule", ["im", "imex"])
    def test_no_elapsed_time_and_no_stiffness_is_too_much(self, rule):
        block = made(LinOSSBlock, WIDTH, 3, rule).float()
        with torch.no_grad():
            block.stiffness[:2] = torch.tensor([-1.0, 1e9])
        u, _ = drawn()
        dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1.0] * 2).expand(BATCH, STEPS)
        state = tuple(torch.zeros(BATCH, 6) for _ in range(2))
        y, final = block.run(u.float(), dt, None, state, False)
        assert all(own.isfinite().all() for own in (y, *final))


class TestLrcSSM:
    @pytest.mark.parametrize("symmetric", [False, True])
    @pytest.mark.parametrize("reads", [False, True])
    @pytest.mark.parametrize("solver", ["explicit_euler", "semi_implicit"])
    def test_equals_a_transcription(self, symmetric, reads, solver):
        block = made(LRCBlock, 3, WIDTH, solver, symmetric=symmetric, reads=reads)
        u, dt = drawn(3)
        v = {name: parts(own) for name, own in block.named_parameters()}

        def s(x):
            return 1.0 / (1.0 + np.exp(-x))

        for row in range(BATCH):
            x = np.zeros(WIDTH)
            for t in range(STEPS):
                seen = s(v["input_sigma"] * (parts(u)[row, t] - v["input_mu"]))
                own = s(v["sigma"] * (x - v["mu"]))
                a = -s(v["g_leak"] + v["forget_weight"] @ seen + v["forget"] * own)
                b = v["e_leak"] * np.tanh(v["g_leak"] + v["update_weight"] @ seen + v["update"] * own)
                e = v["elastance"] * x + v["elastance_bias"]
                e = e + v["elastance_weight"] @ parts(u)[row, t] if reads else e
                e = s(e + abs(v["shift"])) - s(e - abs(v["shift"])) if symmetric else s(e)
                h = dt[row, t].item() * e
                x = x + h * (a * x + b) if solver == "explicit_euler" else (x + h * b) / (1.0 - h * a)
            found = block.run(u, dt, None, zeros(block), False)[1][0][row]
            assert equal(found, x)

    def test_stays_between_state_and_rest_for_any_elapsed_time(self):
        block = made(LRCBlock, 3, WIDTH).float()
        u, _ = drawn(3)
        dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1e38] * 2).expand(BATCH, STEPS)
        state = (torch.full((BATCH, WIDTH), 0.5),)
        x, (last,) = block.run(1e3 * u.float(), dt, None, state, False)
        assert torch.equal(x[:, 0], state[0])
        # At rest x = e_leak tanh(g) / sigmoid(f); the long last step goes there, whatever f and g at the old x.
        f, g, _ = (own[:, -1] for own in block._drives(1e3 * u.float()))
        opened = torch.sigmoid(block.sigma * (x[:, -2] - block.mu))
        rest = block.e_leak * torch.tanh(g + block.update * opened) / torch.sigmoid(f + block.forget * opened)
        assert torch.allclose(last, rest, rtol=1e-4)


class TestMinGated:
    def log_space(self, log_keep, log_values):
        """Return the states of the paper's parallel form, in logarithms, from a start of 0."""
        total = log_keep.cumsum(1)
        return (total + (log_values - total).logcumsumexp(1)).exp()

    @pytest.mark.parametrize("kind", [MinGRUBlock, MinLSTMBlock])
    def test_equals_the_log_space_form(self, kind):
        block = made(kind, 3, WIDTH)
        u, dt = drawn(3)
        *gates, candidate = block.gates_map(u).chunk(kind.gates, -1)
        log_c = torch.where(candidate >= 0, (candidate.relu() + 0.5).log(), -softplus(-candidate))
        if kind is MinGRUBlock:
            log_keep, log_write = -softplus(gates[0]), -softplus(-gates[0])
        else:
            difference = softplus(-gates[0]) - softplus(-gates[1])
            log_keep, log_write = -softplus(difference), -softplus(-difference)
        assert equal(run(block, u, dt, True), self.log_space(log_keep, log_write + log_c).detach())

    def test_shares_of_closed_gates_add_up_to_1(self):
        block = made(MinLSTMBlock, 3, WIDTH)
        for f, i in ((-1e4, -1e4), (1e4, -1e4), (-200.0, -199.0), (0.0, 0.0)):
            keep, write = block.shares(torch.tensor(f).double(), torch.tensor(i).double())
            assert keep + write == 1.0 and abs(keep - 1.0 / (1.0 + math.exp(min(i - f, 700.0)))) < 0.5

    def test_candidates(self):
        x = torch.tensor([-30.0, -1e-6, 0.0, 2.0]).double()
        assert torch.allclose(positive(x), torch.tensor([math.exp(-30.0), 0.5, 0.5, 2.5]).double(), atol=1e-6)
        u, dt = drawn(3)
        linear, raised = (run(made(MinGRUBlock, 3, WIDTH, kind), u, dt) for kind in ("linear", "positive"))
        assert (linear < 0).any() and (raised > 0).all()


COUNTS = {
    "s4d": lambda i, h, n, b: (i + 1) * h + b * (h + 4 * h * n // 2 + h + 2 * h * h + 2 * h),
    "liquid_s4": lambda i, h, n, b: (i + 1) * h + b * (h + 4 * h * n // 2 + h + 2 * h * h + 2 * h),
    "s4": lambda i, h, n, b: (i + 1) * h + b * (h + 3 * 2 * h * n // 2 + h * n + h + 2 * h * h + 2 * h),
    "linoss": lambda i, h, n, b: (i + 1) * h + b * (2 * n + 4 * n * h + h + 2 * h * h + 2 * h),
    "lrc_ssm": lambda i, h, n, b: (i + 1) * h + b * (2 * h + 2 * h * h + 9 * h - h),
    "min_gru": lambda i, h, n, b: 2 * (i + 1) * h + (b - 1) * 2 * (h + 1) * h,
    "min_lstm": lambda i, h, n, b: 3 * (i + 1) * h + (b - 1) * 3 * (h + 1) * h,
}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("blocks", [1, 2])
def test_parameters_are_counted_as_in_the_papers(name, blocks):
    spec, inputs, outputs, hidden = load_model(name), 5, 2, 6
    own = {"state": 8} if "state" in spec.arguments.model_fields else {}
    model = spec.build(spec.arguments(hidden=hidden, blocks=blocks, **own), inputs, outputs, 0)
    expected = COUNTS[name](inputs, hidden, 8, blocks) + outputs * (hidden + 1)
    assert sum(p.numel() for p in model.parameters()) == expected
    assert model.structure() == {"blocks": blocks}


def test_more_parameters_of_lrc_ssm():
    spec = load_model("lrc_ssm")
    given = {"hidden": 6, "symmetric": True, "elastance": "inputs"}
    plain, more = (spec.build(spec.arguments(**own), 5, 2, 0) for own in ({"hidden": 6}, given))
    counts = [sum(p.numel() for p in model.parameters()) for model in (plain, more)]
    assert counts[1] - counts[0] == 6 + 36


@pytest.mark.parametrize("name", ["s4d", "s4", "liquid_s4"])
def test_what_does_not_go_together_is_refused(name):
    spec = load_model(name)
    with pytest.raises(UsageError, match=f"the state of {name} has to be even") as odd:
        spec.build(spec.arguments(state=7), 3, 2, 0)
    assert odd.value.hint == "Set state to 6 or 8."
    with pytest.raises(UsageError, match="step_min has to be at most step_max"):
        spec.build(spec.arguments(step_min=1.0, step_max=0.1), 3, 2, 0)
