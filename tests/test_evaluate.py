from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from predictor_errors import one_step_error
from toy_study import CPU, Affine, Drift, Noisy, futures, random_windows, splits, windows

from lnncmp.baselines import Persistence, TrainMean
from lnncmp.cases.base import Prepared, TestSet
from lnncmp.cases.walker2d import CASE
from lnncmp.data.scaling import Scaler
from lnncmp.data.windows import Futures
from lnncmp.errors import DataError
from lnncmp.evaluation import shifted as shifted_sets
from lnncmp.evaluation.errors import errors_of
from lnncmp.evaluation.evaluate import Scorer, horizon_errors, score
from lnncmp.evaluation.shifted import ShiftedSets
from lnncmp.training.predict import NetworkPredictor


def network(model=None, batch=1024):
    torch.manual_seed(0)
    return NetworkPredictor(Noisy() if model is None else model, CPU, batch)


class TestPredict:
    @pytest.mark.parametrize("batch", [1, 7, 23, 1000])
    def test_every_window_is_counted_whatever_the_batch(self, batch):
        data = random_windows(23)
        expected = network().predict(data)
        np.testing.assert_allclose(network(batch=batch).predict(data), expected, rtol=1e-5, atol=1e-6)
        assert expected.shape == (23, 5, 2) and len(np.unique(expected[:, -1, 0])) == 23

    def test_dropout_is_off_even_after_training(self):
        predictor, data = network(), random_windows(5)
        first = predictor.predict(data)
        predictor.model.train()
        np.testing.assert_array_equal(first, predictor.predict(data))

    def test_no_gradient_is_kept(self):
        model = Affine()
        network(model).predict(random_windows(3))
        assert model.linear.weight.grad is None


class TestOneStepError:
    def test_in_raw_units(self):
        scaler = Scaler(np.array([10.0, -5.0]), np.array([2.0, 4.0]), fitted=True)
        data, model = random_windows(6), Affine()
        prediction = model(torch.from_numpy(data.x), torch.from_numpy(data.dt)).detach().numpy()
        raw_error = ((prediction - data.y) * [2.0, 4.0]) ** 2
        got = one_step_error(network(model), data, splits(scaler=scaler))
        np.testing.assert_allclose(got, raw_error.mean(axis=(0, 1)), rtol=1e-5)

    def test_padding_and_unseen_targets_do_not_count(self):
        step, target_mask = np.ones((4, 3), bool), np.ones((4, 3, 2), bool)
        step[1, 2], target_mask[0, 0, 1] = False, False
        y = np.zeros((4, 3, 2))
        y[0, 0, 1], y[1, 2] = np.nan, 1e6
        data = windows(np.full((4, 3, 2), 3.0), y, valid=step, target_mask=target_mask)
        np.testing.assert_array_equal(one_step_error(Persistence(2), data, splits()), [9.0, 9.0])

    def test_the_training_mean_has_normalised_error_one(self):
        prepared = CASE.sample()
        train = prepared.splits.train
        scores = score(TrainMean(train.y.mean(axis=(0, 1))), prepared, CASE)
        assert scores.metrics["train"]["nmse"] == pytest.approx(1, abs=1e-3)
        assert 0.6 < scores.metrics["test"]["nmse"] < 1.6


