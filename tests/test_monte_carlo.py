"""Monte Carlo dropout: its base where there is none, fixed masks in evaluation, fresh ones in training."""

import pytest
import torch
from model_variants import BATCH, STEPS, build, real_steps, sample

from lnncmp.errors import UsageError
from lnncmp.models.base import load_model
from lnncmp.recipe.recipe import parse

BASES = ["ltc", "cfc", "liquid_ncp"]
each_base = pytest.mark.parametrize("base", BASES)
each_place = pytest.mark.parametrize("place", ["output", "input"])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@each_base
@each_place
@pytest.mark.parametrize("training", [False, True])
def test_without_dropout_it_is_its_base_to_the_last_bit(base, place, training):
    alone = build(base, {"readout": "linear"} if base == "liquid_ncp" else {}).train(training)
    model = build("ua_lnn", {"base": base, "place": place, "dropout": 0.0}).train(training)
    assert list(model.named_parameters()) and all(
        torch.equal(own, p) for own, p in zip(model.parameters(), alone.parameters(), strict=True)
    )
    (x, dt), valid = sample(), real_steps()
    expected, found = alone.sequence(x, dt, valid, None), model.sequence(x, dt, valid, None)
    assert torch.equal(found[0], expected[0]) and torch.equal(model(x, dt), alone(x, dt))
    assert all(torch.equal(a, b) for a, b in zip(found[1], expected[1], strict=True))
    mean, std = model.spread(x, dt, valid)
    assert torch.equal(mean, expected[0]) and not std.any()
    assert model.stackable == alone.stackable


@each_base
@each_place
def test_predictions_are_the_mean_over_the_masks_and_the_spread_their_deviation(base, place):
    model = build("ua_lnn", {"base": base, "place": place, "dropout": 0.4, "passes": 7}, dtype=torch.float64)
    (x, dt), valid = sample(torch.float64), real_steps()
    each = []
    for mask in model.masks:
        inputs = x * mask if place == "input" else x
        hidden = model.layer.outputs(inputs, dt, valid)
        y = model.readout(hidden * mask if place == "output" else hidden)
        each.append(torch.where(valid[..., None], y, 0.0))
    each = torch.stack(each)
    torch.testing.assert_close(model(x, dt, valid), each.mean(0), rtol=0, atol=1e-13)
    mean, std = model.spread(x, dt, valid)
    torch.testing.assert_close(mean, each.mean(0), rtol=0, atol=1e-13)
    torch.testing.assert_close(std, ((each - each.mean(0)) ** 2).mean(0).sqrt(), rtol=0, atol=1e-13)
    assert (std[valid] > 0).any() and not std[~valid].any()


@each_place
def test_masks_are_zero_or_scaled_and_saved_with_the_weights(place, tmp_path):
    model, other = (build("ua_lnn", {"place": place, "dropout": 0.25, "hidden": 200}, seed) for seed in (0, 1))
    assert model.masks.shape == (50, 200 if place == "output" else 3)
    assert set(model.masks.unique().tolist()) == {0.0, float(torch.tensor(1.0) / 0.75)}
    share = float((model.masks == 0).double().mean())
    assert share == pytest.approx(0.25, abs=0.01 if place == "output" else 0.15)
    x, dt = sample()
    assert not torch.equal(model.masks, other.masks)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(x, dt), model(x, dt))


@each_place
def test_passes_computed_a_few_at_a_time_are_the_same(place, monkeypatch):
    model = build("ua_lnn", {"place": place, "passes": 5, "dropout": 0.3}, dtype=torch.float64)
    (x, dt), valid = sample(torch.float64), real_steps()
    whole, state = model.sequence(x, dt, valid, None)
    monkeypatch.setattr("lnncmp.layers.monte_carlo.ROWS", 2 * BATCH)
    parts, other = model.sequence(x, dt, valid, None)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-14)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-14) for a, b in zip(state, other, strict=True))


class TestTraining:
    @each_place
    def test_each_sequence_has_a_mask_of_its_own_for_all_its_steps(self, place):
        model = build("ua_lnn", {"place": place, "dropout": 0.5, "hidden": 6}, dtype=torch.float64).train()
        with torch.no_grad():
            model.readout.weight.copy_(torch.eye(2, 6))
            model.readout.bias.zero_()
        x, dt = (part[:1].expand(BATCH, *part.shape[1:]) for part in sample(torch.float64))
        y = model(x, dt).detach()
        assert len({tuple(row.flatten().tolist()) for row in y}) > 1
        if place == "output":
            hidden = model.layer.outputs(x, dt, None)[..., :2]
            ratio = (y / hidden).detach()
            assert torch.allclose(ratio, ratio[:, :1].expand(-1, STEPS, -1)) and ((ratio < 1e-9) | (ratio > 1.99)).all()

    @each_place
    def test_draws_from_torchs_generator_anew_at_each_call(self, place):
        model = build("ua_lnn", {"place": place, "dropout": 0.5}).train()
        x, dt = sample()
        torch.manual_seed(3)
        first, second = model(x, dt), model(x, dt)
        torch.manual_seed(3)
        assert torch.equal(model(x, dt), first) and not torch.equal(first, second)
        mean, _ = model.spread(x, dt)
        assert model.training and torch.allclose(mean, model.eval()(x, dt), atol=1e-6)

    @each_place
    def test_the_state_of_a_sequence_continues_it(self, place):
        model = build("ua_lnn", {"place": place, "dropout": 0.5}).train()
        x, dt = sample()
        _, state = model.sequence(x, dt, None, None)
        y, final = model.sequence(x, dt, None, state)
        assert y.isfinite().all() and [s.shape for s in final] == [s.shape for s in model.initial_state(BATCH)]

    def test_copies_are_not_trained_in_one_call(self):
        assert not build("ua_lnn", {}).stackable


@pytest.mark.parametrize("dropout", [1.0, -0.1, float("nan")])
def test_a_rate_out_of_range_is_refused_in_one_sentence(dropout):
    with pytest.raises(UsageError) as refused:
        parse(load_model("ua_lnn").arguments, {"dropout": dropout}, "arguments")
    assert "dropout" in refused.value.message and "\n" not in refused.value.message


def test_a_base_that_needs_more_neurons_says_so():
    with pytest.raises(UsageError, match="a liquid_ncp with 2 outputs needs at least 5 neurons, hidden is 3"):
        build("ua_lnn", {"base": "liquid_ncp", "hidden": 3})


def test_a_wiring_of_its_own_is_kept():
    one, other, third = (
        build("ua_lnn", {"base": "liquid_ncp", **seed}, wiring_seed=k)
        for k, seed in enumerate(({"wiring_seed": 7}, {"wiring_seed": 7}, {}))
    )
    assert torch.equal(one.layer.recurrent.mask, other.layer.recurrent.mask)
    assert not torch.equal(one.layer.recurrent.mask, third.layer.recurrent.mask)


def test_there_is_no_stepper_that_would_leave_the_passes_out():
    with pytest.raises(UsageError, match="a DropoutModel has no stepper"):
        build("ua_lnn", {}).stepper()


@each_base
def test_parameter_count_is_the_base_and_masks_are_no_parameters(base):
    own, alone = build("ua_lnn", {"base": base}), build(base, {"readout": "linear"} if base == "liquid_ncp" else {})
    count = [sum(p.numel() for p in model.parameters()) for model in (own, alone)]
    assert count[0] == count[1]
    if base == "ltc":  # 4 H^2 + 4 I H + 3 H + 2 I and the readout
        assert count[0] == 4 * 100 + 4 * 30 + 30 + 6 + 22
