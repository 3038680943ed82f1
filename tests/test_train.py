import io

import numpy as np
import pytest
import torch
from torch import nn
from toy_study import CPU, Affine, Noisy, random_windows, splits, windows

from lnncmp.data.task import Task
from lnncmp.models import cfc, lstm
from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.build import build_model
from lnncmp.training.losses import counted_mean, squared_errors
from lnncmp.training.trainer import Trainer


def settings(**changes):
    base = {"epochs": 3, "batch_size": 8, "learning_rate": 0.05, "clip": "none"}
    return TrainSettings(**{**base, **changes})


def trainer(model=None, data=None, batch_seed=0, **changes):
    torch.manual_seed(0)
    return Trainer(Affine() if model is None else model, data or splits(), settings(**changes), batch_seed, CPU)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def real_model(module, hidden=8, seed=0, wiring_seed=0):
    spec = module.MODEL
    return build_model(
        spec, spec.arguments(hidden=hidden), 2, 2, dt_as_input=True, model_seed=seed, wiring_seed=wiring_seed
    )


class TestLearning:
    @pytest.mark.parametrize("make", [Affine, Noisy, lambda: real_model(lstm), lambda: real_model(cfc)])
    def test_the_loss_goes_down(self, make):
        torch.manual_seed(0)
        fitted = trainer(make(), epochs=15).fit()
        first, last = fitted.history[0], fitted.history[-1]
        assert fitted.status == "ok" and len(fitted.history) == 15
        assert last.train_loss < 0.5 * first.train_loss and last.validation_loss < 0.5 * first.validation_loss

    def test_each_training_window_is_used_once_an_epoch(self):
        model = Affine()
        work = trainer(model, epochs=2)
        work.fit()
        used = torch.cat([x for x in model.seen if len(x) != 7])  # the validation windows are 7
        expected = torch.from_numpy(work.train.x.numpy())
        assert len(used) == 40
        for epoch in (used[:20], used[20:]):
            assert sorted(map(tuple, epoch.flatten(1).tolist())) == sorted(map(tuple, expected.flatten(1).tolist()))
        assert not torch.equal(used[:20], used[20:])  # in another order

    def test_constrain_is_called_after_every_step(self):
        model = Affine()
        trainer(model, epochs=3).fit()
        assert model.constrained == 3 * 3  # 20 windows in batches of 8

    def test_the_seed_decides(self):
        runs = []
        for model_seed, batch_seed in ((0, 0), (0, 0), (0, 1), (1, 0)):
            work = Trainer(real_model(cfc, seed=model_seed), splits(), settings(), batch_seed, CPU)
            work.fit()
            runs.append(weights(work.model))
        assert same(runs[0], runs[1]) and not same(runs[0], runs[2]) and not same(runs[0], runs[3])

    def test_the_model_is_left_in_the_mode_of_the_last_validation(self):
        work = trainer(Noisy(), epochs=1)
        work.fit()
        assert not work.model.training


class TestSelection:
    """Training pulls the bias to 1, validation wants 0.3: the validation loss falls, then rises."""

    def data(self):
        zeros = np.zeros((8, 2, 2), np.float32)
        return splits(
            windows(zeros, zeros + 1), windows(zeros, zeros + 0.3, group="b"), windows(zeros, zeros, group="c")
        )

    def fit(self, restore):
        torch.manual_seed(0)
        model, path = Affine(), []
        nn.init.zeros_(model.linear.bias)
        work = Trainer(model, self.data(), settings(epochs=20, restore=restore, learning_rate=0.05), 0, CPU)
        fitted = work.fit(lambda t: path.append(weights(t.model)))
        return work, fitted, path

    def test_best_weights_are_those_of_the_lowest_validation_loss(self):
        work, fitted, path = self.fit("best")
        losses = [epoch.validation_loss for epoch in fitted.history]
        assert 1 < fitted.best_epoch < 20 and losses[-1] > 2 * min(losses)
        assert losses.index(min(losses)) == fitted.best_epoch - 1
        assert same(weights(work.model), path[fitted.best_epoch - 1]) and not same(weights(work.model), path[-1])
        assert work._on_validation(work.validation.cells) == pytest.approx(min(losses), rel=1e-6)

    def test_last_keeps_the_last(self):
        work, fitted, path = self.fit("last")
        assert same(weights(work.model), path[-1])
        assert work._on_validation(work.validation.cells) == pytest.approx(fitted.history[-1].validation_loss, rel=1e-6)
        assert fitted.best_epoch < 20  # still told


