"""Influence of choices, flips and the joint test, on curves whose answers are known."""

import numpy as np
import pytest
from multiverse_toys import reading

from lnncmp.claims.readings import Flip
from lnncmp.multiverse.influence import flips, influences
from lnncmp.multiverse.joint import joint_test

LEVELS = ("small", "middle", "large")


def grid(effect, noise=0.0, repeats=1):
    """Readings over three units, two budgets and two waves (times repeats), with the effect of their levels."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(repeats):
        for units in LEVELS:
            for budget in ("short", "long"):
                for waves in ("few", "many"):
                    value = effect(units, budget) + noise * rng.standard_normal()
                    found.append(reading(len(found) + 1, value, units=units, budget=budget, waves=waves))
    return found


NAMES = ("units", "budget", "waves")


class TestInfluence:
    def test_an_effect_of_one_choice_alone_is_all_its(self):
        shares, rest = influences(grid(lambda units, budget: float(LEVELS.index(units))), NAMES)
        assert (shares[0].choice, shares[0].share) == ("units", pytest.approx(1.0))
        assert [one.share for one in shares[1:]] == pytest.approx([0.0, 0.0], abs=1e-9)
        assert rest == pytest.approx(0.0, abs=1e-9)

    def test_one_reading_that_is_far_out_does_not_decide_what_matters(self):
        readings = grid(lambda units, budget: float(LEVELS.index(units)), repeats=3)
        found = readings[1]
        readings[1] = reading(2, 1e3, **found.alternatives)
        shares, _ = influences(readings, NAMES)
        assert shares[0].choice == "units" and shares[0].share > 0.3 > 10 * shares[1].share

    def test_shares_follow_the_variances(self):
        # variances of the level effects: units 2/3, budget 1
        shares, rest = influences(
            grid(lambda units, budget: LEVELS.index(units) + (2.0 if budget == "long" else 0.0)), NAMES
        )
        found = {one.choice: one.share for one in shares}
        assert found["units"] == pytest.approx(0.4)
        assert found["budget"] == pytest.approx(0.6)
        assert rest == pytest.approx(0.0, abs=1e-9)

    def test_what_only_combinations_explain_is_no_single_choices(self):
        _, rest = influences(
            grid(lambda units, budget: float((units == "small") == (budget == "short")), repeats=2), NAMES
        )
        assert rest is not None and rest > 0.7

    def test_without_any_influence_the_shares_are_about_nothing(self):
        shares, rest = influences(grid(lambda units, budget: 0.0, noise=1.0, repeats=4), NAMES)
        assert all(one.share < 0.12 for one in shares)
        assert all(one.ci95 is not None and one.ci95[0] < 0.05 for one in shares)
        assert rest is not None and rest > 0.8

    def test_intervals_hold_the_share(self):
        shares, _ = influences(
            grid(lambda units, budget: LEVELS.index(units) + 2.0 * (budget == "long"), noise=0.3, repeats=3), NAMES
        )
        for one in shares:
            assert one.ci95 is not None
            assert one.ci95[0] - 1e-9 <= one.share <= one.ci95[1] + 1e-9

    def test_too_few_or_equal_effects_say_nothing(self):
        assert influences(grid(lambda units, budget: 1.0), NAMES) == ([], None)
        assert influences(grid(lambda units, budget: 1.0)[:3], NAMES) == ([], None)
        assert influences([reading(n, None, units="small", budget="a", waves="b") for n in range(9)], NAMES)[0] == []


class TestFlips:
    DEFAULT = reading(1, 0.5, "supports", units="small", budget="long")

    def test_one_departure_with_the_opposite_shown_turns_alone(self):
        turned = reading(2, -0.4, "opposite", units="small", budget="short")
        found = flips([self.DEFAULT, turned], ("units", "budget"))
        assert [(one.choice, one.alternative) for one in found if one.alone] == [("budget", "short")]

    def test_a_departure_that_shows_nothing_does_not_turn(self):
        open_ = reading(2, -0.4, "not shown", units="small", budget="short")
        assert not [one for one in flips([self.DEFAULT, open_], ("units", "budget")) if one.alone]

    def test_two_departures_tell_nothing_of_one(self):
        both = reading(2, -0.4, "opposite", units="large", budget="short")
        assert not [one for one in flips([self.DEFAULT, both], ("units", "budget")) if one.alone]

    def test_one_reading_that_is_far_out_turns_nothing(self):
        """A network that did not train passes on no noise: its ratio has any size."""
        usual = [reading(n, -0.5 - 0.01 * n, units="small", budget="long") for n in range(1, 8)]
        assert flips([*usual, reading(9, 20.0, units="small", budget="short")], ("units", "budget")) == [
            Flip(choice="budget", alternative="short", alone=False, effect=20.0)
        ]

    def test_a_median_of_the_other_sign_is_said(self):
        readings = [
            self.DEFAULT,
            reading(2, 0.6, units="large", budget="long"),
            reading(3, -0.1, units="small", budget="short"),
            reading(4, -0.2, units="large", budget="short"),
        ]
        found = [(one.choice, one.alternative, one.alone) for one in flips(readings, ("units", "budget"))]
        assert found == [("budget", "short", False)]


class TestJoint:
    def test_six_seeds_that_agree_everywhere_give_two_of_64(self):
        effects = [{seed: 0.5 + 0.01 * seed + 0.1 * n for seed in range(6)} for n in range(5)]
        found = joint_test(effects)
        assert found is not None and found.permutations == 64
        assert (found.median, found.shown, found.z) == pytest.approx((2 / 64, 2 / 64, 2 / 64))

    def test_the_same_swap_holds_in_all_readings(self):
        # Twenty readings share their runs: they are no more evidence than one of them.
        one = {0: 0.3, 1: -0.1, 2: 0.2, 3: 0.4, 4: -0.2, 5: 0.1}
        single, copies = joint_test([one]), joint_test([one] * 20)
        assert single == copies

    def test_labels_that_mean_nothing_are_rarely_called_significant(self):
        rng = np.random.default_rng(1)
        low = 0
        for _ in range(200):
            shared = rng.standard_normal(6)
            effects = [dict(enumerate(shared + rng.standard_normal(6))) for _ in range(8)]
            found = joint_test(effects)
            low += found is not None and found.z <= 0.05
        assert low <= 22  # 200 tests at 5%: 10 expected, 22 is three deviations above

    def test_turning_all_labels_changes_nothing(self):
        effects = [{seed: float(value) for seed, value in enumerate(row)} for row in np.eye(6) + 0.1]
        turned = [{seed: -value for seed, value in one.items()} for one in effects]
        assert joint_test(effects) == joint_test(turned)

    def test_missing_seeds_and_none_at_all(self):
        assert joint_test([]) is None
        found = joint_test([{0: 1.0, 1: 1.0}, {0: 1.0, 2: 1.0}])
        assert found is not None and 0 < found.z <= 1