class TestRollOut:
    def test_equals_a_loop_written_out(self):
        model, context = network().model, random_windows(4)
        given = futures(context, np.zeros((4, 6, 2)))
        got = network(model, batch=3).roll_out(given)
        x, one = torch.from_numpy(context.x), torch.ones(1, 1)
        for n in range(4):
            sequence, dts, out = x[n : n + 1], torch.from_numpy(context.dt[n : n + 1]), []
            for _ in range(6):  # the whole sequence again each time: no state is carried
                last = model(sequence, dts)[:, -1:].detach()
                out.append(last[0, 0].numpy())
                sequence, dts = torch.cat([sequence, last], 1), torch.cat([dts, one], 1)
            np.testing.assert_allclose(got[n], out, rtol=1e-4, atol=1e-6)

    def test_inputs_that_are_not_targets_keep_their_last_value(self):
        model = Affine(inputs=3, outputs=2)
        context = random_windows(2, inputs=3)
        given = futures(windows(context.x, context.y[..., :2]), np.zeros((2, 4, 2)))
        network(model).roll_out(given)
        for seen in model.seen[1:]:
            np.testing.assert_array_equal(seen[:, 0, 2], context.x[:, -1, 2])

    def test_elapsed_times_belong_to_the_input_that_is_fed_back(self):
        """Drift adds dt times the number of steps read: a future with other gaps tells which of them is used."""
        context = windows(np.zeros((1, 2, 1)))
        gaps = [10.0, 100.0, 1000.0, 7.0]  # the last is never read: nothing is fed back after it
        got = network(Drift()).roll_out(futures(context, np.zeros((1, 4, 1)), [gaps]))
        np.testing.assert_allclose(got[0, :, 0], [2, 2 + 3 * 10, 32 + 4 * 100, 432 + 5 * 1000])

    def test_padded_contexts_go_on_from_their_last_real_step(self):
        step = np.array([[True, True, True], [True, False, False]])
        x = np.array([[[0.0], [0.0], [1.0]], [[5.0], [77.0], [77.0]]])
        got = network(Drift()).roll_out(futures(windows(x, valid=step), np.zeros((2, 3, 1))))
        np.testing.assert_allclose(got[..., 0], [[1 + 3, 4 + 4, 8 + 5], [5 + 1, 6 + 2, 8 + 3]])

    def test_point_one_is_the_one_step_error_at_the_last_context_step(self):
        prepared, predictor = CASE.sample(), network(Affine(17, 17))
        points = horizon_errors(predictor, prepared.futures, prepared.splits)
        context, unscale = prepared.futures.context, prepared.splits.target_scaler.unscale
        last = (unscale(predictor.predict(context)) - unscale(context.y))[:, -1] ** 2
        assert [point.step for point in points] == list(range(1, 51))
        assert points[0].error == pytest.approx(last.mean(), rel=1e-6)
        assert points[0].scaled == pytest.approx((last.mean(axis=0) / prepared.splits.target_std**2).mean(), rel=1e-6)

    def test_an_exploding_roll_out_is_infinite_not_missing(self):
        model = Affine()
        with torch.no_grad():
            model.linear.weight.copy_(1e20 * torch.eye(2))
        context = random_windows(3)
        points = horizon_errors(network(model), futures(context, np.zeros((3, 4, 2))), splits())
        assert points[-1].error == np.inf


class TestShifted:
    def point(self, data, predictor):
        test_set = TestSet("physics", "ice", None, lambda: data, relative=True)
        return ShiftedSets([test_set], splits(), errors_of(splits(), ["a", "b"])).points(predictor)[0]

    def test_ratio_is_to_the_last_value_on_the_same_set(self):
        data = windows(np.zeros((3, 4, 2)), np.full((3, 4, 2), 2.0))
        point = self.point(data, TrainMean(np.array([1.0, 1.0], np.float32)))
        assert (point.error, point.ratio, point.windows) == (1.0, 0.25, 3)
        assert (point.group, point.name, point.level) == ("physics", "ice", None)

    def test_the_last_value_itself_has_ratio_one(self):
        assert self.point(random_windows(5), Persistence(2)).ratio == 1

    def test_no_ratio_where_the_last_value_is_exact(self):
        assert self.point(windows(np.ones((2, 3, 2))), Persistence(2)).ratio is None