class TestMaskedLoss:
    def test_against_hand_worked_numbers(self):
        predicted, truth = torch.tensor([[[1.0, 2.0], [3.0, 9.0]]]), torch.zeros(1, 2, 2)
        assert counted_mean(squared_errors(predicted, truth), None) == (1 + 4 + 9 + 81) / 4
        assert counted_mean(squared_errors(predicted, truth), torch.tensor([[[True, True], [True, False]]])) == 14 / 3

    def masked(self):
        """Return two sets that differ only in what must not matter."""
        plain = random_windows(6)
        step, target_mask = np.ones((6, 5), bool), np.ones((6, 5, 2), bool)
        step[2, 3:], target_mask[0, 1, 0], target_mask[3, :, 1] = False, False, False
        y = plain.y.copy()
        y[~target_mask], y[2, 3:] = np.nan, 7e3
        dirty = windows(plain.x, y, plain.dt, step, target_mask)
        return windows(plain.x, plain.y, plain.dt, step, target_mask), dirty, step, target_mask

    def test_padding_and_unseen_targets_do_not_count_nan_or_not(self):
        clean, dirty, step, target_mask = self.masked()
        torch.manual_seed(0)
        model, rows = Affine(), torch.arange(6)
        results = []
        for data in (clean, dirty):
            model.zero_grad()
            loss = Batches(data, Task(), CPU).loss(model, rows)
            loss.backward()
            results.append((float(loss.detach()), model.linear.weight.grad.clone()))
        counted = target_mask & step[..., None]
        error = (model(torch.from_numpy(clean.x), torch.ones(6, 5)).detach().numpy() - clean.y) ** 2
        assert results[0][0] == pytest.approx(error[counted].mean(), rel=1e-5)
        assert results[0][0] == results[1][0] and torch.equal(results[0][1], results[1][1])

    def test_epoch_loss_weighs_cells_not_batches(self):
        clean = self.masked()[1]
        work = trainer(data=splits(train=clean), epochs=1, batch_size=4, learning_rate=1e-12)
        fitted = work.fit()
        whole = float(work.train.loss(work.model, torch.arange(6)).detach())
        assert fitted.history[0].train_loss == pytest.approx(whole, rel=1e-5)


