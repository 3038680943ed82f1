"""Fused recurrences equal their plain twins, and models that run on them keep what all kernels promise."""

import kernel_checks as checks
import pytest
import torch
from torch.func import functional_call, vmap

from lnncmp.errors import UsageError
from lnncmp.kernels.common.sequence_function import run
from lnncmp.layers.blocks import BlockStack
from lnncmp.layers.diagonal import S4DBlock
from lnncmp.layers.linoss import LinOSSBlock
from lnncmp.layers.liquid_s4 import LiquidS4Block
from lnncmp.layers.lrc_ssm import LRCBlock
from lnncmp.layers.min_gated import MinGRUBlock, MinLSTMBlock
from lnncmp.layers.scan import complex_scan, complex_twin, real_twin, scan

padding = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
precision = pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-13)], ids=["float32", "float64"]
)
sizes = pytest.mark.parametrize(
    ("batch", "steps", "features"), [(1, 1, 1), (3, 5, 7), (20, 4, 16), (2, 3, 37), (18, 3, 9), (0, 3, 4), (3, 0, 4)]
)
numbers = pytest.mark.parametrize("parts", [1, 2], ids=["real", "complex"])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def drawn(parts, batch, steps, features, padded, dtype=torch.float64):
    """Return the tensors of the operation, |a| < 1, with NaN at padding."""
    source = torch.Generator().manual_seed(0)
    valid = torch.arange(steps) < (torch.arange(batch) % (steps + 1))[:, None] if padded else None

    def numbers(*shape):
        made = 0.7 * torch.rand(shape, generator=source, dtype=dtype)
        if padded and len(shape) == 3:
            made[~valid] = float("nan")
        return made.requires_grad_()

    a, b = ([numbers(batch, steps, features) for _ in range(parts)] for _ in range(2))
    start = [numbers(batch, features) for _ in range(parts)]
    return (b[0], None, valid, *start, *b[1:], *a)


def results(found, tensors, valid):
    """Return outputs at real steps and all gradients of a random weighting of them."""
    outputs = [
        own if own.ndim == 2 or valid is None else own.where(valid[..., None], own.new_zeros(())) for own in found
    ]
    source = torch.Generator().manual_seed(1)
    loss = sum((own * torch.randn(own.shape, generator=source, dtype=own.dtype)).sum() for own in outputs)
    asked = [own for own in tensors if own is not None and own.is_floating_point()]
    found = [*outputs, *torch.autograd.grad(loss, asked, allow_unused=True)]
    return {str(k): torch.zeros(()) if own is None else own.detach() for k, own in enumerate(found)}


@numbers
@padding
@precision
@sizes
def test_equals_the_twin(parts, batch, steps, features, padded, dtype, limit):
    tensors = drawn(parts, batch, steps, features, padded, dtype)
    key, twin = ("scan real", real_twin) if parts == 1 else ("scan complex", complex_twin)
    blanked = [own if own is None or own.dtype == torch.bool else own.nan_to_num() for own in tensors]
    got = results(run(key, twin, tensors), tensors, tensors[2])
    expected = results(twin(*blanked), tensors, tensors[2])
    assert steps == 0 or got["0"].shape == (batch, steps, features)
    for key, value in expected.items():
        assert (got[key] - value).norm() <= limit * value.norm(), key
        assert got[key].isfinite().all(), key


@numbers
@padding
def test_gradcheck_twice(parts, padded):
    tensors = drawn(parts, 3, 4, 5, padded)
    tensors = [own if own is None or own.dtype == torch.bool else own.detach().nan_to_num() for own in tensors]
    asked = [own.requires_grad_() for own in tensors if own is not None and own.dtype != torch.bool]
    key, twin = ("scan real", real_twin) if parts == 1 else ("scan complex", complex_twin)

    def call(b, *rest):
        return run(key, twin, (b, None, tensors[2], *rest))

    assert torch.autograd.gradcheck(call, asked, fast_mode=True)
    assert torch.autograd.gradgradcheck(call, asked, fast_mode=True)


def test_what_does_not_fit_is_refused():
    a, start = torch.zeros(2, 3, 4), torch.zeros(2, 4)
    for wrong in (a[:1], a[:, :2], a[..., :3], a.double(), start):
        with pytest.raises(UsageError, match="a recurrence of"):
            scan(wrong, a, None, start, True)
    with pytest.raises(UsageError, match="expected"):
        complex_scan((a, a), (a, a), None, (start, start[:1]), True)


@pytest.mark.parametrize("name", ["log_step", "log_decay", "frequency", "c_real"])
def test_weights_that_do_not_fit_are_refused(name):
    layer = LAYERS["s4d"]()
    x, dt, valid, state = checks.draw(layer, 3, 2, 3)
    key = f"layer.blocks.0.{name}"
    model = checks.Sequence(layer)
    with pytest.raises(UsageError, match="of 5 of a layer has shape"):
        functional_call(model, {key: model.get_parameter(key)[:-1]}, (x, dt, valid, state))


def _layer(block, inputs=3, **more):
    def make(seed=0, dtype=torch.float64):
        torch.manual_seed(seed)
        return BlockStack(inputs, block(inputs), **more).to(dtype)

    return make


