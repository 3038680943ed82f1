"""Stacked models and their training give each copy the numbers that it has alone."""

import copy

import numpy as np
import pytest
import torch
from toy_study import CPU, Affine, random_windows, splits, windows

from lnncmp.errors import UsageError
from lnncmp.models.base import load_model
from lnncmp.records.settings import TrainSettings
from lnncmp.training.build import build_model
from lnncmp.training.stack_trainer import StackTrainer
from lnncmp.training.stacked_model import StackedModel
from lnncmp.training.trainer import Trainer

MODELS = {
    "lstm": {},
    "gru": {},
    "ltc": {},
    "ltc clip": {"constraint": "clip"},
    "ncp": {},
    "ncp cfc": {"cell": "cfc"},
    "cfc": {"backbone_units": 8},
    "liquid_ncp": {},
    "s4d": {"state": 4, "norm": "layer"},
    "liquid_s4": {"state": 4, "blocks": 2},
    "liquid_s4 kb": {"state": 4, "kernel": "kb", "discretisation": "bilinear"},
    "linoss": {"state": 3},
    "min_gru": {},
    "min_lstm": {"candidate": "linear"},
    "lrc_ssm": {"symmetric": True, "elastance": "inputs"},
}
each_model = pytest.mark.parametrize("name", MODELS)


def make(name, seed=0, hidden=8, outputs=2, **more):
    spec = load_model(name.partition(" ")[0])
    arguments = spec.arguments(hidden=hidden, **{**MODELS[name], **more})
    return build_model(spec, arguments, 2, outputs, dt_as_input=True, model_seed=seed, wiring_seed=seed)


def settings(**changes):
    return TrainSettings(**{"epochs": 4, "batch_size": 8, "learning_rate": 0.03, "decay": 0.9, **changes})


def padded_splits():
    """Splits with padding and targets that do not count."""
    plain = random_windows(20)
    valid, target_mask = np.ones((20, 5), bool), np.ones((20, 5, 2), bool)
    valid[3, 2:], valid[7, 1:], target_mask[5, 2, 0] = False, False, False
    return splits(train=windows(plain.x, plain.y, plain.dt, valid, target_mask))


def rows(history):
    return [epoch.model_dump(exclude={"seconds", "peak_memory"}) for epoch in history]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class TestStackedModel:
    @each_model
    @pytest.mark.parametrize("padded", [False, True])
    def test_outputs_and_gradients_are_those_of_each_model_alone(self, name, padded):
        models = [make(name, seed) for seed in range(3)]
        alone = [copy.deepcopy(model) for model in models]
        x, dt = torch.randn(3, 5, 6, 2), torch.rand(3, 5, 6) + 0.1
        valid = torch.arange(6) < torch.tensor([6, 0, 3, 1, 6])[:, None] if padded else None
        stack = StackedModel(models)
        y = stack(x, dt, None if valid is None else valid.expand(3, -1, -1))
        y.square().mean((1, 2, 3)).sum().backward()
        for k, model in enumerate(alone):
            expected = model(x[k], dt[k], valid)
            expected.square().mean().backward()
            gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
            assert torch.allclose(y[k], expected, rtol=0, atol=1e-6)
            assert torch.allclose(stack.rows[k].grad, gradient, rtol=0, atol=1e-6)

    @each_model
    def test_a_copy_has_the_same_bits_in_any_company(self, name):
        self.check_company(lambda seed: make(name, seed), 11, 6)

    @pytest.mark.parametrize("name", ["cfc", "ncp cfc"])
    @pytest.mark.parametrize("hidden", [32, 13, 27])
    def test_so_has_a_cfc_of_any_width_with_one_output(self, name, hidden):
        self.check_company(lambda seed: make(name, seed, hidden, 1), 50, 49)

    @pytest.mark.parametrize("name", ["s4d", "liquid_s4 kb", "linoss", "min_lstm", "lrc_ssm"])
    def test_so_has_a_state_space_model_whose_sizes_fill_no_vector(self, name):
        self.check_company(lambda seed: make(name, seed, 13, 1), 19, 7)
        self.check_company(lambda seed: make(name, seed, 5, 1).double(), 7, 3)

    def check_company(self, make_model, batch, steps):
        kind = next(make_model(0).parameters()).dtype
        x, dt = torch.randn(3, batch, steps, 2, dtype=kind), torch.rand(3, batch, steps, dtype=kind) + 0.1
        # Some processors' libraries round a readout otherwise on another number of threads, which is part of a run's
        # identity; the kernels do not (see check_threads).
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found = []
            for members in ([0], [0, 1], [0, 1, 2]):
                stack = StackedModel([make_model(seed) for seed in members])
                y = stack(x[members], dt[members])
                y.square().mean((1, 2, 3)).sum().backward()
                found.append((y[0], stack.rows[0].grad))
            for y, gradient in found[1:]:
                assert torch.equal(y, found[0][0]) and torch.equal(gradient, found[0][1])

    def test_the_same_windows_serve_all_copies(self):
        stack = StackedModel([make("ncp", seed) for seed in range(2)])
        x, dt = torch.randn(5, 6, 2), torch.rand(5, 6)
        assert torch.equal(stack(x, dt), stack(x.expand(2, -1, -1, -1), dt.expand(2, -1, -1)))

    def test_the_models_see_what_happens_to_the_rows(self):
        model = make("ltc")
        stack = StackedModel([model])
        with torch.no_grad():
            stack.rows[0].zero_()
        assert not any(p.any() for p in model.parameters())
        model.load_state_dict(make("ltc", 1).state_dict())
        assert stack.rows[0].any()

    def test_the_plain_path_is_refused(self):
        with pytest.raises(UsageError, match="fused"):
            StackedModel([make("ltc", implementation="loop")])
        with pytest.raises(UsageError, match="fused"):
            StackedModel([Affine()])

    def test_different_sizes_are_refused(self):
        with pytest.raises(UsageError, match="different shapes"):
            StackedModel([make("ltc", hidden=8), make("ltc", hidden=9)])


