"""Scores of the intensive care case: its metrics, their replicates, its reference predictors."""

from dataclasses import replace

import numpy as np
import pytest
from icu_studies import CASE, C, Knows, cohort, made, prepare

from lnncmp.baselines import Persistence
from lnncmp.cases.mimic3.errors_by_hour import Sums, pooled, sums_by_subject
from lnncmp.cases.mimic3.features import inputs_of
from lnncmp.evaluation.evaluate import score
from lnncmp.sources.mimic3.variables import CORE

NAMES = [variable.name for variable in CORE]


class GoesWrong(Knows):
    """Knows the truth for some hours, then is far off."""

    def __init__(self, hours):
        super().__init__()
        self.hours = hours

    def roll_out(self, futures):
        out = futures.future.copy()
        out[:, self.hours :] += 1e4
        return out


class FailsFor(Knows):
    """Knows the truth except for one subject, for which no prediction is finite."""

    def __init__(self, subject, value):
        super().__init__()
        self.subject, self.value = subject, value

    def roll_out(self, futures):
        return np.where((futures.context.group == self.subject)[:, None, None], self.value, futures.future)


def by_hand(preparation, predicted, weights, hour):
    """The z-RMSE at an hour where the windows of each test subject have these weights."""
    futures = preparation.futures
    counts = weights[preparation.subjects]
    errors = []
    for c in range(C):
        seen = futures.observed[:, hour - 1, c]
        squared = (predicted[:, hour - 1, c] - futures.future[:, hour - 1, c])[seen].astype(float) ** 2
        errors.append(np.sqrt(np.sum(counts[seen] * squared) / np.sum(counts[seen])))
    return np.mean(errors)