LAYERS = {
    "min_gru": _layer(lambda inputs: [MinGRUBlock(inputs, 5), MinGRUBlock(5, 7)], residual=False),
    "min_lstm": _layer(lambda inputs: [MinLSTMBlock(inputs, 19)], residual=False),
    "s4d": _layer(lambda inputs: [S4DBlock(5, 6) for _ in range(2)], norm=True),
    "s4d bilinear": _layer(lambda inputs: [S4DBlock(9, 2, "bilinear")]),
    "linoss": _layer(lambda inputs: [LinOSSBlock(5, 3)]),
    "liquid_s4": _layer(lambda inputs: [LiquidS4Block(5, 4)]),
    "liquid_s4 bilinear": _layer(lambda inputs: [LiquidS4Block(5, 4, "bilinear")]),
    "liquid_s4 paper": _layer(lambda inputs: [LiquidS4Block(3, 10, "bilinear", transition="paper")]),
    "liquid_s4 kb": _layer(lambda inputs: [LiquidS4Block(5, 4, "bilinear", kernel="kb", degree=3)]),
    "liquid_s4 pb": _layer(lambda inputs: [LiquidS4Block(5, 4, kernel="pb", degree=2)]),
}
LAYERS |= {
    f"lrc_ssm {solver} {symmetric}": _layer(
        lambda inputs, solver=solver, symmetric=symmetric: [
            LRCBlock(3, 3, solver, symmetric=symmetric),
            LRCBlock(3, 3, solver, symmetric=symmetric, reads=True),
        ]
    )
    for solver, symmetric in (("semi_implicit", False), ("semi_implicit", True), ("explicit_euler", True))
}
BOUNDED = [name for name in LAYERS if name.split()[-1] not in ("paper", "True")]
"""Those whose states have a bound, and no gradient that is the difference of two numbers near 0 for long steps."""
each_layer = pytest.mark.parametrize("name", LAYERS)


@each_layer
@padding
@precision
def test_layers_equal_their_twins(name, padded, dtype, limit):
    checks.check_equals_twin(LAYERS[name](dtype=dtype), 3, 18, 5, padded, limit)


@each_layer
@padding
def test_gradcheck_of_layers(name, padded):
    checks.check_gradcheck(LAYERS[name](), 3, padded=padded)


@numbers
@padding
def test_copies_are_rows_and_keep_their_bits(parts, padded):
    key, twin = ("scan real", real_twin) if parts == 1 else ("scan complex", complex_twin)
    b, _, valid, *rest = drawn(parts, 6, 4, 13, padded)
    tensors = [own.detach().unflatten(0, (2, 3)).requires_grad_() for own in (b, *rest)]
    valid = None if valid is None else valid.unflatten(0, (2, 3))

    def call(b, valid, *rest):
        return run(key, twin, (b, None, valid, *rest))

    stacked = vmap(call, in_dims=(0, None if valid is None else 0, *[0] * len(rest)))(tensors[0], valid, *tensors[1:])
    loss = sum(own.nan_to_num().square().sum() for own in stacked)
    gradients = torch.autograd.grad(loss, tensors)
    for k in range(2):
        alone = [own[k].detach().requires_grad_() for own in tensors]
        found = call(alone[0], None if valid is None else valid[k], *alone[1:])
        assert all(torch.equal(one, own[k]) for one, own in zip(found, stacked, strict=True))
        wanted = torch.autograd.grad(sum(own.nan_to_num().square().sum() for own in found), alone)
        assert all(torch.equal(one, own[k]) for one, own in zip(wanted, gradients, strict=True))


@each_layer
@precision
def test_stacked_equals_separate(name, dtype, limit):
    make = LAYERS[name]
    assert make().stackable
    checks.check_stacked(lambda seed: make(seed, dtype), 3, padded=True, limit=limit)


@each_layer
def test_threads_change_no_bit(name):
    checks.check_threads(LAYERS[name](), 3, batch=18)


@each_layer
@precision
def test_any_input_gives_a_right_answer_or_a_clear_error(name, dtype, limit):
    layer = LAYERS[name](dtype=dtype)
    checks.check_without_gradients(layer, 3)
    checks.check_strided(layer, 3)
    checks.check_wrong_kind(layer, 3)
    checks.check_nan(layer, 3)
    checks.check_empty(layer, 3)


@pytest.mark.parametrize("name", BOUNDED)
@precision
def test_elapsed_times_of_zero_and_beyond_any_scale(name, dtype, limit):
    layer = LAYERS[name](dtype=dtype)
    x, _, valid, state = checks.draw(layer, 3, 4, 6)
    dt = torch.tensor([0.0, 1e-9, 1e9, 0.0, 1e20, 1.0], dtype=dtype).expand(4, 6)
    given = x, dt, valid, state
    checks.assert_close(checks.results(layer, *given), checks.results(checks.twin_of(layer), *given), limit)


@each_layer
def test_regular_times_and_times_that_repeat(name):
    layer = LAYERS[name]()
    x, dt, valid, state = checks.draw(layer, 3, 3, 6, padded=True)
    dt = torch.tensor([[0.7] * 6, [0.2, 0.2, 0.7, 0.7, 0.2, 0.2], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]]).double()
    given = x, dt, valid, state
    checks.assert_close(checks.results(layer, *given), checks.results(checks.twin_of(layer), *given), 1e-13)


def test_full_size_in_single_precision():
    torch.manual_seed(0)
    for block in (S4DBlock(64, 16), LiquidS4Block(64, 16), LinOSSBlock(64, 32), MinGRUBlock(64, 64), LRCBlock(64, 64)):
        checks.check_gradients_in_single_precision(BlockStack(17, [block]), 17, 2e-5)


def test_gradients_of_the_elapsed_time():
    layer = LAYERS["s4d"]()
    x, dt, valid, state = checks.draw(layer, 3, 4, 6)
    dt.requires_grad_()
    grads = []
    for one in (layer, checks.twin_of(layer)):
        grads += torch.autograd.grad(one.sequence(x, dt, valid, state)[0].square().sum(), dt)
    assert grads[0].all() and torch.allclose(*grads, rtol=1e-11, atol=1e-13)
