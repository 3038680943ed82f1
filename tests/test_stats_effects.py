"""Equivalence, BCa intervals, effect sizes and power: exact small cases, then error rates by a small simulation."""

import math

import numpy as np
import pytest
from scipy.stats import t

from lnncmp import stats

NO = [[], [1.0], [1.0, math.nan], [1.0, math.inf, 2.0]]


class TestEquivalence:
    FOUND = stats.MeanEstimate(value=0.5, error=0.25, freedom=8.0, least=0.01)

    def test_the_worse_of_both_sides_counts(self):
        # (0.5 + 1) / 0.25 = 6 and (0.5 - 1) / 0.25 = -2 standard errors: t(8) beyond 2 on one side.
        assert self.FOUND.p_within(1.0) == pytest.approx(t.sf(2, 8))
        assert self.FOUND.p_within(1.0, value=0.5) == pytest.approx(t.sf(4, 8))

    def test_beyond_is_two_sided(self):
        assert self.FOUND.p_beyond(0.25) == pytest.approx(2 * t.sf(1, 8))
        assert self.FOUND.p_beyond(1.0) == 1.0

    def test_holds_its_level_at_the_margin(self):
        draws = 0.3 * np.random.default_rng(0).standard_normal((300, 2, 6))
        found = [stats.difference((row[0] + 1.0).tolist(), row[1].tolist()) for row in draws]
        assert 0.01 <= np.mean([one.p_within(1.0) <= 0.05 for one in found]) <= 0.09


class TestBca:
    def test_brackets_the_mean_within_the_values(self):
        low, high = stats.bca_interval([[1.0, 2.0, 3.5, 4.0, 2.0, 9.0]])
        assert 1.0 < low < 3.58 < high < 9.0

    def test_is_repeatable(self):
        values = [[0.3, 0.1, 0.7, 0.4], [5.0, 4.0, 6.0]]
        assert stats.bca_interval(values) == stats.bca_interval(values)

    def test_strata_are_resampled_apart(self):
        """Between strata there is no spread to resample: constant strata far apart give their mean, no interval."""
        assert stats.bca_interval([[1.0, 1.0, 1.0], [9.0, 9.0, 9.0]]) == (5.0, 5.0)
        pooled = stats.bca_interval([[1.0, 1.1, 0.9, 9.0, 9.1, 8.9]])
        apart = stats.bca_interval([[1.0, 1.1, 0.9], [9.0, 9.1, 8.9]])
        assert apart[1] - apart[0] < 0.2 < pooled[1] - pooled[0]

    def test_strata_count_the_same_whatever_their_size(self):
        low, high = stats.bca_interval([[0.0, 0.1] * 20, [1.0, 1.1]])
        assert low < 0.55 < high

    @pytest.mark.parametrize("strata", [[], *([values] for values in NO), [[1.0, 2.0], [1.0]]])
    def test_none(self, strata):
        assert stats.bca_interval(strata) is None

    def test_coverage(self):
        """Ten normal values: about nine in ten, as documented; the t interval holds its 95%."""
        draws = np.random.default_rng(2).standard_normal((250, 10))
        ends = [stats.bca_interval([row]) for row in draws]
        student = [stats.mean_interval(row) for row in draws]
        covered = np.mean([low <= 0 <= high for low, high in ends])
        assert 0.84 <= covered <= 0.95
        assert 0.91 <= np.mean([low <= 0 <= high for low, high in student]) <= 0.99


class TestInterquartileMean:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [([1, 2, 3, 4, 100, 0], 2.5), ([1, 2, 3, 4, math.inf, 0], 2.5), ([3.0], 3.0), ([1, 2, 3], 2), ([], None)],
    )
    def test_by_hand(self, values, expected):
        assert stats.interquartile_mean(values) == expected

    def test_too_many_lost_runs_leave_none(self):
        assert stats.interquartile_mean([1.0, 2.0, math.inf, math.inf]) is None
        assert stats.interquartile_mean([1.0, math.nan]) is None


class TestProbabilityOfImprovement:
    @pytest.mark.parametrize(
        ("left", "right", "expected"),
        [([1, 3], [2, 4], 0.75), ([1, 1], [1, 1], 0.5), ([1, math.inf], [2, 3], 0.5), ([math.inf], [math.inf], 0.5)],
    )
    def test_by_hand(self, left, right, expected):
        assert stats.probability_of_improvement(left, right) == expected

    def test_none(self):
        assert stats.probability_of_improvement([], [1.0]) is None
        assert stats.probability_of_improvement([math.nan], [1.0]) is None


class TestSeedsNeeded:
    def test_against_tables(self):
        # Cohen (1988), two-sided t test at 5%, power 80%: of two samples d = 0.5 takes 64 of each, d = 0.8 takes 26;
        # of one sample d = 0.5 takes 34, d = 0.8 takes 15.
        assert stats.seeds_needed((1.0, 1.0), 0.5) == 64 and stats.seeds_needed((1.0, 1.0), 0.8) == 26
        assert stats.seeds_needed((1.0,), 0.5) == 34 and stats.seeds_needed((1.0, 0.0), 0.8) == 15

    def test_never_fewer_than_a_verdict_needs(self):
        assert stats.seeds_needed((0.0, 0.0), 1.0) == 6 and stats.seeds_needed((0.01, 0.01), 1.0) == 6

    def test_more_seeds_do_not_replace_groups(self):
        assert stats.seeds_needed((0.1, 0.1), 1.0, lasting=0.2) is not None
        assert stats.seeds_needed((0.1, 0.1), 1.0, lasting=0.5) is None

    @pytest.mark.parametrize(("spread", "difference"), [(1.0, 0.0), (1.0, -1.0), (math.inf, 1.0), (1.0, 0.001)])
    def test_none(self, spread, difference):
        assert stats.seeds_needed((spread, spread), difference) is None

    @pytest.mark.parametrize("level", [0.05, 0.05 / 30])
    def test_have_the_power_they_promise(self, level):
        seeds = stats.seeds_needed((1.0, 1.0), 1.7, level=level)
        draws = np.random.default_rng(3).standard_normal((600, 2, seeds))
        found = [stats.difference(row[0].tolist(), (row[1] + 1.7).tolist()).p_differs() for row in draws]
        assert 0.74 <= np.mean(np.array(found) <= level) <= 0.9
