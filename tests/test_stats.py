"""Statistics over seeds against numbers worked by hand, and their error rates by a small simulation."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from scipy.stats import ttest_1samp, ttest_ind

from lnncmp import stats
from lnncmp.stats.student import t_above, t_quantile


def test_interval_by_hand():
    low, high = stats.mean_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)  # t(2, 0.975) from tables, s = 1
    assert (low, high) == pytest.approx((2 - half, 2 + half), rel=1e-9)


def test_interval_at_another_confidence():
    low, high = stats.mean_interval([1.0, 2.0, 3.0], confidence=0.9)
    half = 2.919985580355516 / math.sqrt(3)  # t(2, 0.95)
    assert (low, high) == pytest.approx((2 - half, 2 + half), rel=1e-9)


def test_interval_of_equal_values_is_that_value():
    assert stats.mean_interval([0.25, 0.25, 0.25]) == (0.25, 0.25)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.inf], [1.0, math.nan, 2.0], [1e308, -1e308, 1e308]])
def test_no_interval(values):
    assert stats.mean_interval(values) is None


@pytest.mark.parametrize(("values", "expected"), [([], None), ([1.0, 3.0], 2.0), ([1.0, math.inf], None)])
def test_mean(values, expected):
    assert stats.mean(values) == expected


def test_mean_that_overflows_is_unknown():
    assert stats.mean([1.7e308, 1.7e308]) is None


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.5, 0.6, 0.001, 0.02]) == pytest.approx([1.0, 1.0, 0.004, 0.06])


def test_holm_leaves_out_what_was_not_tested():
    assert stats.holm([None, 0.02, None, 0.03]) == [None, pytest.approx(0.04), None, pytest.approx(0.04)]
    assert stats.holm([]) == []


def test_noise_slope_of_exact_lines():
    levels = [0.1, 0.2, 0.3]
    assert stats.noise_slope(levels, [0.2 + 0.7 * s**2 for s in levels], 0.2) == pytest.approx(0.7)
    assert stats.noise_slope(levels, [0.2] * 3, 0.2) == 0


def test_noise_slope_by_hand():
    # sigma^2 = 0.01, 0.04; d = 0.02, 0.02: (0.01 * 0.02 + 0.04 * 0.02) / (0.0001 + 0.0016)
    assert stats.noise_slope([0.1, 0.2], [0.12, 0.12], 0.1) == pytest.approx(0.001 / 0.0017)


def test_noise_slope_leaves_out_large_noise_and_none():
    assert stats.noise_slope([0.0, 0.3, 1.0], [9.0, 0.1 + 0.5 * 0.09, 99.0], 0.1) == pytest.approx(0.5)


@pytest.mark.parametrize(("levels", "errors"), [([], []), ([1.0], [2.0]), ([0.1], [math.inf]), ([0.0], [1.0])])
def test_no_noise_slope(levels, errors):
    assert stats.noise_slope(levels, errors, 0.1) is None


def _coverage(draws: np.ndarray, true_mean: float) -> float:
    found = [stats.mean_interval(row) for row in draws]
    return float(np.mean([low <= true_mean <= high for low, high in found]))


@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
def test_interval_holds_the_mean_of_normal_errors(seeds):
    draws = np.random.default_rng(seeds).normal(3.0, 1.0, (2000, seeds))
    assert _coverage(draws, 3.0) == pytest.approx(0.95, abs=0.02)  # four standard errors


@pytest.mark.parametrize(("sigma", "seeds", "expected"), [(0.5, 3, 0.921), (0.5, 10, 0.920), (1.0, 5, 0.821)])
def test_interval_falls_short_for_skewed_errors_as_documented(sigma, seeds, expected):
    draws = np.random.default_rng(seeds).lognormal(0.0, sigma, (2000, seeds))
    assert _coverage(draws, math.exp(sigma**2 / 2)) == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize("seeds", [3, 10])
def test_interval_covers_better_than_the_bootstrap(seeds):
    from scipy.stats import bootstrap

    rng = np.random.default_rng(seeds)
    draws = rng.normal(3.0, 1.0, (300, seeds))
    hits = 0
    for row in draws:
        low, high = bootstrap((row,), np.mean, n_resamples=499, method="BCa", random_state=rng).confidence_interval
        hits += low <= 3.0 <= high
    assert _coverage(draws, 3.0) > hits / len(draws) + 0.02


class TestDifference:
    LEFT, RIGHT = [1.0, 2.0, 4.0], [5.0, 7.0, 6.0, 8.0]

    def test_is_welchs_test(self):
        expected = ttest_ind(self.RIGHT, self.LEFT, equal_var=False)
        found, ends = stats.difference(self.LEFT, self.RIGHT), expected.confidence_interval()
        assert found.value == pytest.approx(6.5 - 7 / 3) and found.freedom == pytest.approx(expected.df)
        assert found.p_differs() == pytest.approx(expected.pvalue)
        assert found.interval() == pytest.approx((ends.low, ends.high))

    def test_one_sided_p_add_up(self):
        found = stats.difference(self.LEFT, self.RIGHT)
        assert found.p_above(0.7) + found.p_below(0.7) == pytest.approx(1.0)
        assert found.p_differs(1.0) == pytest.approx(2 * min(found.p_above(1.0), found.p_below(1.0)))

    def test_without_spread_it_claims_no_more_than_permutations(self):
        found = stats.difference([1.0] * 6, [2.0] * 6)
        assert found.p_differs() == pytest.approx(2 / 924) and found.interval() == (1.0, 1.0)
        assert stats.difference([1.0] * 6, [1.0] * 6).p_differs() == 1.0
        assert stats.difference([0.1 + 0.2] * 6, [0.3] * 6).p_differs() <= 1.0

    def test_against_a_constant_it_is_the_test_of_one_sample(self):
        found = stats.difference([2.0] * 5, [1.0, 3.0, 2.5, 2.0, 4.0])
        assert found.p_differs() == pytest.approx(ttest_1samp([1.0, 3.0, 2.5, 2.0, 4.0], 2.0).pvalue)

    @pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [1.0, math.inf, 2.0], [1e308, -1e308, 1e308]])
    def test_none(self, values):
        assert stats.difference(values, [1.0, 2.0]) is None and stats.difference([1.0, 2.0], values) is None
        assert stats.mean_estimate(values) is None

    def test_is_exactly_as_wide_as_its_seeds_where_groups_agree(self):
        flat = [[value] * 20 for value in self.LEFT], [[value] * 20 for value in self.RIGHT]
        assert stats.difference(self.LEFT, self.RIGHT, *flat).interval() == pytest.approx(
            stats.difference(self.LEFT, self.RIGHT).interval()
        )

    def test_what_groups_do_to_both_cancels(self):
        shared = [0.3 * math.sin(7 * n) for n in range(40)]
        both = [[[value + one for one in shared] for value in side] for side in (self.LEFT, self.RIGHT)]
        assert stats.difference(self.LEFT, self.RIGHT, *both).lasting == pytest.approx(0.0, abs=1e-12)
        one = stats.difference(self.LEFT, self.RIGHT, both[0], [[value] * 40 for value in self.RIGHT])
        assert one.lasting == pytest.approx(float(np.std(shared, ddof=1)))
        assert one.error > stats.difference(self.LEFT, self.RIGHT).error

    def test_samples_of_one_side_alone_say_nothing(self):
        given = stats.difference(self.LEFT, self.RIGHT, [[1.0, 9.0]] * 3, ())
        assert given == stats.difference(self.LEFT, self.RIGHT)


class TestMeanEstimate:
    def test_is_students_interval(self):
        assert stats.mean_estimate([1.0, 2.0, 3.0]).interval() == pytest.approx(stats.mean_interval([1.0, 2.0, 3.0]))

    def test_groups_by_hand(self):
        # s^2 / S = 2 / 2; the mean over runs is 2 - 1, 2 + 1 over two samples: b^2 = 2; freedom 3^2 / (1^2 / 1).
        found = stats.mean_estimate([1.0, 3.0], [[0.0, 2.0], [2.0, 4.0]])
        assert (found.value, found.error**2, found.freedom) == pytest.approx((2.0, 3.0, 9.0))

    def test_holds_its_level_where_seeds_and_groups_vary(self):
        """Covers the true difference 0 about as often as it says, and calls it significant about that seldom."""
        rng = np.random.default_rng(1)
        covered = significant = 0
        for _ in range(200):
            groups = rng.standard_normal(40)
            weights = rng.multinomial(40, np.full(40, 1 / 40), size=200) / 40
            shifts = 0.3 * rng.standard_normal(10)
            samples = [(weights @ (groups + shift)).tolist() for shift in shifts]
            found = stats.mean_estimate((groups.mean() + shifts).tolist(), samples)
            low, high = found.interval()
            covered += low <= 0 <= high
            significant += found.p_differs() <= 0.05
        assert 0.88 <= covered / 200 <= 0.99 and significant / 200 <= 0.12


class TestOverDataSets:
    def of(self, *values, error=0.1):
        return [stats.MeanEstimate(value, error, 10.0, 0.01) for value in values]

    def test_by_hand(self):
        found = stats.over_data_sets(self.of(1.0, 2.0, 3.0))
        assert (found.value, found.error, found.freedom) == pytest.approx((2.0, 1 / math.sqrt(3), 2.0))
        assert found.lasting == pytest.approx(math.sqrt(1 / 3 - 0.01 / 3))

    def test_is_never_more_certain_than_the_seeds_are(self):
        found = stats.over_data_sets(self.of(1.0, 1.0, 1.0))
        assert (found.error, found.freedom) == pytest.approx((0.1 / math.sqrt(3), 30.0))

    def test_two_data_sets_say_nothing_of_others(self):
        assert stats.over_data_sets(self.of(1.0, 1.0)) is None and stats.pooled([]) is None


@pytest.mark.parametrize("count", [0, 1, 2, 7, 20])
def test_many_estimates_at_once_are_the_same_bits(count):
    drawn = np.random.default_rng(3)
    rows = [list(drawn.normal(5, 2, count) ** 3) for _ in range(50)]
    if count:
        rows += [[2.5] * count, [0.0] * count, [math.inf] + [1.0] * (count - 1), [1e308] * count, [-1e308] * count]
        rows += [[math.nan] * count, [1e200 * (-1) ** k for k in range(count)]]
    assert stats.means(rows) == [stats.mean(row) for row in rows]
    assert stats.geometric_intervals(rows[:-2]) == [stats.geometric_estimate(row) for row in rows[:-2]]
    finite = [row for row in rows if np.isfinite(row).all()]
    one_by_one = [(stats.mean(row), stats.mean_estimate(row)) for row in finite]
    expected = [(mean, None if found is None else found.interval()) for mean, found in one_by_one]
    assert stats.mean_intervals(finite) == expected


def test_quantiles_are_those_of_scipy():
    for freedom in (1.0, 2.0, 4.7, 9.0, math.inf):
        for level in (0.5, 0.9, 0.975, 0.9999):
            assert t_quantile(level, freedom) == scipy_stats.t.ppf(level, freedom)
            assert t_above(level, freedom) == scipy_stats.t.sf(level, freedom)
