"""LinOSS, LrcSSM, minGRU and minLSTM against matrices, numpy and logarithms; sizes of all state-space models."""

import math

import numpy as np
import pytest
import torch
from state_space_blocks import BATCH, STEPS, WIDTH, drawn, equal, made, parts, run, zeros
from torch.nn.functional import softplus

from lnncmp.errors import UsageError
from lnncmp.layers.linoss import LinOSSBlock
from lnncmp.layers.lrc_ssm import LRCBlock
from lnncmp.layers.min_gated import MinGRUBlock, MinLSTMBlock, positive
from lnncmp.models.base import load_model


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class TestLinOSS:
    def matrix_form(self, block, u, dt, implicit):
        """Return Re(C y), by 2 x 2 systems of each oscillator with complex forces, as in the paper."""
        a, s = np.maximum(parts(block.stiffness), 1e-6), 1.0 / (1.0 + np.exp(-parts(block.raw_step)))
        g = np.zeros_like(a) if block.damping is None else np.clip(parts(block.damping), 0.0, 2.0 * np.sqrt(a))
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
                    left = np.array([[1.0 + h * g[k], h * a[k] if implicit else 0.0], [-h, 1.0]])
                    right = np.eye(2) if implicit else np.array([[1.0, -h * a[k]], [0.0, 1.0]])
                    x[k] = np.linalg.solve(left, right @ x[k] + [h * force[k], 0.0])
                out[row, t] = (c @ x[:, 1]).real
        return torch.tensor(out)

    @pytest.mark.parametrize("damped", [False, True])
    @pytest.mark.parametrize("rule", ["im", "imex"])
    def test_equals_the_systems_of_the_paper(self, rule, damped):
        block = made(LinOSSBlock, WIDTH, 5, rule, damped=damped)
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
    @pytest.mark.parametrize("damping", [0.0, -1.0])
    def test_no_damping_is_the_undamped_model(self, rule, damping):
        damped, plain = (made(LinOSSBlock, WIDTH, 5, rule, damped=own) for own in (True, False))
        plain.load_state_dict({name: own for name, own in damped.state_dict().items() if name != "damping"})
        u, dt = drawn()
        assert not equal(run(damped, u, dt), run(plain, u, dt).detach(), 1e-3)
        with torch.no_grad():
            damped.damping.fill_(damping)
        assert equal(run(damped, u, dt), run(plain, u, dt).detach())
        assert not damped.has_kernel and (rule == "imex" or equal(run(damped, u, dt), run(plain, u, dt, True).detach()))

    @pytest.mark.parametrize("rule", ["im", "imex"])
    def test_damped_oscillators_lose_energy_at_any_step(self, rule):
        block = made(LinOSSBlock, WIDTH, 6, rule, damped=True)
        with torch.no_grad():
            block.damping.copy_(torch.tensor([0.1, 0.5, 1.0, 2.0, 10.0, 1e6]))
        start = tuple(torch.ones(1, 12).double() for _ in range(2))
        nothing = torch.zeros(1, 400, WIDTH).double()
        for length in (0.3, 3.0, 30.0, 1e9):
            dt = torch.full((1, 400), length, dtype=torch.float64)
            _, (z, y) = block.run(nothing, dt, None, start, False)
            assert (z.square() + y.square()).max() < 0.05

    @pytest.mark.parametrize("rule", ["im", "imex"])
    @pytest.mark.parametrize("damped", [False, True])
    def test_no_elapsed_time_and_no_stiffness_is_too_much(self, rule, damped):
        block = made(LinOSSBlock, WIDTH, 3, rule, damped=damped).float()
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
            found = block.run(u, dt, None, zeros(block), row == 0)[1][0][row]
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
