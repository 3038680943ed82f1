"""Conformance: the contract that every model of the folder keeps, in its default and in some other arguments."""

import subprocess
import sys
from dataclasses import fields

import pytest
import torch
from model_variants import (
    BATCH,
    CONFORMANCE_VARIANTS,
    OUTPUTS,
    STEPS,
    build,
    counts_time,
    each_case,
    real_steps,
    sample,
    tolerance,
)
from pydantic import ValidationError

from lnncmp.errors import UsageError
from lnncmp.models.base import load_model, model_names


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_every_model_of_the_folder_is_tested_here():
    assert set(CONFORMANCE_VARIANTS) == set(model_names())
    assert {"base", "registry"}.isdisjoint(model_names())


@pytest.mark.parametrize("name", model_names())
def test_specification_is_complete(name):
    spec = load_model(name)
    for field in fields(spec):
        value = getattr(spec, field.name)
        assert value is not None
        assert field.name == "group" or not isinstance(value, str) or len(value) > 20, field.name
    assert "=" in spec.equation
    assert any(character.isdigit() for character in spec.citation)
    assert all(field.description for field in spec.arguments.model_fields.values())
    assert spec.arguments().hidden >= 1


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("bad", [{"hidden": 0}, {"hidden": "many"}, {"hiden": 8}, {"hidden": 10**6}])
def test_arguments_out_of_range_are_refused(name, bad):
    with pytest.raises(ValidationError):
        load_model(name).arguments(**bad)


def test_unknown_model_names_the_nearest():
    with pytest.raises(UsageError, match="unknown model 'lsmt'") as caught:
        load_model("lsmt")
    assert "Did you mean 'lstm'?" in caught.value.hint
    with pytest.raises(UsageError):
        load_model("registry")


def test_reading_the_specifications_imports_no_torch():
    code = (
        "import sys; from lnncmp.models.base import load_model, model_names; "
        "[load_model(n).arguments() for n in model_names()]; "
        "bad = {'torch', 'ncps', 'torchdiffeq'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@each_case
def test_shapes_finite_and_same_seed_same_weights(name, variant):
    model, again, other = (build(name, variant, seed) for seed in (0, 0, 1))
    x, dt = sample()
    y, state = model.sequence(x, dt, None, None)
    assert y.shape == (BATCH, STEPS, OUTPUTS)
    assert y.isfinite().all()
    assert all(s.shape[0] == BATCH and s.isfinite().all() for s in state)
    assert model.implementation in ("loop", "torch", "fused")
    assert torch.equal(model(x, dt), again(x, dt))
    assert not torch.equal(model(x, dt), other(x, dt))
    assert all(isinstance(count, int) and count > 0 for count in model.structure().values())


@each_case
@pytest.mark.parametrize(("batch", "steps"), [(1, STEPS), (BATCH, 1), (0, STEPS), (1, 1)])
def test_smallest_batches(name, variant, batch, steps):
    x, dt = sample(batch=batch, steps=steps)
    y, state = build(name, variant).sequence(x, dt, None, None)
    assert y.shape == (batch, steps, OUTPUTS)
    assert y.isfinite().all()
    assert all(s.shape[0] == batch for s in state)


@each_case
def test_elapsed_time_counts_exactly_where_declared(name, variant):
    model = build(name, variant)
    x, dt = sample()
    changed = not torch.allclose(model(x, dt), model(x, 2 * dt), atol=1e-6)
    # Cf-S starts with w_tau = 0, but |ff1| still makes the elapsed time count.
    assert changed == counts_time(name, variant)
    longer = dt.clone()
    longer[1] *= 3
    others = torch.arange(BATCH) != 1
    assert torch.allclose(model(x, dt)[others], model(x, longer)[others], atol=tolerance(variant))


@each_case
def test_batched_equals_one_by_one_also_where_batch_equals_units(name, variant):
    model = build(name, variant, dtype=torch.float64)
    x, dt = sample(torch.float64, batch=10)
    alone = torch.cat([model(x[b : b + 1], dt[b : b + 1]) for b in range(10)])
    limit = 2e-3 if variant.get("solver") == "dopri5" else 1e-12
    assert torch.allclose(model(x, dt), alone, rtol=0, atol=limit)


@each_case
def test_causal(name, variant):
    model = build(name, variant, dtype=torch.float64)
    x, dt = sample(torch.float64)
    before = model(x, dt)
    x[:, 3:] += 1.0
    dt[:, 3:] *= 2.0
    after = model(x, dt)
    assert torch.allclose(after[:, :3], before[:, :3], rtol=0, atol=1e-13)
    assert (after[:, 3:] - before[:, 3:]).abs().min() > 0


@each_case
def test_streaming_equals_the_sequence(name, variant):
    model = build(name, variant, dtype=torch.float64)
    x, dt = sample(torch.float64)
    expected, final = model.sequence(x, dt, None, None)
    state, outputs = model.initial_state(BATCH), []
    for t in range(STEPS):
        y, state = model.step(x[:, t], dt[:, t], state)
        outputs.append(y)
    assert torch.allclose(torch.stack(outputs, 1), expected, rtol=0, atol=1e-12)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(state, final, strict=True))


@each_case
def test_continuing_from_a_state_equals_the_whole(name, variant):
    model = build(name, variant, dtype=torch.float64)
    x, dt = sample(torch.float64)
    _, state = model.sequence(x[:, :2], dt[:, :2], None, None)
    rest, _ = model.sequence(x[:, 2:], dt[:, 2:], None, state)
    assert torch.allclose(rest, model(x, dt)[:, 2:], rtol=0, atol=1e-12)


def outputs_and_gradients(model, x, dt, valid):
    x, dt = x.clone().requires_grad_(), dt.clone().requires_grad_()
    model.zero_grad()
    y = model(x, dt, valid)
    y.square().sum().backward()
    grads = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
    grads["x"] = x.grad
    if dt.grad is not None:
        grads["dt"] = dt.grad
    return y.detach(), grads


@each_case
@pytest.mark.parametrize("fill", [7e3, float("nan"), float("inf"), -1.0])
def test_padding_blind(name, variant, fill):
    model, valid = build(name, variant), real_steps()
    x, dt = sample()
    y, grads = outputs_and_gradients(model, x, dt, valid)
    _, state = model.sequence(x, dt, valid, None)
    x[~valid], dt[~valid] = fill, fill
    y_filled, grads_filled = outputs_and_gradients(model, x, dt, valid)
    y_stateful, state_filled = model.sequence(x, dt, valid, None)
    assert torch.equal(y_filled, y)
    assert torch.allclose(y_stateful, y, atol=1e-6)
    assert (y[~valid] == 0).all()
    assert grads.keys() == grads_filled.keys()
    for key, grad in grads_filled.items():
        assert grad.isfinite().all(), key
        assert torch.equal(grad, grads[key]), key
    assert all(torch.equal(a, b) for a, b in zip(state, state_filled, strict=True))


@each_case
def test_padded_row_equals_the_shorter_row(name, variant):
    model, valid = build(name, variant, dtype=torch.float64), real_steps()
    x, dt = sample(torch.float64)
    y, state = model.sequence(x, dt, valid, None)
    limit = 2e-3 if variant.get("solver") == "dopri5" else 1e-12
    for row, length in enumerate(valid.sum(1).tolist()):
        expected, final = model.sequence(x[row : row + 1, :length], dt[row : row + 1, :length], None, None)
        assert torch.allclose(y[row, :length], expected[0], rtol=0, atol=limit)
        assert all(torch.allclose(a[row], b[0], rtol=0, atol=limit) for a, b in zip(state, final, strict=True))