class TestStackTrainer:
    def train(self, name, seeds, data, **changes):
        models = [make(name, seed) for seed in seeds]
        trainer = StackTrainer(models, data, settings(**changes), [100 + seed for seed in seeds], CPU)
        return trainer, trainer.fit()

    @each_model
    @pytest.mark.parametrize("data", [splits, padded_splits])
    def test_equals_training_one_by_one(self, name, data):
        changes = {"clip": "global", "clip_norm": 0.5, "l2": 1e-3}
        trainer, fitted = self.train(name, [0, 1, 2], data(), **changes)
        for k, result in enumerate(fitted):
            model = make(name, k)
            torch.manual_seed(0)
            alone = Trainer(model, data(), settings(**changes), 100 + k, CPU).fit()
            assert result.best_epoch == alone.best_epoch
            for ours, theirs in zip(rows(result.history), rows(alone.history), strict=True):
                assert ours == pytest.approx(theirs, rel=2e-4)
            for p, q in zip(trainer.stack.models[k].parameters(), model.parameters(), strict=True):
                assert torch.allclose(p, q, rtol=0, atol=2e-4)

    def test_per_tensor_clipping_equals_that_of_the_other_trainer(self):
        changes = {"clip": "per_tensor", "clip_norm": 0.05}
        _, (result,) = self.train("gru", [0], splits(), **changes)
        alone = Trainer(make("gru", 0), splits(), settings(**changes), 100, CPU).fit()
        for ours, theirs in zip(rows(result.history), rows(alone.history), strict=True):
            assert ours == pytest.approx(theirs, rel=2e-4)

    @pytest.mark.parametrize("name", ["lstm", "ltc", "ncp", "cfc", "liquid_ncp"])
    def test_the_company_changes_no_bit(self, name):
        together, fitted = self.train(name, [0, 1, 2, 3], splits())
        for k in range(4):
            alone, (result,) = self.train(name, [k], splits())
            assert torch.equal(alone.stack.rows[0], together.stack.rows[k])
            assert rows(result.history) == rows(fitted[k].history)

    def test_a_copy_that_diverges_leaves_the_others_alone(self):
        models = [make("ltc", seed) for seed in range(3)]
        with torch.no_grad():
            models[1].readout.weight.fill_(1e6)
        trainer = StackTrainer(models, splits(), settings(diverged_loss=1e4), [100, 101, 102], CPU)
        fitted = trainer.fit()
        assert [result.status for result in fitted] == ["ok", "diverged", "ok"]
        assert fitted[1].stopped_epoch == 1 and "training loss" in fitted[1].reason and fitted[1].history == []
        alone, (result,) = self.train("ltc", [2], splits(), diverged_loss=1e4)
        assert rows(result.history) == rows(fitted[2].history)
        assert torch.equal(alone.stack.rows[0], trainer.stack.rows[2])

    def test_nan_gradients_and_validation_losses_are_divergence(self):
        models = [make("ltc", seed) for seed in range(2)]
        with torch.no_grad():
            models[0].readout.weight.fill_(float("nan"))
        fitted = StackTrainer(models, splits(), settings(), [0, 1], CPU).fit()
        assert [result.status for result in fitted] == ["diverged", "ok"]
        assert "nan" in fitted[0].reason

    def test_all_diverged_ends_early(self):
        model = make("ltc")
        with torch.no_grad():
            model.readout.weight.fill_(float("nan"))
        after = []
        (result,) = StackTrainer([model], splits(), settings(), [0], CPU).fit(after.append)
        assert result.status == "diverged" and after == []

    @pytest.mark.parametrize("split", [True, False])
    def test_going_on_gives_the_uninterrupted_training(self, split):
        """Also computed together with other copies than before."""
        whole, expected = self.train("ncp", [0, 1], splits())
        first = StackTrainer([make("ncp", s) for s in (0, 1)], splits(), settings(epochs=4), [100, 101], CPU)
        states = {}

        def keep(trainer):
            if trainer.epochs_done == 2:
                states.update({k: copy.deepcopy(trainer.state(k)) for k in (0, 1)})

        first.fit(keep)
        for group in ([0], [1]) if split else ([1, 0],):
            later = StackTrainer([make("ncp", 5 + k) for k in group], splits(), settings(), [7] * len(group), CPU)
            for model, k in zip(later.stack.models, group, strict=True):  # the wiring is not part of the state
                for name, buffer in make("ncp", k).named_buffers():
                    model.get_buffer(name).copy_(buffer)
            later.stack.others = StackedModel([make("ncp", k) for k in group]).others
            later.restore([states[k] for k in group])
            for k, row, result in zip(group, later.stack.rows, later.fit(), strict=True):
                assert torch.equal(row, whole.stack.rows[k])
                assert rows(result.history) == rows(expected[k].history)

    def test_states_of_different_epochs_do_not_go_together(self):
        trainer, _ = self.train("gru", [0, 1], splits(), epochs=1)
        later, _ = self.train("gru", [0, 1], splits(), epochs=2)
        with pytest.raises(ValueError, match="different epochs"):
            later.restore([trainer.state(0), later.state(1)])

    def test_restore_last_keeps_the_last_weights(self):
        best, fitted = self.train("gru", [0], splits(), epochs=3)
        last, _ = self.train("gru", [0], splits(), epochs=3, restore="last")
        same = fitted[0].best_epoch == 3
        assert torch.equal(best.stack.rows[0], last.stack.rows[0]) == same

    @pytest.mark.parametrize("name", ["gru", "ncp"])
    def test_each_copy_stops_on_its_own_plateau(self, name):
        """It stops where it stops alone, with the same bits, and the others go on without it."""
        changes = {"epochs": 60, "patience": 3, "min_gain": 0.1}
        together, fitted = self.train(name, [0, 1, 2], splits(), **changes)
        counts = [len(result.history) for result in fitted]
        assert len(set(counts)) > 1 and max(counts) < 60
        assert together.stack.computed == []
        for k in range(3):
            alone, (result,) = self.train(name, [k], splits(), **changes)
            assert rows(result.history) == rows(fitted[k].history)
            assert torch.equal(alone.stack.rows[0], together.stack.rows[k])

    def test_what_is_reported_after_an_epoch_are_the_copies_that_took_part(self):
        models = [make("gru", seed) for seed in (0, 1, 2)]
        trainer = StackTrainer(models, splits(), settings(epochs=60, patience=3, min_gain=0.1), [100, 101, 102], CPU)
        told = {0: 0, 1: 0, 2: 0}

        def count(one):
            for k in one.learning:
                told[k] += 1

        fitted = trainer.fit(count)
        assert list(told.values()) == [len(result.history) for result in fitted]
