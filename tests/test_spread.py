"""Scores of predictions with a spread, against SciPy and known data, and their way into a record and a table."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from cli_runs import run_here
from scipy import stats
from scipy.integrate import quad
from toy_study import CPU, Affine, splits

from lnncmp.baselines import Persistence
from lnncmp.cases.base import load_case
from lnncmp.data.scaling import Scaler
from lnncmp.evaluation.evaluate import score
from lnncmp.evaluation.spread import (
    LEAST_VARIANCE,
    Forecast,
    coverage,
    crps,
    gaussian_nll,
    noise_variance,
    spread_values,
)
from lnncmp.records.spread_metrics import SPREAD_METRICS
from lnncmp.training.predict import NetworkPredictor

NAMES = {metric.name for metric in SPREAD_METRICS}


class Unsure(Affine):
    """An affine map that is unsure by a tenth of its first input; at padding its spread is 0."""

    def spread(self, x, dt, valid=None):
        return self(x, dt, valid).detach(), 0.1 * x[..., :1].abs().expand(*x.shape[:2], 2)


def predictor(model):
    torch.manual_seed(0)
    return NetworkPredictor(model(), CPU, batch=4)


@pytest.mark.parametrize(
    ("mean", "std", "truth"), [(0.0, 1.0, 0.0), (1.5, 0.3, 1.2), (-2.0, 4.0, 9.0), (0.0, 2.0, -7.0)]
)
def test_crps_is_the_integral_of_the_squared_difference_of_distributions(mean, std, truth):
    def squared(y):
        return (stats.norm.cdf(y, mean, std) - (y >= truth)) ** 2

    low, high = min(mean, truth) - 12 * std, max(mean, truth) + 12 * std
    expected = quad(squared, low, truth, limit=200)[0] + quad(squared, truth, high, limit=200)[0]
    got = crps(*(np.array([v]) for v in (mean, std**2, truth)))
    assert got[0] == pytest.approx(expected, rel=1e-7)


def test_crps_without_spread_is_the_absolute_error():
    assert crps(np.array([1.0]), np.array([1e-16]), np.array([3.5]))[0] == pytest.approx(2.5, rel=1e-7)


def test_nll_is_that_of_scipy():
    rng = np.random.default_rng(0)
    mean, truth, std = rng.normal(size=9), rng.normal(size=9), rng.uniform(0.1, 3, 9)
    np.testing.assert_allclose(gaussian_nll(mean, std**2, truth), -stats.norm.logpdf(truth, mean, std), rtol=1e-12)


class TestCoverage:
    def test_at_the_ends_of_the_interval(self):
        end = 1.6448536269514722 * 2
        truth = np.array([end - 1e-9, end + 1e-9, -end + 1e-9, -end - 1e-9])
        assert coverage(np.zeros(4), np.full(4, 4.0), truth).tolist() == [1, 0, 1, 0]

    @pytest.mark.parametrize(("factor", "expected"), [(1.0, 0.9), (2.0, 0.9990), (0.5, 0.5892)])
    def test_of_draws_from_the_distribution_told_or_another(self, factor, expected):
        rng = np.random.default_rng(1)
        std = rng.uniform(0.5, 2.0, 200_000)
        found = coverage(np.zeros(200_000), (factor * std) ** 2, std * rng.standard_normal(200_000)).mean()
        assert found == pytest.approx(expected, abs=0.003)


class TestNoise:
    def forecast(self, error, std, counted=None):
        shape = (3, 4, 2)
        mean = np.broadcast_to(np.asarray(error), shape).astype(float)
        counted = np.ones(shape, bool) if counted is None else counted
        return Forecast(mean, np.full(shape, std**2), np.zeros(shape), counted)

    def test_is_what_the_spread_leaves_unexplained(self):
        np.testing.assert_allclose(noise_variance(self.forecast([0.5, 0.4], 0.3)), [0.25 - 0.09, 0.16 - 0.09])

    def test_is_never_below_its_bound(self):
        assert noise_variance(self.forecast([0.5, 0.0], 0.6)).tolist() == [LEAST_VARIANCE] * 2

    def test_cells_that_do_not_count_have_no_part(self):
        counted = np.ones((3, 4, 2), bool)
        counted[..., 1] = False
        given = self.forecast([0.5, 9.0], 0.3, counted)
        found = noise_variance(given)
        assert found[0] == pytest.approx(0.16) and np.isnan(found[1])
        assert given.over_targets(np.broadcast_to([1.0, 7.0], (3, 4, 2))) == 1.0


class TestScores:
    def test_units_do_not_matter_but_for_the_scaler(self):
        raw = Scaler(np.array([10.0, -5.0]), np.array([2.0, 4.0]), fitted=True)
        plain = spread_values(predictor(Unsure), splits())
        assert set(plain) == NAMES and plain == spread_values(
            predictor(Unsure), splits(scaler=raw, target_std=np.array([2.0, 4.0]))
        )

    def test_written_out(self):
        data, model = splits(), predictor(Unsure)
        found = spread_values(model, data)
        error = (model.predict(data.validation) - data.validation.y).astype(float)
        noise = (error**2).mean((0, 1)) - ((0.1 * data.validation.x[..., 0]) ** 2).mean()
        std = np.sqrt((0.1 * data.test.x[..., :1]) ** 2 + np.maximum(noise, LEAST_VARIANCE))
        mean, truth = model.predict(data.test), data.test.y
        inside = np.abs(truth - mean) <= stats.norm.ppf(0.95) * std
        assert found["coverage_90"] == pytest.approx(inside.mean())
        assert found["gaussian_nll"] == pytest.approx(-stats.norm.logpdf(truth, mean, std).mean(), rel=1e-5)

    def test_padding_and_targets_that_do_not_count_change_nothing(self):
        data = splits()
        real, mask, y = (getattr(data.test, name).copy() for name in ("valid", "target_mask", "y"))
        real[:, 3:], mask[:, 3:], y[:, 3:] = False, False, 1e9
        padded, masked = replace(data.test, valid=real, y=y), replace(data.test, target_mask=mask, y=y)
        found = [spread_values(predictor(Unsure), replace(data, test=test)) for test in (padded, masked)]
        assert found[0] == found[1] and found[0]["crps"] < 10
        assert found[0] != spread_values(predictor(Unsure), data)

    def test_without_a_spread_there_are_none(self):
        assert spread_values(predictor(Affine), splits()) == {} and spread_values(Persistence(2), splits()) == {}

    def test_of_numbers_that_are_none_there_are_none(self):
        model = predictor(Unsure)
        with torch.no_grad():
            model.model.linear.bias[0] = float("nan")
        assert spread_values(model, splits()) == {}

    def test_are_test_metrics_of_the_models_that_have_them(self):
        case = load_case("walker2d")
        prepared = case.sample()
        sizes = prepared.splits.train.x.shape[2], prepared.splits.train.y.shape[2]

        class Wide(Unsure):
            def spread(self, x, dt, valid=None):
                return self(x, dt, valid).detach(), 0.1 * x[..., :1].abs().expand(*x.shape[:2], sizes[1])

        torch.manual_seed(0)
        with_spread = score(NetworkPredictor(Wide(*sizes), CPU), prepared, case)
        torch.manual_seed(0)
        without = score(NetworkPredictor(Affine(*sizes), CPU), prepared, case)
        own = {name: with_spread.metrics["test"].pop(name) for name in NAMES}
        assert with_spread == without and all(np.isfinite(value) for value in own.values())


@pytest.mark.slow
def test_from_training_to_the_table(tmp_path, capsys, monkeypatch):
    setting = ["--models", "gru,ua_lnn", "--seeds", "1", "--set", "train.epochs=2", "--set", "hidden=4"]
    done = run_here(capsys, monkeypatch, "sine", "--preset", "quick", *setting, "--out", str(tmp_path), "--jobs", "1")
    assert done.code == 0, done.err
    (table,) = json.loads(run_here(capsys, monkeypatch, "compare", str(tmp_path), "--format", "json").out)[
        "comparisons"
    ]
    gru, unsure = ({name: row["metrics"][name]["mean"] for name in NAMES} for row in table["rows"])
    assert set(gru.values()) == {None} and 0 <= unsure["coverage_90"] <= 1 and unsure["crps"] > 0
    assert {measure["name"] for measure in table["measures"]} >= NAMES
    shown = run_here(capsys, monkeypatch, "compare", str(tmp_path)).out
    assert "CRPS" not in shown  # a page has room for what all models have
