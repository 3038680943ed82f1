"""Equivalence, BCa intervals, effect sizes and power: exact small cases, then error rates by a small simulation."""

import math

import numpy as np
import pytest

from lnncmp import stats

NO = [[], [1.0], [1.0, math.nan], [1.0, math.inf, 2.0]]


class TestEquivalence:
    def test_by_hand(self):
        # d + 1 = (1.5, 1.25, 0.75): only +++ has a mean as large, 1 of 8; d - 1 = (-.5, -.75, -1.25) likewise.
        assert stats.equivalence_p([0.5, 0.25, -0.25], 1.0) == 1 / 8

    def test_the_worse_of_both_sides_counts(self):
        # d + 1 = (3, 3): p = 1/4; d - 1 = (1, 1): of the four patterns all have a mean of at most 1, p = 1.
        assert stats.equivalence_p([2.0, 2.0], 1.0) == 1.0

    def test_one_sided_tests_by_hand(self):
        assert stats.sign_flip_p([1.0, 2.0, 4.0], "greater") == 1 / 8
        assert stats.sign_flip_p([1.0, 2.0, 4.0], "less") == 1.0
        assert stats.sign_flip_p([-1.0, 2.0, 4.0], "greater") == 2 / 8

    @pytest.mark.parametrize("values", NO)
    def test_none(self, values):
        assert stats.equivalence_p(values, 1.0) is None

    def test_holds_its_level_at_the_margin(self):
        draws = 1.0 + 0.3 * np.random.default_rng(0).standard_normal((300, 6))
        share = np.mean([stats.equivalence_p(row, 1.0) <= 0.05 for row in draws])
        assert 0.01 <= share <= 0.09


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


class TestTwoLevelMean:
    def test_by_hand(self):
        # Two seeds with means 1 and 3 over samples: s^2/S = 2/2 = 1; the mean over seeds is 2 - 1, 2 + 1: b^2 = 2.
        found = stats.two_level_mean([[0.0, 2.0], [2.0, 4.0]])
        assert (found.mean, found.error**2) == pytest.approx((2.0, 3.0))
        assert found.freedom == pytest.approx(9.0)  # 3^2 / (1^2 / 1)

    def test_is_the_t_interval_where_only_seeds_vary(self):
        values = [0.3, 0.1, 0.7, 0.4]
        interval, p = stats.two_level([[value] * 50 for value in values])
        assert interval == pytest.approx(stats.mean_interval(values)) and p < 0.2

    def test_one_sided_p_add_up(self):
        found = stats.two_level_mean([[0.0, 2.0, 1.0], [2.0, 4.0, 2.0], [0.5, 1.0, 1.0]])
        assert found.p_above(0.7) + found.p_below(0.7) == pytest.approx(1.0)
        assert found.p_differs() == pytest.approx(2 * min(found.p_above(0.0), found.p_below(0.0)))

    def test_without_spread_it_claims_no_more_than_sign_flips(self):
        found = stats.two_level_mean([[1.0, 1.0]] * 6)
        assert found.p_differs() == stats.smallest_p(6) and found.p_above(2.0) == 1.0


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
        # Cohen (1988), two-sided paired t test at 5%, power 80%: d = 0.5 takes 34 pairs, d = 0.8 takes 15.
        assert stats.seeds_needed(1.0, 0.5) == 34
        assert stats.seeds_needed(1.0, 0.8) == 15

    def test_never_fewer_than_the_test_needs(self):
        assert stats.seeds_needed(0.0, 1.0) == 6
        assert stats.seeds_needed(0.0, 1.0, level=0.05 / 20) == 10  # 2 / 2^10 <= 0.0025

    def test_more_seeds_do_not_replace_groups(self):
        assert stats.seeds_needed(0.1, 1.0, between_groups=0.2) is not None
        assert stats.seeds_needed(0.1, 1.0, between_groups=0.5) is None

    @pytest.mark.parametrize(("spread", "difference"), [(1.0, 0.0), (1.0, -1.0), (math.inf, 1.0), (1.0, 0.001)])
    def test_none(self, spread, difference):
        assert stats.seeds_needed(spread, difference) is None

    def test_have_the_power_they_promise(self):
        pairs = stats.seeds_needed(1.0, 1.2)
        draws = 1.2 + np.random.default_rng(3).standard_normal((300, pairs))
        power = np.mean([stats.sign_flip_p(row) <= 0.05 for row in draws])
        assert 0.73 <= power <= 0.92
