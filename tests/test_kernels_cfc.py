"""The fused CfC against its plain twin: outputs, final states and gradients of every mode, bad input, copies."""

import itertools

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

import lnncmp.layers.cfc as cfc_module
from lnncmp.errors import UsageError
from lnncmp.kernels.common.torch_arrays import check_kind
from lnncmp.layers.activations import ACTIVATIONS
from lnncmp.layers.cfc import CfCLayer
from lnncmp.layers.cfc_cell import CfCOptions

MEMORIES = [None, "replace_h", "input_to_cfc"]
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def build(dtype=torch.float64, inputs=3, hidden=6, memory=None, spread=0.5, **options):
    """A CfC whose parameters are all drawn anew, so that no zero or one hides a term."""
    options = {"backbone_units": 7, **options}
    layer = CfCLayer(inputs, hidden, CfCOptions(**options), memory, 0.7).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(0.0, spread)
    return layer


def batch_of(layer, batch=5, steps=7, padded=False):
    """x with NaN at padding, dt, step or None, and a starting state."""
    weight = next(layer.parameters())
    inputs = layer.runner.plans[0].stages[0].inputs
    x, dt = (torch.randn(batch, steps, inputs).to(weight), 2.0 * torch.rand(batch, steps).to(weight))
    valid = None
    if padded:
        valid = torch.arange(steps) < torch.arange(batch)[:, None] * steps // max(batch - 1, 1)
        x[~valid], dt[~valid] = torch.nan, torch.nan
    return x, dt, valid, tuple(torch.randn(batch, layer.width).to(weight) for _ in layer.initial_state(batch))


def everything(layer, implementation, x, dt, valid, state):
    """Hidden states (0 at padding), final states and the gradients of x, states and parameters."""
    layer.chosen = implementation
    assert layer.implementation == implementation
    leaves = [t.clone().requires_grad_() for t in (x, *state)]
    hidden, final = layer.sequence(leaves[0], dt, valid, tuple(leaves[1:]))
    if valid is not None:
        hidden = hidden.where(valid[..., None], torch.zeros(()).to(hidden))
    weight = torch.linspace(-1, 1, hidden.numel()).to(hidden).view(hidden.shape)
    loss = (weight * hidden).sum() + sum((f * f).sum() for f in final)
    wanted = [*leaves, *layer.parameters()]
    return [hidden, *final, *torch.autograd.grad(loss, wanted, materialize_grads=True)]


def assert_equal(layer, *given, tolerance=None):
    allowed = tolerance or TOLERANCE[next(layer.parameters()).dtype]
    plain, fused = (everything(layer, implementation, *given) for implementation in ("loop", "fused"))
    for expected, got in zip(plain, fused, strict=True):
        assert got.shape == expected.shape and got.isfinite().all()
        assert (got - expected).norm() <= allowed * expected.norm() + (
            1e-12 if expected.dtype == torch.float64 else 1e-6
        )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_equals_the_plain_twin_in_every_mode(mode, memory, padded, dtype):
    for layers, head, sign in [(0, "tanh", "plus"), (1, "lecun_tanh", "minus"), (2, "tanh", "minus")]:
        options = {"mode": mode, "backbone_layers": layers, "head_activation": head, "gate_sign": sign}
        layer = build(dtype, memory=memory, spread=0.3, **options)
        assert_equal(layer, *batch_of(layer, padded=padded))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_equals_the_plain_twin_with_every_activation(activation, dtype):
    for layers in (1, 3):
        layer = build(dtype, backbone_layers=layers, backbone_activation=activation, spread=0.3)
        assert_equal(layer, *batch_of(layer))


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize(("inputs", "hidden", "units"), [(1, 1, 1), (17, 8, 16), (5, 17, 3), (16, 33, 24)])
def test_any_width_works(inputs, hidden, units, memory):
    for dtype in (torch.float64, torch.float32):
        layer = build(dtype, inputs, hidden, memory, spread=0.2, backbone_units=units)
        assert_equal(layer, *batch_of(layer, padded=True))


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (6, 1), (1, 5), (0, 4), (4, 0), (0, 0), (70, 2)])
def test_any_length_and_batch_works(batch, steps, memory):
    layer = build(memory=memory)
    assert_equal(layer, *batch_of(layer, batch, steps))


