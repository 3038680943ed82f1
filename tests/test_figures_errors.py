"""The axis of errors: when it is logarithmic, what it shows then, and who leaves it."""

import math

import pytest

from lnncmp.comparison.estimates import estimate
from lnncmp.comparison.table import Estimate
from lnncmp.report.figures.errors import error_axis


def seeds(*values):
    return estimate(dict(enumerate(values)))


class TestEstimates:
    def test_a_geometric_mean_has_an_interval_above_zero(self):
        found = seeds(0.01, 0.02, 1.0)
        logs = seeds(*map(math.log, (0.01, 0.02, 1.0)))
        assert found.ci95[0] < 0 < found.geometric_ci95[0] < found.geometric_mean < found.mean
        assert found.geometric_mean == pytest.approx(math.exp(logs.mean))
        assert found.geometric_ci95 == pytest.approx([math.exp(end) for end in logs.ci95])

    @pytest.mark.parametrize("values", [(0.0, 1.0), (-1.0, 1.0), (), (math.inf, 1.0)])
    def test_there_is_none_unless_all_are_above_zero(self, values):
        assert (seeds(*values).geometric_mean, seeds(*values).geometric_ci95) == (None, None)

    def test_one_seed_has_no_interval(self):
        found = seeds(2.0)
        assert found.geometric_mean == pytest.approx(2.0) and found.geometric_ci95 is None

    def test_bootstrap_samples_widen_it(self):
        plain = seeds(1.0, 1.1, 1.2)
        wide = estimate({0: 1.0, 1: 1.1, 2: 1.2}, {seed: [0.5, 1.0, 2.0] for seed in range(3)})
        none = estimate({0: 1.0, 1: 1.1, 2: 1.2}, {seed: [0.0, 1.0, 2.0] for seed in range(3)})
        assert wide.geometric_ci95[0] < plain.geometric_ci95[0] and wide.geometric_ci95[1] > plain.geometric_ci95[1]
        assert none.geometric_ci95 == plain.geometric_ci95 and none.ci95 != plain.ci95


class TestAxis:
    def test_a_wide_range_is_logarithmic_and_shows_geometric_means(self):
        wide = {"a": [seeds(0.001, 0.004)], "b": [seeds(1.0, 4.0)]}
        axis = error_axis(wide, {})
        assert axis.log and axis.spot(wide["b"][0]).value == pytest.approx(2.0) and "geometric" in axis.words
        assert axis.spot(wide["a"][0]).low > 0

    def test_a_narrow_range_is_linear_and_shows_means(self):
        narrow = {"a": [seeds(1.0, 2.0)], "b": [seeds(2.0, 3.0)]}
        axis = error_axis(narrow, {})
        assert not axis.log and axis.spot(narrow["a"][0]).value == 1.5 and "geometric" not in axis.words

    def test_an_error_of_zero_makes_it_linear(self):
        assert not error_axis({"a": [seeds(0.0, 0.0)], "b": [seeds(1.0, 4.0)]}, {}).log

    def test_an_exact_baseline_does_not_press_the_models_together(self):
        models = {"a": [seeds(0.01, 0.01)], "b": [seeds(0.5, 0.5)]}
        axis = error_axis(models, {"exact": [1e-15], "near": [0.001]})
        assert 1e-4 < axis.low < 0.001 and 0.5 < axis.high < 2
        assert axis.beyond(models, {"exact": [1e-15, 0.2], "near": [0.001]}) == "; in part beyond the axis: exact"
        assert axis.beyond(models, {"near": [0.001]}) == ""

    def test_a_baseline_far_off_does_not_press_models_together_that_are_alike(self):
        alike = {"a": [seeds(0.5, 0.51)], "b": [seeds(0.52, 0.53)]}
        axis = error_axis(alike, {"mean": [9.0], "near": [0.55]}, factor=2.5)
        assert axis.low > 0.3 and 0.55 < axis.high < 1 and axis.beyond({}, {"mean": [9.0]}).endswith("mean")

    def test_a_model_that_explodes_leaves_it_and_is_named(self):
        curves = {"steady": [seeds(1.0, 1.1), seeds(3.0, 3.1)], "wild": [seeds(1.5, 1.6), seeds(1e20, 1e22)]}
        axis = error_axis(curves, {})
        assert axis.high < 1000 and axis.beyond(curves, {}) == "; in part beyond the axis: wild"

    def test_a_model_that_is_bad_from_the_start_stays_on_it(self):
        models = {"good": [seeds(1e-6, 1e-6)], "bad": [seeds(10.0, 11.0)]}
        assert error_axis(models, {}).beyond(models, {}) == ""

    def test_an_interval_of_two_seeds_does_not_stretch_it(self):
        axis = error_axis({"a": [seeds(0.1, 10.0)], "b": [seeds(20.0, 21.0)]}, {}, factor=2)
        assert axis.log and axis.low > 0.1 and axis.high < 100

    @pytest.mark.parametrize("known", [[Estimate()], []])
    def test_nothing_known_is_no_error(self, known):
        assert not error_axis({"a": known}, {}).log