class TestMeasures:
    def test_the_truth_has_no_error(self):
        found = made().measure(Knows()).values
        assert all(value == 0 for name, value in found.items() if "rmse" in name or "mae" in name)
        assert found["first_hour_without_skill"] == 5 and "accumulation_ratio" not in found

    def test_one_standard_deviation_off_is_one_and_in_clinical_units_the_deviation(self):
        preparation = made()
        found = preparation.measure(Knows(1.0)).values
        for hour in (1, 2, 4):
            assert found[f"z_rmse_{hour}h"] == pytest.approx(1, rel=1e-5)
            assert found[f"teacher_z_rmse_{hour}h"] == pytest.approx(1, rel=1e-5)
            for number, name in enumerate(NAMES):
                assert found[f"z_rmse_{name}_{hour}h"] == pytest.approx(1, rel=1e-5)
                assert found[f"mae_{name}_{hour}h"] == pytest.approx(preparation.scaler.std[number], rel=1e-5)
        assert not any(name.endswith(("6h", "12h")) for name in found)

    def test_growth_of_the_error(self):
        assert made().measure(Knows(0.5, free=1.0)).values["accumulation_ratio"] == pytest.approx(2, rel=1e-5)
        assert made().measure(Knows(-0.5, free=0.5)).values["accumulation_ratio"] == pytest.approx(1, rel=1e-5)

    @pytest.mark.parametrize("hours", range(5))
    def test_skill_ends_where_the_error_is_not_below_that_of_the_last_values(self, hours):
        assert made().measure(GoesWrong(hours)).values["first_hour_without_skill"] == hours + 1

    def test_the_last_values_have_no_skill_over_themselves(self):
        preparation = made()
        assert preparation.measure(Persistence(C)).values["first_hour_without_skill"] == 1
        last = preparation.splits.test.x[:, -1, :C]
        rolled = Persistence(C).roll_out(preparation.futures)
        np.testing.assert_array_equal(rolled, np.repeat(last[:, None], 4, axis=1))

    def test_hours_without_a_target_do_not_end_skill(self):
        preparation = made()
        seen = preparation.futures.observed.copy()
        seen[:, 1] = False
        preparation.futures = replace(preparation.futures, observed=seen)
        found = preparation.measure(GoesWrong(3)).values
        assert found["first_hour_without_skill"] == 4 and "z_rmse_2h" not in found and "z_rmse_1h" in found
        preparation.futures = replace(preparation.futures, observed=np.zeros_like(seen))
        assert "first_hour_without_skill" not in preparation.measure(Knows()).values

    def test_one_step_errors_of_the_same_hours_are_from_true_inputs(self):
        preparation = made()
        found = preparation.measure(Persistence(C)).values
        for hour in (1, 2, 4):
            squared = [[] for _ in range(C)]
            for place in preparation.places:
                one, row = preparation.test_stays[place.stay], place.last + hour
                given = inputs_of(one, C)[row - 1]
                for c in np.flatnonzero(one.observed[row, :C]):
                    squared[c].append((given[c] - one.values[row, c]) ** 2)
            expected = np.mean([np.sqrt(np.mean(errors)) for errors in squared])
            assert found[f"teacher_z_rmse_{hour}h"] == pytest.approx(expected, rel=1e-5)
        assert found["teacher_z_rmse_1h"] == pytest.approx(found["z_rmse_1h"], rel=1e-6)
        assert found["teacher_z_rmse_4h"] < found["z_rmse_4h"]

    def test_only_seen_targets_count(self):
        preparation = made()
        before = preparation.measure(Persistence(C))
        for value in (1e9, np.nan, np.inf):
            hidden = made()
            futures, test = hidden.futures, hidden.splits.test
            wrong = np.where(futures.observed, futures.future, value).astype(np.float32)
            hidden.futures = replace(futures, future=wrong)
            y = np.where(test.target_mask, test.y, value).astype(np.float32)
            hidden.splits = replace(hidden.splits, test=replace(test, y=y))
            assert hidden.measure(Persistence(C)) == before

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_predictions_that_are_not_finite_are_infinitely_wrong(self, value):
        found = made().measure(Knows(value))
        assert found.values.pop("first_hour_without_skill") == 1
        assert found.values and set(found.values.values()) == {np.inf}
        assert {"mse", "z_rmse_1h", "accumulation_ratio"} <= set(found.replicates)
        assert set(found.replicates.pop("horizon_skill")) == {-np.inf}
        assert {v for row in found.replicates.values() for v in row} == {np.inf}

    def test_only_fed_back_predictions_that_are_not_finite(self):
        found = made().measure(Knows(0.5, free=np.nan)).values
        assert found["accumulation_ratio"] == np.inf and found["teacher_z_rmse_4h"] == pytest.approx(0.5)
        found = made().measure(Knows(np.nan, free=0.5)).values  # a ratio of 0 would be the best there is
        assert found["accumulation_ratio"] == np.inf and found["z_rmse_4h"] == pytest.approx(0.5)

    def test_one_subject_without_a_finite_prediction_spoils_those_samples_it_is_in(self):
        preparation = made(replicates=200)
        subject = preparation.splits.test.group[0]
        found = preparation.measure(FailsFor(subject, np.nan))
        assert found.values["z_rmse_1h"] == np.inf
        spoilt = np.isinf(found.replicates["z_rmse_1h"])
        np.testing.assert_array_equal(spoilt, preparation.weights[:, 0] > 0)
        assert spoilt.any() and not spoilt.all() and not np.isnan(found.replicates["z_rmse_1h"]).any()