def test_score_tells_everything():
    prepared = CASE.sample()
    names = [target.name for target in CASE.targets]
    scores = score(Persistence(17), prepared, CASE)
    assert list(scores.metrics) == ["train", "validation", "test"] and list(scores.per_target["mse"]) == names
    assert np.mean(list(scores.per_target["mse"].values())) == pytest.approx(scores.metrics["test"]["mse"])
    assert np.mean(list(scores.per_target["nmse"].values())) == pytest.approx(scores.metrics["test"]["nmse"])
    assert len(scores.horizons) == 50 and len(scores.perturbations) == len(prepared.test_sets) == 9
    noise = [point.error for point in scores.perturbations if point.group == "noise"]
    assert noise == sorted(noise)
    without = score(Persistence(17), Prepared(prepared.splits, None, [], "hash", dict), CASE)
    assert without.horizons == [] and without.perturbations == [] and set(without.metrics["test"]) == {"mse", "nmse"}
    assert without.metrics["test"].items() < scores.metrics["test"].items()


def test_what_no_predictor_changes_is_made_once(monkeypatch):
    made = []

    def shifted(number, windows):
        made.append(number)
        return windows

    prepared = CASE.sample()
    test_sets = [replace(own, make=partial(shifted, k, own.make())) for k, own in enumerate(prepared.test_sets)]
    scorer = Scorer(replace(prepared, test_sets=test_sets), CASE)
    predictors = Persistence(17), TrainMean(prepared.splits.train.y.mean(axis=(0, 1)))
    both = [scorer.score(predictor) for predictor in predictors]
    assert made == list(range(9))
    assert both == [score(predictor, prepared, CASE) for predictor in predictors]
    monkeypatch.setattr(shifted_sets, "KEPT_BYTES", test_sets[0].make().nbytes + 1)
    made.clear()
    few = Scorer(replace(prepared, test_sets=test_sets), CASE)
    assert [few.score(predictor) for predictor in predictors] == both
    assert made == [*range(9), *range(1, 9)]


class TestFuturesWithGaps:
    def test_unseen_cells_of_the_future_do_not_count(self):
        rng = np.random.default_rng(3)
        context = random_windows(4)
        given = Futures(context, rng.standard_normal((4, 3, 2)).astype(np.float32), np.ones((4, 3), np.float32))
        seen = np.ones(given.future.shape, bool)
        seen[1, 2, 0] = seen[:, 1] = False
        future = np.where(seen, given.future, np.nan)
        points = horizon_errors(Persistence(2), replace(given, future=future, observed=seen), splits())
        whole = horizon_errors(Persistence(2), given, splits())
        assert points[0] == whole[0] and np.isnan(points[1].error) and 0 < points[2].error != whole[2].error

    def test_inputs_beside_a_fed_back_prediction_are_the_given_ones(self):
        class Sums(Affine):
            """Predicts the sum of all inputs, for each target."""

            def sequence(self, x, dt, step, state):
                return x.sum(dim=-1, keepdim=True).expand(*x.shape[:2], 1), ()

        context = windows(np.ones((2, 3, 3)), np.zeros((2, 3, 1)))
        others = np.arange(2 * 4 * 2, dtype=np.float32).reshape(2, 4, 2)
        given = Futures(context, np.zeros((2, 4, 1), np.float32), np.ones((2, 4), np.float32), others=others)
        rolled = network(Sums()).roll_out(given)[..., 0]
        expected = 3 + np.cumsum(np.concatenate([np.zeros((2, 1)), others.sum(axis=2)[:, :3]], axis=1), axis=1)
        np.testing.assert_array_equal(rolled, expected)
        held = network(Sums()).roll_out(replace(given, others=None))[..., 0]
        np.testing.assert_array_equal(held, [[3, 5, 7, 9]] * 2)

    @pytest.mark.parametrize("wrong", [{"observed": np.ones((2, 4, 2), bool)}, {"others": np.zeros((2, 4, 1))}])
    def test_shapes_that_do_not_fit_are_refused(self, wrong):
        context = windows(np.ones((2, 3, 3)), np.zeros((2, 3, 1)))
        with pytest.raises(DataError, match="should have"):
            Futures(context, np.zeros((2, 4, 1), np.float32), np.ones((2, 4), np.float32), **wrong)