@pytest.mark.parametrize(
    ("options", "memory"),
    [
        *(({"mode": mode, "backbone_layers": 1}, memory) for mode in ("default", "pure") for memory in MEMORIES),
        *(({"backbone_activation": activation, "backbone_layers": 2}, None) for activation in ACTIVATIONS),
        ({"mode": "no_gate", "backbone_layers": 0, "head_activation": "lecun_tanh", "gate_sign": "minus"}, None),
    ],
)
def test_gradients_equal_finite_differences(options, memory):
    layer = build(inputs=2, hidden=3, memory=memory, backbone_units=4, **options)
    layer.chosen = "fused"
    x, dt, valid, state = batch_of(layer, 2, 3, padded=True)
    x = x.nan_to_num(0.0)
    names = [name for name, _ in layer.named_parameters()]

    def call(x, *rest):
        state, weights = rest[: -len(names)], rest[-len(names) :]
        hidden, final = run(layer, dict(zip(names, weights, strict=True)), x, dt, valid, state)
        return hidden.where(valid[..., None], torch.zeros(()).double()), *final

    leaves = [t.detach().clone().requires_grad_() for t in (x, *state, *layer.parameters())]
    assert torch.autograd.gradcheck(call, leaves)


class Sequence(torch.nn.Module):
    """A layer whose call is `sequence`, for functional_call."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *given):
        return self.layer.sequence(*given)


def run(layer, weights, *given):
    return functional_call(Sequence(layer), {f"layer.{name}": w for name, w in weights.items()}, given)


@pytest.mark.parametrize("memory", MEMORIES)
def test_copies_in_one_call_equal_separate_calls(memory):
    layers = [build(torch.float32, memory=memory, spread=0.3) for _ in range(3)]
    for layer in layers:
        layer.chosen = "fused"
    given = [batch_of(layer, padded=True) for layer in layers]
    weights, buffers = stack_module_state([Sequence(layer) for layer in layers])
    x, dt, valid = (torch.stack(parts) for parts in zip(*(g[:3] for g in given), strict=True))
    state = tuple(torch.stack(parts) for parts in zip(*(g[3] for g in given), strict=True))

    def call(weights, x, dt, valid, state):
        hidden, final = functional_call(Sequence(layers[0]), (weights, buffers), (x, dt, valid, state))
        return hidden, *final

    together = vmap(call)(weights, x, dt, valid, state)
    sum((part**2).sum() for part in together).backward()
    for copy, (layer, own) in enumerate(zip(layers, given, strict=True)):
        hidden, final = layer.sequence(*own)
        for got, expected in zip(together, (hidden, *final), strict=True):
            assert torch.equal(got[copy], expected)
        sum((part**2).sum() for part in (hidden, *final)).backward()
        for name, parameter in layer.named_parameters():
            got = weights[f"layer.{name}"].grad[copy]
            assert (got - parameter.grad).norm() <= 1e-5 * parameter.grad.norm()


def test_two_threads_equal_one():
    layer = build(torch.float32, 17, 24, "replace_h", backbone_units=40, spread=0.2)
    given = batch_of(layer, 37, 20, padded=True)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(everything(layer, "fused", *given))
    torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_float32_is_as_accurate_as_the_plain_path_at_full_size():
    layer = CfCLayer(17, 64, CfCOptions())
    x, dt, _, state = batch_of(layer, 64, 64)
    assert_equal(layer, x, dt, None, state, tolerance=1e-5)


def test_dropout_drops_as_the_plain_path_does(monkeypatch):
    for placement, activation in itertools.product(("ncps", "every_layer"), ("lecun_tanh", "silu")):
        options = {"backbone_dropout": 0.4, "dropout_placement": placement, "backbone_activation": activation}
        layer = build(backbone_layers=2, **options).train()
        given = batch_of(layer, 4, 3)
        torch.manual_seed(1)
        factors = cfc_module.draw_dropout(layer.cell, 3, 4)
        assert (factors[1] == 0).any() and set(factors.unique().tolist()) <= {0.0, 1.0, 1.0 / 0.6}
        first = 0 if placement == "every_layer" else 1
        order = iter([factors[k, t] for t in range(3) for k in range(first, 2)])
        monkeypatch.setattr("lnncmp.layers.cfc_cell.dropout", lambda z, rate, order=order: z * next(order))
        plain = everything(layer, "loop", *given)
        torch.manual_seed(1)
        fused = everything(layer, "fused", *given)
        assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(plain, fused, strict=True))


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_elapsed_times_may_be_zero_or_huge(mode, dtype):
    layer = build(dtype, mode=mode)
    x, dt, valid, state = batch_of(layer)
    for elapsed in (0.0, 1e-30, 1e6, 1e30):
        assert_equal(layer, x, torch.full_like(dt, elapsed), valid, state, tolerance=1e-4)


def test_nothing_of_the_sequence_is_kept_without_gradients():
    layer = build(torch.float32, hidden=40, backbone_units=50)
    given = batch_of(layer, 8, 50)
    layer.chosen = "fused"
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()), lambda t: t):
        with torch.no_grad():
            quiet = layer.sequence(*given)
        assert not sizes
        loud = layer.sequence(*given)
    assert max(sizes) > 8 * 50 * 40
    assert torch.equal(quiet[0], loud[0]) and torch.equal(quiet[1][0], loud[1][0])


def test_nan_in_real_inputs_comes_out_and_stays_in_its_row():
    layer = build(torch.float32)
    x, dt, valid, state = batch_of(layer)
    x[2, 3, 0] = torch.nan
    layer.chosen = "fused"
    hidden, _ = layer.sequence(x, dt, valid, state)
    assert hidden[2, 3:].isnan().all() and hidden[2, :3].isfinite().all()
    assert hidden[[0, 1, 3, 4]].isfinite().all()


def test_inputs_need_not_be_contiguous():
    layer = build()
    x, dt, _, state = batch_of(layer, 4, 6)
    x, dt = x.transpose(0, 1).contiguous().transpose(0, 1), dt.t().contiguous().t()
    valid = torch.ones(6, 4, dtype=torch.bool).t()
    assert not x.is_contiguous()
    assert_equal(layer, x, dt, valid, state)


def test_inputs_of_another_type_are_refused():
    layer = build(torch.float32)
    x, dt, valid, state = batch_of(layer)
    layer.chosen = "fused"
    for given in ((x.double(), dt, valid, state), (x, dt.double(), valid, state), (x, dt, valid, (state[0].double(),))):
        with pytest.raises(UsageError, match=r"is float64, the model's weights are float32"):
            layer.sequence(*given)
    check_kind(x, dt=dt)


def test_gradients_of_the_elapsed_time_come_from_the_loop():
    layer = build()
    x, dt, valid, state = batch_of(layer)
    found = []
    for implementation in ("loop", "fused"):
        layer.chosen = implementation
        elapsed = dt.clone().requires_grad_()
        hidden, _ = layer.sequence(x, elapsed, valid, state)
        found.append(torch.autograd.grad(hidden.sum(), elapsed)[0])
    assert found[0].any() and torch.equal(*found)


def test_a_second_backward_gives_the_same_and_changed_weights_are_noticed():
    layer = build(torch.float32, hidden=40)
    given = batch_of(layer, 30, 20)
    layer.chosen = "fused"
    hidden, _ = layer.sequence(*given)
    weights = list(layer.parameters())
    first, second = (torch.autograd.grad(hidden.sum(), weights, retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    with torch.no_grad():
        weights[0].add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        hidden.sum().backward()
