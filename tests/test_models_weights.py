"""Conformance: gradients, replaced and stacked weights, saving, constraints and learning of every model."""

import copy

import pytest
import torch
from model_variants import build, each_case, real_steps, sample
from torch.func import functional_call, stack_module_state, vmap

from lnncmp.models.base import load_model, model_names


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@each_case
def test_gradcheck(name, variant):
    sharp = {"rtol": 1e-10, "atol": 1e-12} if variant.get("solver") == "dopri5" else {}
    wired = {name, *map(str, variant.values())} & {"ncp", "liquid_ncp", "auto_ncp"}
    hidden = 8 if wired else 3
    fewer = {} if name != "cfc" else {"backbone_units": 4}
    model = build(name, variant, dtype=torch.float64, **{"hidden": hidden, **sharp, **fewer})
    x, dt = sample(torch.float64, batch=2, steps=3)
    valid = torch.tensor([[True, True, True], [True, False, False]])
    names, values = zip(*model.named_parameters(), strict=True)

    def run(x, dt, *parameters):
        return functional_call(model, dict(zip(names, parameters, strict=True)), (x, dt, valid))

    dt.requires_grad_(load_model(name).uses_dt)
    inputs = (x.requires_grad_(), dt, *(v.detach().requires_grad_() for v in values))
    assert torch.autograd.gradcheck(run, inputs, atol=1e-5, rtol=1e-3, fast_mode=True)


def expected_inactive(key, model):
    """Entries without gradient by construction: absent synapses, w_tau at its start (|w| has slope 0 there).

    The same of the imaginary part of C where A is real, as it is at the start for one pair of S4D.
    """
    owner = model.get_submodule(key.rsplit(".", 1)[0])
    parameter = model.get_parameter(key)
    if key.endswith("w_tau"):
        return torch.ones_like(parameter, dtype=torch.bool)
    if key.endswith("c_imag"):
        return owner.frequency == 0
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
    if variant.get("implementation") == "torch":
        pytest.skip("torch's kernels of LSTM and GRU do not run under vmap")
    models = [build(name, variant, seed, dtype=torch.float64) for seed in range(3)]
    parameters, buffers = stack_module_state(models)
    template = copy.deepcopy(models[0])
    x, dt = sample(torch.float64)
    valid = real_steps()

    def one(parameters, buffers):
        return functional_call(template, (parameters, buffers), (x, dt, valid))

    stacked = vmap(one)(parameters, buffers)
    expected = torch.stack([model(x, dt, valid) for model in models])
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
    implicit = {"solver": "semi_implicit"} if name in ("ltc", "ncp") and "solver" in variant else {}
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
    quick = {"glnn": {"solver": "rk4", "unfolds": 1}}.get(name, {})
    model = spec.build(spec.arguments(hidden=12, **quick), 1, 1, 5)
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
