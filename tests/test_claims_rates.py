"""How often verdicts are wrong by chance, simulated with fixed seeds through the functions that judge records.

What is asserted: errors stay within the level plus three standard errors of the simulation, and are not absurdly rare,
so that a test that never says anything fails too.
"""

import numpy as np
import pytest
from claim_records import claim

from lnncmp import stats
from lnncmp.claims.decide import decide
from lnncmp.claims.evidence import Evidence, smallest_effect
from lnncmp.claims.schema import Run
from lnncmp.claims.significance import significance_of

LEVEL = stats.SIGNIFICANCE
MATTERS = smallest_effect(claim(matters=1.5))


def evidence(effects):
    runs = tuple(Run(seed=seed, left=1.0, right=1.0) for seed in range(len(effects)))
    return Evidence(runs, tuple(float(effect) for effect in effects))


def verdicts(of, draws):
    """Return the verdict on each row of effects, each a family of its own."""
    made = []
    for row in draws:
        tested = significance_of(of, evidence(row))
        made.append(decide(of, tested.pairs, tested.effect, tested.p_difference, tested.p_equivalence)[0])
    return made


def families(of, draws):
    """Return the verdicts on families of claims, adjusted within each; draws (families, claims, seeds)."""
    made = []
    for rows in draws:
        tested = [significance_of(of, evidence(row)) for row in rows]
        first = stats.holm([one.p_difference for one in tested])
        second = stats.holm([one.p_equivalence for one in tested])
        made.append([decide(of, t.pairs, t.effect, p, q)[0] for t, p, q in zip(tested, first, second, strict=True)])
    return made


def at_most(count, rate, total):
    return count <= rate * total + 3 * (rate * (1 - rate) * total) ** 0.5


def test_no_difference_is_rarely_called_support():
    draws = np.random.default_rng(1).standard_normal((150, 6))
    found = verdicts(claim(matters=1.5), draws)
    assert at_most(found.count("supported"), LEVEL / 2, 150)
    assert found.count("supported") + found.count("opposite") >= 1


def test_a_difference_that_matters_is_rarely_called_negligible_or_opposite():
    draws = MATTERS + 0.3 * np.random.default_rng(2).standard_normal((150, 6))
    found = verdicts(claim(matters=1.5), draws)
    assert at_most(found.count("opposite"), LEVEL, 150)
    assert found.count("supported") > 50


def test_models_that_differ_by_what_matters_are_rarely_called_comparable():
    draws = MATTERS + 0.2 * np.random.default_rng(3).standard_normal((150, 6))
    found = verdicts(claim(direction="comparable", matters=1.5), draws)
    assert at_most(found.count("supported"), LEVEL, 150)


def test_models_that_differ_by_just_the_claimed_factor_show_nothing():
    of = claim(at_least=10)
    draws = np.log(10) + 0.5 * np.random.default_rng(4).standard_normal((150, 6))
    found = verdicts(of, draws)
    assert at_most(found.count("supported") + found.count("opposite"), LEVEL, 150)


@pytest.mark.slow
def test_a_table_of_claims_keeps_the_level_as_a_whole():
    """Any of 19 claims called supported, where nothing differs: at most 2.5% of tables."""
    draws = np.random.default_rng(5).standard_normal((60, 19, 10))
    found = families(claim(matters=1.01), draws)
    assert at_most(sum("supported" in table for table in found), LEVEL / 2, 60)
    assert at_most(sum("opposite" in table for table in found), LEVEL / 2, 60)


@pytest.mark.slow
def test_a_clear_difference_is_found_in_a_table_of_claims():
    draws = 1.0 + 0.3 * np.random.default_rng(6).standard_normal((10, 19, 10))
    found = families(claim(matters=1.5), draws)
    assert all(verdict == "supported" for table in found for verdict in table)
