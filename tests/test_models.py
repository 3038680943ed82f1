"""Conformance: what every model of the folder must do, in its default and in some other arguments."""

import copy
import subprocess
import sys
from dataclasses import fields

import pytest
import torch
from pydantic import ValidationError
from torch.func import functional_call, stack_module_state, vmap

from lnncmp.errors import UsageError
from lnncmp.models.registry import load_model, model_names

INPUTS, OUTPUTS, BATCH, STEPS = 3, 2, 4, 6

CONFORMANCE_VARIANTS = {
    "lstm": [{}, {"implementation": "loop"}, {"forget_bias": 1.0, "init": "keras"}],
    "gru": [{}, {"implementation": "loop"}, {"init": "keras", "implementation": "loop"}],
    "cfc": [
        {},
        {"mode": "pure", "backbone_layers": 2, "backbone_activation": "silu", "init": "keras"},
        {"mode": "no_gate", "backbone_layers": 0, "head_activation": "lecun_tanh", "gate_sign": "minus"},
        {"mixed_memory": True, "backbone_activation": "tanh"},
        {"mixed_memory": True, "mixed_variant": "input_to_cfc", "gate_sign": "minus"},
    ],
    "ltc": [
        {},
        {"constraint": "clip", "readout": "motor"},
        {"solver": "explicit_euler", "unfolds": 20},
        {"solver": "rk4", "unfolds": 10},
        {"solver": "dopri5", "rtol": 1e-4},
    ],
    "ncp": [
        {},
        {"synapses": "gathered", "constraint": "clip"},
        {"cell": "cfc"},
        {"cell": "cfc", "masking": "ncps", "mode": "no_gate", "readout": "linear"},
        {"wiring": "random", "sparsity": 0.8},
        {"wiring": "ncp", "command_neurons": 3, "sensory_fanout": 2},
        {"wiring": "fully_connected", "cell": "cfc"},
    ],
}
"""Arguments tried beside `hidden`; a model of the folder without an entry fails the meta-test."""

CASES = [(name, variant) for name, variants in CONFORMANCE_VARIANTS.items() for variant in variants]
each_case = pytest.mark.parametrize(("name", "variant"), CASES, ids=[f"{n}-{v}" for n, v in CASES])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def build(name, variant, seed=0, dtype=torch.float32, wiring_seed=5, **more):
    spec = load_model(name)
    torch.manual_seed(seed)
    model = spec.build(spec.arguments(**{"hidden": 10, **variant, **more}), INPUTS, OUTPUTS, wiring_seed)
    return model.to(dtype)


def sample(dtype=torch.float32, batch=BATCH, steps=STEPS):
    source = torch.Generator().manual_seed(1)
    x = torch.randn(batch, steps, INPUTS, generator=source, dtype=dtype)
    return x, 0.05 + 0.3 * torch.rand(batch, steps, generator=source, dtype=dtype)


def tolerance(variant):
    """dopri5 chooses its steps for the whole batch, so rows depend on each other within the solver's tolerance."""
    return 2e-3 if variant.get("solver") == "dopri5" else 1e-5


def real_steps():
    step = torch.ones(BATCH, STEPS, dtype=torch.bool)
    step[1, 3:] = False
    step[2, 1:] = False
    step[3] = False
    return step


def test_every_model_of_the_folder_is_tested_here():
    assert set(CONFORMANCE_VARIANTS) == set(model_names())
    assert {"base", "registry"}.isdisjoint(model_names())


@pytest.mark.parametrize("name", model_names())
def test_specification_is_complete(name):
    spec = load_model(name)
    for field in fields(spec):
        value = getattr(spec, field.name)
        assert value is not None
        assert not isinstance(value, str) or len(value) > 20, field.name
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
        "import sys; from lnncmp.models.registry import load_model, model_names; "
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
    if batch == 0 and variant.get("solver") == "dopri5":
        pytest.skip("an adaptive step has no size for an empty batch")
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
    assert changed == load_model(name).uses_dt
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


def outputs_and_gradients(model, x, dt, step):
    x, dt = x.clone().requires_grad_(), dt.clone().requires_grad_()
    model.zero_grad()
    y = model(x, dt, step)
    y.square().sum().backward()
    grads = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
    grads["x"] = x.grad
    if dt.grad is not None:
        grads["dt"] = dt.grad
    return y.detach(), grads


@each_case
@pytest.mark.parametrize("fill", [7e3, float("nan"), float("inf"), -1.0])
def test_padding_blind(name, variant, fill):
    model, step = build(name, variant), real_steps()
    x, dt = sample()
    y, grads = outputs_and_gradients(model, x, dt, step)
    _, state = model.sequence(x, dt, step, None)
    x[~step], dt[~step] = fill, fill
    y_filled, grads_filled = outputs_and_gradients(model, x, dt, step)
    y_stateful, state_filled = model.sequence(x, dt, step, None)
    assert torch.equal(y_filled, y)
    assert torch.allclose(y_stateful, y, atol=1e-6)
    assert (y[~step] == 0).all()
    assert grads.keys() == grads_filled.keys()
    for key, grad in grads_filled.items():
        assert grad.isfinite().all(), key
        assert torch.equal(grad, grads[key]), key
    assert all(torch.equal(a, b) for a, b in zip(state, state_filled, strict=True))


