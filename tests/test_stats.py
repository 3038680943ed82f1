"""Statistics over seeds against numbers worked by hand, and their error rates by a small simulation."""

import math

import numpy as np
import pytest

from lnncmp import stats


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


def test_sign_flip_of_six_equal_signs():
    differences = [0.1, 0.4, 0.2, 0.5, 0.3, 0.6]
    assert stats.sign_flip_p(differences) == 2 / 64
    assert stats.sign_flip_p([-d for d in differences]) == 2 / 64


def test_sign_flip_counts_patterns():
    # Of the 8 sign patterns of (1, 2, -4): |sum| >= 1 for all, so p = 1; of (1, 2, 4): only +++ and ---.
    assert stats.sign_flip_p([1.0, 2.0, -4.0]) == 1.0
    assert stats.sign_flip_p([1.0, 2.0, 4.0]) == 2 / 8
    assert stats.sign_flip_p([-1.0, 2.0, 4.0]) == 4 / 8


def test_sign_flip_is_one_without_differences():
    assert stats.sign_flip_p([0.0] * 6) == 1.0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [1.0, math.inf, 2.0]])
def test_no_p(values):
    assert stats.sign_flip_p(values) is None


def test_sign_flip_beyond_enumeration_is_repeatable_and_not_zero():
    differences = np.random.default_rng(3).normal(5, 1, 18).tolist()
    p = stats.sign_flip_p(differences)
    assert p == stats.sign_flip_p(differences)
    assert 0 < p < 1e-3


def test_smallest_p_is_reached():
    for pairs in (2, 6, 10):
        assert stats.sign_flip_p(list(range(1, pairs + 1))) == stats.smallest_p(pairs)
    assert stats.smallest_p(1) == 1.0


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


@pytest.mark.parametrize(("pairs", "exact"), [(6, 2 / 64), (10, 0.0488)])
def test_false_positives_of_the_paired_test(pairs, exact):
    """Two models whose errors come from one skewed distribution: p <= 0.05 as often as the exact test allows."""
    rng = np.random.default_rng(pairs)
    repeats = 1000
    differences = rng.lognormal(0, 0.5, (repeats, pairs)) - rng.lognormal(0, 0.5, (repeats, pairs))
    rate = np.mean([stats.sign_flip_p(row) <= 0.05 for row in differences])
    assert rate == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / repeats))


class TestTwoLevel:
    def test_one_seed_or_one_sample_says_nothing(self):
        assert stats.two_level([[1.0, 2.0]]) is None and stats.two_level([[1.0], [2.0]]) is None
        assert stats.two_level([[1.0, math.inf], [1.0, 2.0]]) is None

    def test_equal_values_have_no_width(self):
        interval, p = stats.two_level([[0.5] * 50] * 4)
        assert interval == (0.5, 0.5) and p == 2 / 16

    def test_groups_widen_the_interval_that_seeds_alone_would_give(self):
        rng = np.random.default_rng(0)
        seeds, groups = 0.1 * rng.standard_normal((10, 1)), rng.standard_normal((1, 500))
        interval, p = stats.two_level((seeds + groups).tolist())
        assert -2.3 < interval[0] < -1.6 and 1.6 < interval[1] < 2.3 and p > 0.5

    def test_holds_its_level_where_seeds_and_groups_vary(self):
        """Covers the true difference 0 about as often as it says, and calls it significant about that seldom."""
        rng = np.random.default_rng(1)
        covered = significant = 0
        for _ in range(200):
            groups = rng.standard_normal(40)
            weights = rng.multinomial(40, np.full(40, 1 / 40), size=200) / 40
            interval, p = stats.two_level(
                [(weights @ (groups + 0.3 * rng.standard_normal())).tolist() for _ in range(10)]
            )
            covered += interval[0] <= 0 <= interval[1]
            significant += p <= 0.05
        assert 0.88 <= covered / 200 <= 0.99 and significant / 200 <= 0.12