class TestReplicates:
    def test_are_the_measures_over_samples_of_subjects(self):
        preparation = made()
        found = preparation.measure(Persistence(C))
        predicted = Persistence(C).roll_out(preparation.futures)
        whole = np.ones(preparation.weights.shape[1])
        for hour in (1, 2, 4):
            assert found.values[f"z_rmse_{hour}h"] == pytest.approx(by_hand(preparation, predicted, whole, hour))
            rows = found.replicates[f"z_rmse_{hour}h"]
            assert len(rows) == 15
            expected = [by_hand(preparation, predicted, weights, hour) for weights in preparation.weights]
            np.testing.assert_allclose(rows, expected, rtol=1e-5)
            assert len(set(rows)) > 5

    def test_equal_weights_give_the_measure_itself(self):
        preparation = made()
        preparation.weights = np.ones((3, preparation.weights.shape[1]))
        predictor = Knows(0.3, free=0.7)
        found, values = preparation.measure(predictor), score(predictor, prepare(), CASE).metrics["test"]
        assert {"mse", "z_rmse_4h", "horizon_nmse", "horizon_area", "horizon_skill"} <= set(found.replicates)
        for name, rows in found.replicates.items():
            np.testing.assert_allclose(rows, values[name], rtol=1e-5)

    def test_lie_around_the_measure_and_are_the_same_samples_for_all(self):
        preparation = made(replicates=500)
        one, two = (preparation.measure(Knows(error)) for error in (1.0, 2.0))
        np.testing.assert_allclose(np.array(two.replicates["mse"]), 4 * np.array(one.replicates["mse"]), rtol=1e-4)
        naive, again = preparation.measure(Persistence(C)), made(replicates=500).measure(Persistence(C))
        assert naive == again
        for name in ("z_rmse_1h", "z_rmse_4h", "accumulation_ratio"):
            rows = np.array(naive.replicates[name])
            assert rows.mean() == pytest.approx(naive.values[name], rel=0.05) and rows.std() > 0
        other = made(replicates=500, seed=1).measure(Persistence(C))
        assert other.values == naive.values and other.replicates != naive.replicates


class TestSums:
    def test_known_answers(self):
        predicted = np.array([[[1.0, 5.0]], [[2.0, np.nan]], [[4.0, 1.0]]])
        truth = np.array([[[0.0, 2.0]], [[0.0, 7.0]], [[1.0, np.nan]]])
        seen = np.array([[[1, 1]], [[1, 0]], [[1, 0]]], bool)
        sums = sums_by_subject(predicted, truth, seen, np.array([0, 1, 0]))
        assert sums.squared.tolist() == [[[10, 9]], [[4, 0]]] and sums.count.tolist() == [[[2, 1]], [[1, 0]]]
        np.testing.assert_allclose(sums.mae(), [[[2, 3]], [[2, np.nan]]])
        np.testing.assert_allclose(sums.mean_rmse(), [[(5**0.5 + 3) / 2], [2]])
        np.testing.assert_allclose(pooled(sums).mean_mse(), [[(14 / 3 + 9) / 2]])
        np.testing.assert_allclose(sums.resampled(np.array([[0.0, 2.0], [2.0, 1.0]])).mean_mse(), [[4], [6.9]])

    def test_no_windows_make_no_sums(self):
        nothing = np.zeros((0, 2, C))
        assert sums_by_subject(nothing, nothing, nothing.astype(bool), np.zeros(0, np.intp)).count.shape == (0, 2, C)

    def test_show_no_subjects_error(self):
        assert repr(Sums(*(np.full((2, 3, 7), 0.125),) * 3)) == "Sums((2, 3, 7))"


class TestDeclared:
    def test_names_are_unique_and_every_measure_is_computed_within_the_horizon(self):
        declared = [measure.name for measure in CASE.metrics]
        assert len(set(declared)) == len(declared)
        whole = prepare(cohort(hours=40), horizon=12)
        assert set(score(Persistence(C), whole, CASE).metrics["test"]) == {"mse", "nmse", *declared}
        near = score(Persistence(C), CASE.sample(), CASE).metrics["test"]  # its horizon is 6 hours
        assert set(declared) - set(near) == {name for name in declared if name.endswith(("_12h", "_12"))}

    def test_baselines(self):
        prepared = prepare(cohort(subjects=40))
        scores = {name: score(predictor, prepared, CASE) for name, predictor in prepared.baselines().items()}
        assert list(scores) == ["persistence", "mean", "var6_ridge"]
        errors = {name: one.metrics["test"]["mse"] for name, one in scores.items()}
        assert errors["persistence"] < errors["mean"] and errors["var6_ridge"] < errors["mean"]
        found = scores["mean"].metrics["test"]
        assert found["accumulation_ratio"] == pytest.approx(1) and found["z_rmse_4h"] == pytest.approx(1, abs=0.5)