@each_case
def test_padded_row_equals_the_shorter_row(name, variant):
    model, step = build(name, variant, dtype=torch.float64), real_steps()
    x, dt = sample(torch.float64)
    y, state = model.sequence(x, dt, step, None)
    limit = 2e-3 if variant.get("solver") == "dopri5" else 1e-12
    for row, length in enumerate(step.sum(1).tolist()):
        expected, final = model.sequence(x[row : row + 1, :length], dt[row : row + 1, :length], None, None)
        assert torch.allclose(y[row, :length], expected[0], rtol=0, atol=limit)
        assert all(torch.allclose(a[row], b[0], rtol=0, atol=limit) for a, b in zip(state, final, strict=True))


@each_case
def test_gradcheck(name, variant):
    sharp = {"rtol": 1e-10, "atol": 1e-12} if variant.get("solver") == "dopri5" else {}
    hidden = 8 if name == "ncp" else 3
    fewer = {} if name != "cfc" else {"backbone_units": 4}
    model = build(name, variant, dtype=torch.float64, **{"hidden": hidden, **sharp, **fewer})
    x, dt = sample(torch.float64, batch=2, steps=3)
    step = torch.tensor([[True, True, True], [True, False, False]])
    names, values = zip(*model.named_parameters(), strict=True)

    def run(x, dt, *parameters):
        return functional_call(model, dict(zip(names, parameters, strict=True)), (x, dt, step))

    dt.requires_grad_(load_model(name).uses_dt)
    inputs = (x.requires_grad_(), dt, *(v.detach().requires_grad_() for v in values))
    assert torch.autograd.gradcheck(run, inputs, atol=1e-5, rtol=1e-3, fast_mode=True)


def expected_inactive(key, model):
    """Entries without gradient by construction: absent synapses, and w_tau at its start (|w| has slope 0 there)."""
    owner = model.get_submodule(key.rsplit(".", 1)[0])
    parameter = model.get_parameter(key)
    if key.endswith("w_tau"):
        return torch.ones_like(parameter, dtype=torch.bool)
    if ".recurrent." in key or ".sensory." in key:
        return ~owner.mask
    if ".heads." in key and key.endswith("weight"):
        cell = model.get_submodule(key.split(".heads.")[0])
        if cell.head_mask is not None:
            return ~cell.head_mask[list(cell.heads).index(key.split(".")[-2])]
    return torch.zeros_like(parameter, dtype=torch.bool)


@each_case
def test_every_active_parameter_and_no_other_gets_a_gradient(name, variant):
    if variant.get("wiring") == "random":
        pytest.skip("a random wiring may hold neurons without a path to the outputs")
    model = build(name, variant, dtype=torch.float64)
    x, dt = sample(torch.float64, batch=16, steps=8)
    model(x, dt).square().sum().backward()
    for key, parameter in model.named_parameters():
        assert torch.equal(parameter.grad == 0, expected_inactive(key, model)), key


@each_case
def test_replaced_weights_are_used(name, variant):
    model = build(name, variant)
    x, dt = sample()
    zeroed = {k: torch.zeros_like(p) for k, p in model.named_parameters() if k.startswith("layer.")}
    # 1e-3 and not 0 for capacitances: with clip they divide.
    zeroed = {k: torch.full_like(p, 1e-3) if k.endswith("cm") else p for k, p in zeroed.items()}
    replaced = functional_call(model, zeroed, (x, dt))
    assert not torch.allclose(replaced, model(x, dt))


@each_case
def test_stacked_models_run_under_vmap(name, variant):
    if variant.get("solver") == "dopri5":
        pytest.skip("an adaptive solver branches on values")
    loop = {"implementation": "loop"} if "implementation" in load_model(name).arguments.model_fields else {}
    models = [build(name, variant, seed, dtype=torch.float64, **loop) for seed in range(3)]
    parameters, buffers = stack_module_state(models)
    template = copy.deepcopy(models[0])
    x, dt = sample(torch.float64)
    step = real_steps()

    def one(parameters, buffers):
        return functional_call(template, (parameters, buffers), (x, dt, step))

    stacked = vmap(one)(parameters, buffers)
    expected = torch.stack([model(x, dt, step) for model in models])
    assert torch.allclose(stacked, expected, rtol=0, atol=1e-12)
    assert (expected[0] - expected[1]).abs().max() > 1e-4


@each_case
def test_save_and_load(name, variant, tmp_path):
    model, other = build(name, variant, 0), build(name, variant, 1)
    x, dt = sample()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other(x, dt), model(x, dt))


@each_case
def test_constrain_restores_admissible_parameters_after_a_huge_step(name, variant):
    # Explicit solvers leave any bound for such weights; the implicit one has to stay finite.
    implicit = {"solver": "semi_implicit"} if "solver" in variant else {}
    model = build(name, variant, dtype=torch.float64, **implicit)
    x, dt = sample(torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.sub_(50.0)
    model.constrain()
    assert model(x, dt).isfinite().all()
    once = {k: v.clone() for k, v in model.state_dict().items()}
    model.constrain()
    assert all(torch.equal(v, once[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("name", model_names())
def test_overfits_four_windows_of_a_damped_sine(name):
    spec = load_model(name)
    torch.manual_seed(0)
    model = spec.build(spec.arguments(hidden=12), 1, 1, 5)
    start = torch.tensor([0.0, 1.0, 2.0, 3.0])[:, None]
    t = start + 0.4 * torch.arange(9.0)
    wave = (torch.exp(-0.2 * t) * torch.sin(2.0 * t))[..., None]
    x, y, dt = wave[:, :-1], wave[:, 1:], torch.full((4, 8), 0.4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(1500):
        optimizer.zero_grad()
        loss = (model(x, dt)[:, 3:] - y[:, 3:]).square().mean()
        if loss.item() < 1e-3:
            break
        loss.backward()
        optimizer.step()
        model.constrain()
    assert loss.item() < 1e-3