class TestOptimisation:
    def gradients(self, **changes):
        """Return the raw gradients of one batch, and those that the optimiser was given."""
        data = splits(train=random_windows(8))
        work = trainer(data=data, epochs=1, **changes)
        raw = torch.autograd.grad(work.train.loss(work.model, torch.arange(8)), work.parameters)
        before = [p.detach().clone() for p in work.parameters]
        fitted = work.fit()
        return raw, [p.grad for p in work.parameters], before, fitted

    def norm(self, tensors):
        return float(torch.sqrt(sum(t.square().sum() for t in tensors)))

    def test_no_clipping(self):
        raw, given, _, fitted = self.gradients(clip="none", clip_norm=1e-3)
        assert all(torch.allclose(a, b, rtol=1e-5) for a, b in zip(raw, given, strict=True))
        assert fitted.history[0].grad_norm == pytest.approx(self.norm(raw), rel=1e-5)

    def test_global_clipping_scales_the_whole_gradient(self):
        raw, given, _, fitted = self.gradients(clip="global", clip_norm=0.1)
        assert self.norm(raw) > 0.2 and self.norm(given) == pytest.approx(0.1, rel=1e-4)
        assert all(torch.allclose(a * 0.1 / self.norm(raw), b, rtol=1e-4) for a, b in zip(raw, given, strict=True))
        assert fitted.history[0].grad_norm == pytest.approx(self.norm(raw), rel=1e-5)  # told before clipping

    def test_per_tensor_clipping_scales_each_tensor(self):
        limit = 0.5
        raw, given, _, _ = self.gradients(clip="per_tensor", clip_norm=limit)
        norms = [float(g.norm()) for g in raw]
        assert max(norms) > limit
        for plain, clipped, norm in zip(raw, given, norms, strict=True):
            assert torch.allclose(plain * min(1, limit / norm), clipped, rtol=1e-4)

    def test_small_gradients_are_left_alone(self):
        for clip in ("global", "per_tensor"):
            raw, given, _, _ = self.gradients(clip=clip, clip_norm=1e3)
            assert all(torch.allclose(a, b, rtol=1e-5) for a, b in zip(raw, given, strict=True))

    def test_l2_adds_twice_the_weight_to_matrices_only(self):
        raw, given, before, fitted = self.gradients(l2=0.1)
        plain = self.gradients()[3]
        assert torch.allclose(given[0], raw[0] + 0.2 * before[0], rtol=1e-4)
        assert torch.allclose(given[1], raw[1], rtol=1e-4)
        assert fitted.history[0].train_loss == plain.history[0].train_loss  # the reported loss is the data's

    @pytest.mark.parametrize("count", [16, 20, 5])
    def test_rate_decays_as_keras_exponential_decay(self, count):
        rates = []
        work = trainer(data=splits(train=random_windows(count)), epochs=3, decay=0.5, learning_rate=0.1)
        step = work.optimizer.step
        work.optimizer.step = lambda: (rates.append(work.optimizer.param_groups[0]["lr"]), step())
        work.fit()
        per_epoch = max(count // 8, 1)  # Keras' decay_steps in the published code: whole batches
        batches = -(-count // 8)
        assert rates == pytest.approx([0.1 * 0.5 ** (done / per_epoch) for done in range(3 * batches)])

    def test_a_frozen_parameter_stays(self):
        model = Affine()
        model.linear.bias.requires_grad_(False)
        before = model.linear.bias.clone()
        trainer(model).fit()
        assert torch.equal(model.linear.bias, before)


class Broken(Affine):
    """Fails in a stated way from the second epoch on."""

    def __init__(self, way):
        super().__init__()
        self.way, self.calls = way, 0

    def sequence(self, x, dt, step, state):
        y, state = super().sequence(x, dt, step, state)
        self.calls += self.training
        if self.training and self.calls > 3:
            if self.way == "gradient":  # the square root's gradient is infinite at 0
                return y + torch.sqrt(self.linear.bias.sum() * 0), state
            y = y * float("nan") if self.way == "nan" else y + 1e5
        return y, state


class TestDivergence:
    @pytest.mark.parametrize(
        "way, reason",
        [
            ("nan", "training loss nan in epoch 2"),
            ("huge", "training loss 1e+10 in epoch 2"),
            ("gradient", "gradient norm nan in epoch 2, at training loss "),
        ],
    )
    def test_is_a_result_with_epoch_and_reason(self, way, reason):
        model, path = Broken(way), []
        fitted = trainer(model, epochs=4).fit(lambda t: path.append(weights(t.model)))
        assert fitted.status == "diverged" and fitted.stopped_epoch == 2 and fitted.reason.startswith(reason)
        assert len(fitted.history) == 1 and len(path) == 1
        assert same(weights(model), path[0])  # the weights of the best finished epoch

    def test_a_validation_loss_that_is_no_number(self):
        class Sick(Affine):
            def sequence(self, x, dt, step, state):
                y, state = super().sequence(x, dt, step, state)
                return (y if self.training else y * float("inf")), state

        fitted = trainer(Sick()).fit()
        assert fitted.status == "diverged" and "validation loss" in fitted.reason and fitted.history == []


class TestResuming:
    @pytest.mark.parametrize("make", [Noisy, lambda: real_model(cfc)])
    @pytest.mark.parametrize("through_file", [True, False])
    def test_gives_exactly_the_uninterrupted_training(self, make, through_file):
        whole, states = trainer(make(), epochs=5, decay=0.9), []
        torch.manual_seed(5)  # the dropout's stream
        expected = whole.fit(lambda t: states.append(t.state()))
        state = states[1]  # taken in passing: going on must not have changed it
        if through_file:
            file = io.BytesIO()
            torch.save(state, file)
            file.seek(0)
            state = torch.load(file, weights_only=True)
        torch.manual_seed(99)
        resumed = trainer(make(), batch_seed=77, epochs=5, decay=0.9)
        resumed.restore(state)
        fitted = resumed.fit()
        assert same(weights(whole.model), weights(resumed.model)) and fitted.best_epoch == expected.best_epoch
        rows = [[e.model_dump(exclude={"seconds", "peak_memory"}) for e in f.history] for f in (expected, fitted)]
        assert len(rows[0]) == 5 and rows[0] == rows[1]

    def test_a_finished_training_is_not_trained_again(self):
        work, states = trainer(epochs=3), []
        work.fit(lambda t: states.append(t.state()))
        again = trainer(epochs=3)
        again.restore(states[-1])
        again.fit()
        assert same(weights(work.model), weights(again.model)) and again.model.seen == []
