"""GRU-D: its equations, its equality with the GRU where nothing is missing, the layout of its inputs, its size."""

import numpy as np
import pytest
import torch
from model_variants import build, sample

from lnncmp.cases.mimic3.features import AGE_CAP, Stay, inputs_of
from lnncmp.errors import UsageError
from lnncmp.layers.gru_d import GRUDLayer
from lnncmp.layers.lstm_gru import GRULayer
from lnncmp.models.base import load_model

each_implementation = pytest.mark.parametrize("implementation", ["fused", "loop"])


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def without_decay(layer):
    with torch.no_grad():
        for part in (layer.state_decay, layer.input_decay):
            for p in () if part is None else part.parameters():
                p.zero_()
    return layer


@each_implementation
@pytest.mark.parametrize("measured", [0, 2])
def test_without_gaps_and_decay_it_is_a_gru(measured, implementation):
    layer = without_decay(GRUDLayer(8, 5, measured, implementation).double())
    gru = GRULayer(8 - measured, 5, implementation).double()
    gru.load_state_dict(layer.cell.state_dict())
    x, dt = torch.randn(4, 6, 8).double(), torch.rand(4, 6).double()
    x[..., measured : 2 * measured] = 1.0  # all masks
    read = torch.cat([x[..., : 2 * measured], x[..., 3 * measured :]], 2)  # no ages
    assert torch.equal(layer.outputs(x, dt, None), gru.outputs(read, dt, None))


@each_implementation
def test_it_is_its_equation(implementation):
    layer = GRUDLayer(8, 5, 2, implementation).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.1 * torch.randn_like(p))
    values, ages, others = torch.randn(4, 2).double(), torch.rand(4, 2).double(), torch.randn(4, 2).double()
    masks = torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0]]).double()
    dt, h = torch.rand(4, 1).double(), torch.randn(4, 5).double()
    fade = torch.exp(-(layer.input_decay.weight * ages + layer.input_decay.bias).clamp(min=0))
    shown = masks * values + (1 - masks) * (fade * values + (1 - fade) * 0.0)
    factor = torch.exp(-layer.state_decay(torch.cat([ages, dt], 1)).clamp(min=0))
    expected = torch.gru_cell(torch.cat([shown, masks, others], 1), factor * h, *layer.cell.weights())
    given = torch.cat([values, masks, ages, others], 1)[:, None]
    hidden, _ = layer.sequence(given, dt, None, (h,))
    assert torch.allclose(hidden[:, 0], expected, rtol=0, atol=1e-14)
    assert (fade < 1).any() and (factor < 1).any()


def test_reads_a_stay_as_the_icu_case_lays_it_out():
    values = np.array([[1.0, -2.0, 3.0], [np.nan, 4.0, np.nan], [np.nan, np.nan, 5.0]])
    stay = Stay(values, ~np.isnan(values), np.array([0.0, 6.0, 18.0]), "a")
    x = torch.from_numpy(inputs_of(stay, core=2))[None]
    layer = GRUDLayer(9, 4, measured=2)
    with torch.no_grad():
        layer.input_decay.weight.copy_(torch.tensor([1.0, 2.0]))
    driven, factors = layer._decays(x, torch.tensor([[0.0, 6.0, 12.0]]))
    first = np.exp(-np.array([0.0, 6.0, 18.0]) / AGE_CAP)
    second = np.array([-2.0, 4.0, 4.0 * np.exp(-2.0 * 12.0 / AGE_CAP)])
    expected = torch.from_numpy(np.stack([first, second], 1))
    assert torch.allclose(driven[0, :, :2].double(), expected, atol=1e-6)
    assert torch.equal(driven[..., 2:4], x[..., 2:4]) and torch.equal(driven[..., 4:], x[..., 6:])
    assert (factors[0, 0] == 1).all() and (factors[0, 1:] < 1).all()


def test_a_long_gap_erases_the_state_and_none_keeps_it():
    layer = GRUDLayer(3, 6)
    x, h = torch.randn(2, 1, 3), torch.randn(2, 6)
    found = layer.sequence(x, torch.tensor([[0.0], [1e30]]), None, (h,))[0]
    inside = layer.cell.sequence(x, torch.zeros(2, 1), None, (torch.stack([h[0], 0 * h[1]]),))[0]
    assert torch.allclose(found, inside, atol=1e-6)


@pytest.mark.parametrize("measured", [0, 1])
def test_every_unit_decays_at_the_start(measured):
    layer = GRUDLayer(6, 50, measured)
    _, factors = layer._decays(torch.rand(3, 4, 6), 0.1 + torch.rand(3, 4))
    assert ((factors > 0) & (factors < 1)).all()


@pytest.mark.parametrize("measured", [0, 1])
def test_extreme_inputs_and_elapsed_times_stay_finite(measured):
    x, dt = sample(steps=12)
    if measured:
        x[..., 1], x[..., 2] = (x[..., 1] > 0).float(), x[..., 2].abs() * 1e10
    x[0, :, 0] *= 1e30
    dt[1], dt[2, ::2], dt[3] = 1e4, 0.0, 1e30
    y, state = build("gru_d", {"measured": measured}).sequence(x, dt, None, None)
    assert y.isfinite().all() and state[0].isfinite().all()


def test_too_few_inputs_are_refused():
    with pytest.raises(UsageError, match="begin with 6 values, masks and ages; there are 5 inputs"):
        load_model("gru_d").build(load_model("gru_d").arguments(measured=2), 5, 1, 0)


@pytest.mark.parametrize("measured", [0, 4])
def test_parameter_counts(measured):
    layer = GRUDLayer(13, 11, measured)
    gru = 3 * 11 * (13 - measured + 11) + 6 * 11
    assert sum(p.numel() for p in layer.parameters()) == gru + 11 * (measured + 1) + 11 + 2 * measured


def test_says_which_implementation_runs():
    built = {kind: build("gru_d", {"implementation": kind}) for kind in ("auto", "fused", "loop")}
    assert {kind: model.implementation for kind, model in built.items()} == {
        "auto": "fused",
        "fused": "fused",
        "loop": "loop",
    }
    assert built["auto"].half().implementation == "loop"
