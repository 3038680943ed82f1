"""The layers are modules like torch's own: copied, pickled, moved, sent to other processes, used from threads."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from model_variants import build
from spawned_work import one_step, train
from torch import nn
from torch.func import functional_call
from torch.utils.data import DataLoader, Dataset
from torch_layers import FAMILIES, WHOLE, assert_close, data, each_family, gradients, make, padding

from lnncmp.errors import UsageError


def outputs(model, x, dt):
    with torch.no_grad():
        return model(x, dt)


@each_family
def test_copies_compute_the_same_and_share_nothing(family):
    model = make(family, torch.float32)
    x, dt = data(torch.float32)
    expected = outputs(model, x, dt)
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    copies = copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(saved, weights_only=False)
    for own in copies:
        assert own.implementation == "fused" and torch.equal(outputs(own, x, dt), expected)
        with torch.no_grad():
            for p in own.parameters():
                p.mul_(0.5)
        assert not torch.equal(outputs(own, x, dt), expected)
        own(x, dt).sum().backward()
    assert torch.equal(outputs(model, x, dt), expected)
    assert all(p.grad is None for p in model.parameters())


def test_a_copy_guards_its_wiring():
    model = copy.deepcopy(make("ltc_ncp"))
    with pytest.raises(UsageError, match="belong to another wiring"):
        model.load_state_dict(build("ncp", {}, hidden=7, wiring_seed=9, dtype=torch.float64).state_dict())


@each_family
def test_moving_to_other_types(family):
    model = make(family, torch.float32)
    x, dt = data(torch.float32)
    single = outputs(model, x, dt)
    double = outputs(model.double(), x.double(), dt.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=1e-4, atol=1e-5)
    assert torch.equal(outputs(model.float(), x, dt), single)
    half = model.bfloat16()
    assert half.implementation != "fused"
    y = half(x.bfloat16(), dt.bfloat16())
    y.sum().backward()
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), single, rtol=0.2, atol=0.2)


@each_family
def test_other_devices_take_the_plain_path(family):
    """A device without data stands for any other: shapes and types alone."""
    model = make(family, torch.float32)
    x, dt = data(torch.float32)
    model.to("meta")
    assert model.implementation in ("loop", "torch")
    y = model(x.to("meta"), dt.to("meta"), padding().to("meta"))
    y.sum().backward()
    assert y.device.type == "meta" and all(p.grad.shape == p.shape for p in model.parameters() if p.grad is not None)
    with pytest.raises(UsageError, match="x is on cpu, the model's weights are on meta"):
        model(x, dt)


@each_family
def test_functional_call(family):
    model, other = make(family), make(family, seed=1)
    x, dt = data()
    weights = dict(other.named_parameters())
    y = functional_call(model, (weights, dict(other.named_buffers())), (x, dt))
    assert torch.equal(y, other(x, dt))
    found = torch.autograd.grad(y.sum(), list(weights.values()), allow_unused=True)
    assert_close(
        [torch.zeros_like(p) if g is None else g for p, g in zip(weights.values(), found, strict=True)],
        gradients(other, other(x, dt).sum()),
    )
    with torch.no_grad():
        kept = functional_call(model, (weights, dict(other.named_buffers())), (x, dt))
        assert torch.equal(kept, other(x, dt)) and not torch.equal(kept, model(x, dt))


@pytest.mark.parametrize("family", WHOLE)
def test_weights_of_wrong_shapes_are_refused(family):
    model = make(family)
    x, dt = data()
    name, weight = max(model.layer.named_parameters(), key=lambda own: own[1].numel())
    wrong = {f"layer.{name}": weight.detach()[:-1]}
    with pytest.raises(UsageError, match=r"has shape \(\d+, \d+\) and type torch.float64, expected \(\d+, \d+\)"):
        functional_call(model, wrong, (x, dt))


@each_family
@pytest.mark.parametrize("chosen", ["fused", "loop"])
def test_wrong_inputs_are_refused_in_one_sentence(family, chosen):
    model = make(family)
    model.layer.chosen = chosen
    x, dt = data()
    for given, match in (
        ((x, dt[..., None]), r"dt has shape \(3, 4, 1\), expected \(3, 4\) for x of shape \(3, 4, 3\)"),
        ((x[..., :2], dt), r"x has shape \(3, 4, 2\), expected \(batch, steps, 3\)"),
        ((x[0], dt[0]), r"x has shape \(4, 3\), expected \(batch, steps, 3\)"),
        ((x, dt, dt), r"valid has shape \(3, 4\) and type torch.float64, expected \(3, 4\) of torch.bool"),
        ((x.float(), dt), r"x is float32, the model's weights are float64"),
    ):
        with pytest.raises(UsageError, match=match):
            model(*given)
    state = model.initial_state(2)
    with pytest.raises(UsageError, match=r"the state has shapes \[\(2, \d+\).*expected \[\(3, "):
        model.sequence(x, dt, None, state)


@each_family
def test_autocast_computes_in_the_weights_type(family):
    """A map to bfloat16 in front of the layer changes its inputs; the layer itself computes as without autocast."""
    torch.manual_seed(0)
    front, model = nn.Linear(3, 3), make(family, torch.float32)
    x, dt = data(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        given = front(x)
        hidden, final = model.layer.sequence(given, dt, None, model.layer.initial_state(3))
        y = model(given, dt)
        model.layer.chosen = "loop"
        plain, _ = model.layer.sequence(given, dt, None, model.layer.initial_state(3))
        model.layer.chosen = "fused"
    assert given.dtype == torch.bfloat16 and {own.dtype for own in (hidden, plain, *final)} == {torch.float32}
    expected, _ = model.layer.sequence(given.float(), dt, None, model.layer.initial_state(3))
    assert torch.equal(hidden, expected)
    torch.testing.assert_close(plain, expected, rtol=1e-4, atol=1e-5)
    y.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in front.parameters())


@each_family
def test_no_number_of_padding_arrives_anywhere(family):
    model = make(family)
    x, dt = data()
    valid = padding()
    clean = model(x, dt, valid)
    expected = gradients(model, clean.square().sum())
    x[~valid], dt[~valid] = float("nan"), float("inf")
    x.requires_grad_()
    y = model(x, dt, valid)
    found = gradients(model, y.square().sum())
    assert torch.equal(y, clean) and not y[~valid].any()
    assert all(torch.equal(own, wanted) for own, wanted in zip(found, expected, strict=True))
    model(x, dt, valid).square().sum().backward()
    assert not x.grad[~valid].any() and x.grad.isfinite().all()


def test_a_parametrized_weight_is_used():
    model = make("cfc")
    x, dt = data()
    before = model(x, dt)
    nn.utils.parametrizations.weight_norm(model.layer.cell.heads["ff1"])
    assert torch.allclose(model(x, dt), before)
    model(x, dt).sum().backward()
    assert model.layer.cell.heads["ff1"].parametrizations.weight.original0.grad.any()


@pytest.mark.parametrize("family", ["cfc", "ltc", "lstm"])
def test_threads_share_a_model(family):
    model = make(family, torch.float32)
    given = [data(torch.float32, seed=seed) for seed in range(16)]
    expected = [outputs(model, *own) for own in given]
    fresh = copy.deepcopy(model)  # with nothing kept from earlier calls
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda own: outputs(fresh, *own), given))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


class Outputs(Dataset):
    """What models give for samples, computed where the sample is asked for."""

    def __init__(self, models):
        self.models = models

    def __len__(self):
        return 2

    def __getitem__(self, k):
        x, dt = data(torch.float32, batch=1, seed=k)
        return {family: outputs(model, x, dt)[0] for family, model in self.models.items()}


def test_workers_of_a_loader_compute_with_models():
    models = {family: make(family, torch.float32) for family in FAMILIES}
    here = list(DataLoader(Outputs(models), batch_size=2))
    there = list(DataLoader(Outputs(models), batch_size=2, num_workers=1, multiprocessing_context="fork"))
    assert all(torch.equal(there[0][family], own) for family, own in here[0].items())


@pytest.mark.slow
def test_spawned_processes_train_models_together(tmp_path):
    """DistributedDataParallel in two spawned processes gives the step that one process takes on the whole batch."""
    models = {family: make(family) for family in FAMILIES}
    x, dt = data(batch=4)
    torch.multiprocessing.spawn(train, (copy.deepcopy(models), x, dt, str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for family, model in models.items():
        one_step(model, x, dt)
        for name, own in model.state_dict().items():
            assert torch.equal(first[family][name], second[family][name])
            torch.testing.assert_close(first[family][name], own, rtol=1e-9, atol=1e-12)
