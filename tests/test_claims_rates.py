"""How often verdicts are wrong by chance, simulated with fixed seeds through the functions that judge records.

What is asserted: errors stay within the level plus three standard errors of the simulation, and are not absurdly rare,
so that a test that never says anything fails too. The long simulations: `simulated_tests`, `simulated_verdicts`.
"""

import numpy as np
import pytest
from claim_records import claim
from simulated_tests import SETTINGS, SPREAD, TESTS, Setting, normal, rates
from simulated_verdicts import COMPARABLE, FAMILY, LOWER, MATTERS, NOT_WORSE, SEEDS, answers, shares

from lnncmp import stats

LEVEL = stats.SIGNIFICANCE
ALIKE = SETTINGS[0]
PRECISE = Setting("precise", normal(SPREAD / 10, SPREAD / 10))


def at_most(share, rate, total):
    return share <= rate + 3 * (rate * (1 - rate) / total) ** 0.5


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_models_without_a_difference_are_rarely_called_different(setting):
    found = shares(LOWER, setting, 1.0, 300, 1)
    assert at_most(found["supported"], LEVEL, 300) and at_most(found["opposite"], LEVEL, 300)


def test_a_test_that_says_something():
    found = shares(LOWER, ALIKE, 1.0, 300, 1)
    assert found["supported"] + found["opposite"] > 0.01
    assert shares(LOWER, ALIKE, 1.5, 200, 1)["supported"] > 0.7


def test_a_difference_that_matters_is_rarely_called_negligible_or_opposite():
    found = shares(LOWER, PRECISE, MATTERS, 300, 1)
    assert at_most(found["opposite"] + found["negligible"], LEVEL, 300)


def test_models_that_differ_by_what_matters_are_rarely_called_comparable():
    found = shares(COMPARABLE, PRECISE, MATTERS, 300, 1)
    assert at_most(found["supported"], LEVEL, 300) and found["supported"] > 0.005
    assert shares(COMPARABLE, PRECISE, 1.0, 100, 1)["supported"] > 0.9


def test_a_model_that_is_worse_by_what_matters_is_rarely_called_not_worse():
    found = shares(NOT_WORSE, PRECISE, 1 / MATTERS, 300, 1)
    assert at_most(found["supported"], LEVEL, 300) and found["supported"] > 0.005
    assert shares(NOT_WORSE, PRECISE, 1.0, 100, 1)["supported"] > 0.9


def test_models_that_differ_by_just_the_claimed_factor_show_nothing():
    found = shares(claim(at_least=10), ALIKE, 10.0, 300, 1)
    assert at_most(found["supported"], LEVEL, 300)


def test_ten_seeds_find_a_clear_difference_among_thirty_claims():
    """With sign flips of ten pairs no claim of thirty can be significant after Holm's correction."""
    left, right = ALIKE.samples(10 * FAMILY, SEEDS, 3.0, seed=1)
    found = [answers(LOWER, left[n::10], right[n::10]) for n in range(10)]
    assert all(answer == "supported" for family in found for answer in family)


def test_a_table_of_claims_keeps_the_level_as_a_whole():
    found = shares(LOWER, ALIKE, 1.0, 40, FAMILY)
    assert at_most(found["supported"], LEVEL / 2, 40) and at_most(found["opposite"], LEVEL / 2, 40)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS[:5], ids=lambda setting: setting.name)
def test_a_table_of_claims_keeps_the_level_whatever_the_errors(setting):
    found = shares(LOWER, setting, 1.0, 200, FAMILY)
    assert at_most(found["supported"], LEVEL, 200) and at_most(found["opposite"], LEVEL, 200)


class TestChoice:
    """The reasons of docs/statistics.md for Welch's t test, in short."""

    def test_sign_flips_cannot_reach_the_level_of_thirty_claims(self):
        found = dict(zip(TESTS, rates(ALIKE, 10, 2.0, 400)[:, 1], strict=True))
        assert found["paired sign flips"] == 0 and found["Welch's t"] > 0.8

    def test_six_seeds_leave_nothing_to_a_permutation_test(self):
        found = dict(zip(TESTS, rates(ALIKE, 6, 2.0, 400)[:, 1], strict=True))
        assert found["permutation"] == 0 and found["Welch's t"] > 0.3

    @pytest.mark.slow
    def test_unequal_spreads_keep_the_level(self):
        found = dict(zip(TESTS, rates(SETTINGS[1], 6, 1.0, 10_000)[:, 0], strict=True))
        assert at_most(found["Welch's t"], 0.05, 10_000) and found["permutation"] > 0.055


def test_the_functions_of_lnncmp_are_welchs_test():
    left, right = SETTINGS[1].samples(20, 7, 1.2, seed=3)
    own = [stats.difference(a, b).p_differs() for a, b in zip(left.tolist(), right.tolist(), strict=True)]
    assert own == pytest.approx(TESTS["Welch's t"](left, right).tolist())


class TestDataSets:
    """Several data sets: what another one would give."""

    def estimates(self, rng, between, count, seeds=10):
        made = []
        for shift in between * rng.standard_normal(count):
            left, right = (SPREAD * rng.standard_normal((2, seeds))).tolist()
            made.append(stats.difference(left, [value + shift for value in right]))
        return made

    @pytest.mark.parametrize("count", [3, 5])
    @pytest.mark.parametrize("between", [0.0, 0.1, 0.5])
    def test_hold_their_level(self, count, between):
        rng = np.random.default_rng([count, round(10 * between)])
        p = [stats.over_data_sets(self.estimates(rng, between, count)).p_differs() for _ in range(500)]
        assert at_most(np.mean(np.array(p) <= LEVEL), LEVEL, 500) and min(p) < 0.1

    def test_seeds_alone_would_not(self):
        """Where data sets differ, pooling as if they were all there are calls chance a difference."""
        rng = np.random.default_rng(8)
        p = [stats.pooled(self.estimates(rng, 0.5, 5)).p_differs() for _ in range(200)]
        assert np.mean(np.array(p) <= LEVEL) > 0.3
