"""Verdicts on synthetic records: each outcome, lost runs, both matchings, data never pooled, costs, baselines."""

import math
import re

import pytest
from claim_records import claim, cost, many, one, records, timed, with_metric, with_points, with_replicates
from synthetic_records import baseline

from lnncmp.claims.judge import judge


def verdict(of, *groups, **others):
    (row,) = judge([of], records(*groups, **others)).rows
    return row


class TestDifferences:
    def test_a_clear_difference_supports_the_claim(self):
        row = verdict(claim(), many("cfc", 0.8), many("lstm", 1.0))
        assert row.verdict == "supported"
        assert row.effect == pytest.approx(math.log(1.25), abs=0.01)
        assert row.ci95[0] > 0 and row.ci95_bca[0] > 0
        assert row.p == row.p_holm < 1e-9
        assert (row.n_seeds, row.probability_of_improvement) == (10, 1.0)
        assert row.iqm["cfc"] == pytest.approx(0.8, abs=0.01) and row.iqm["lstm"] == pytest.approx(1.0, abs=0.01)
        assert (row.matched, row.data, row.preset) == ("hidden", "simulated dddddddd", "quick")
        assert "0.8 times that of lstm; significantly lower over 10 seeds" in row.reason

    def test_the_opposite_is_called_so(self):
        row = verdict(claim(), many("cfc", 1.2), many("lstm", 1.0))
        assert row.verdict == "opposite" and row.effect < 0 and row.ci95[1] < 0
        assert "significantly higher over 10 seeds, the opposite of the claim" in row.reason

    def test_a_claim_of_more_is_the_mirror_image(self):
        row = verdict(claim(direction="higher"), many("cfc", 1.2), many("lstm", 1.0))
        assert row.verdict == "supported" and row.effect == pytest.approx(math.log(1.2), abs=0.01)
        assert row.probability_of_improvement == 1.0

    @pytest.mark.parametrize(
        ("level", "expected"), [(1.0, "not shown"), (0.97, "true but negligible"), (1.03, "opposite")]
    )
    def test_a_difference_too_small_to_matter_is_called_so(self, level, expected):
        row = verdict(claim(), many("cfc", level), many("lstm", 1.0))
        assert row.verdict == row.found == expected and row.p < 1e-9
        assert "shown to be below the smallest effect of interest (a factor of 1.1)" in row.reason.replace(
            "shown over 10 seeds", "shown"
        )

    def test_one_that_is_shown_but_found_too_small_to_matter_stays_open(self):
        left = [one("cfc", seed, 0.93 * (1 + 0.06 * (-1) ** seed)) for seed in range(10)]
        row = verdict(claim(), left, [one("lstm", seed, 1.0) for seed in range(10)])
        assert row.verdict == "not shown" and 0 < row.effect < row.smallest_difference and row.p <= 0.05
        assert "significantly lower over 10 seeds, but below the smallest effect of interest" in row.reason

    def test_what_seeds_cannot_tell_stays_open_and_says_how_many_could(self):
        left = [one("cfc", seed, level) for seed, level in enumerate([0.5, 1.9, 0.6, 1.4, 0.8, 1.7, 0.7, 1.2])]
        row = verdict(claim(), left, many("lstm", 1.0))
        assert row.verdict == "not shown" and row.n_seeds == 8
        assert row.seeds_needed > 100 and f"about {row.seeds_needed} seeds" in row.reason

    def test_no_verdict_under_six_seeds_however_clear_but_which_way_they_point(self):
        row = verdict(claim(), many("cfc", 0.1, seeds=5), many("lstm", 1.0))
        assert (row.verdict, row.n_seeds, row.p_holm, row.in_favour) == ("not shown", 5, None, 5)
        assert "5 seeds of both are too few: under 6 there is no verdict" in row.reason
        assert re.search(
            r"they point the way of the claim: 0\.1 times \[0\.09\d+, 0\.10\d*\], lower at 5 of 5 seeds", row.reason
        )
        assert row.effect is not None and row.ci95 is not None

    @pytest.mark.parametrize(
        ("direction", "way", "word"),
        [("lower", "the other way", "higher at 4"), ("higher", "the way of the claim", "higher at 4")],
    )
    def test_few_seeds_may_point_the_other_way(self, direction, way, word):
        left = [one("cfc", seed, level) for seed, level in enumerate([2.0, 2.1, 0.9, 2.2, 2.0])]
        row = verdict(claim(direction=direction), left, [one("lstm", seed, 1.0) for seed in range(5)])
        assert f"they point {way}: 1." in row.reason and f"{word} of 5 seeds" in row.reason

    def test_six_are_enough(self):
        assert verdict(claim(), many("cfc", 0.8, seeds=6), many("lstm", 1.0, seeds=6)).verdict == "supported"

    def test_differences_where_ratios_make_no_sense(self):
        left = with_metric(many("cfc", 1.0), "mse", [-0.5 + seed / 100 for seed in range(10)])
        row = verdict(claim(scale="difference", matters=0.1), left, many("lstm", 1.0))
        assert row.verdict == "supported" and row.effect_kind == "difference"
        assert row.effect == pytest.approx(1.455, abs=0.01)
        assert verdict(claim(), left, many("lstm", 1.0)).verdict == "not testable here"


def values_of(run):
    return run.left, run.right


class TestLostRuns:
    def test_a_lost_run_counts_as_the_largest_difference_against_its_model(self):
        left = [*many("cfc", 0.8, seeds=8), one("cfc", 8), one("cfc", 9, status="failed")]
        row = verdict(claim(), left, many("lstm", 1.0))
        left, right = (
            [math.log(v) for v in values if v is not None] for values in zip(*map(values_of, row.runs), strict=True)
        )
        lost = max(left + right) + (max(left + right) - min(left + right))
        assert row.n_seeds == 10 and row.verdict == "not shown"
        assert row.effect == pytest.approx(sum(right) / 10 - (sum(left) + 2 * lost) / 10)
        assert [run.seed for run in row.runs if run.left is None] == [8, 9]
        assert "2 of 10 runs of cfc diverged or failed and count against it" in row.reason

    def test_and_for_it_where_the_other_lost(self):
        right = [*many("lstm", 1.0, seeds=8), one("lstm", 8), one("lstm", 9)]
        assert verdict(claim(), many("cfc", 0.8), right).verdict == "supported"

    def test_an_error_that_is_not_finite_is_lost_too(self):
        left = with_metric(many("cfc", 0.8), "mse", [0.8] * 9 + [math.inf])
        assert verdict(claim(), left, many("lstm", 1.0)).runs[9].left is None

    def test_of_a_model_that_never_finishes_the_opposite_is_found(self):
        row = verdict(claim(), [one("cfc", seed) for seed in range(10)], many("lstm", 1.0))
        assert row.verdict == "opposite" and row.iqm == {"lstm": pytest.approx(1.0, abs=0.01)}

    def test_two_that_never_finish_show_nothing(self):
        lost = [[one(model, seed) for seed in range(10)] for model in ("cfc", "lstm")]
        row = verdict(claim(), *lost)
        assert row.effect == 0 and row.verdict != "supported"

    def test_runs_stopped_by_hand_are_no_result(self):
        left = [*many("cfc", 0.8, seeds=8), one("cfc", 8, status="stopped")]
        row = verdict(claim(), left, many("lstm", 1.0))
        assert row.n_seeds == 8 and row.verdict == "supported"


class TestFactors:
    @pytest.mark.parametrize(("level", "expected"), [(0.05, "supported"), (0.3, "not shown"), (2.0, "opposite")])
    def test_are_judged_against_the_factor_that_the_claim_names(self, level, expected):
        row = verdict(claim(at_least=10), many("cfc", level), many("lstm", 1.0))
        assert row.verdict == expected
        if level == 0.3:
            assert "significantly less than the claim's factor 10" in row.reason


class TestComparability:
    @pytest.mark.parametrize(("level", "expected"), [(1.01, "supported"), (1.4, "opposite"), (0.6, "opposite")])
    def test_needs_equivalence_and_is_refuted_by_a_difference_that_matters(self, level, expected):
        row = verdict(claim(direction="comparable"), many("cfc", level), many("lstm", 1.0))
        assert row.verdict == expected

    def test_absence_of_evidence_is_no_evidence(self):
        left = [one("cfc", seed, level) for seed, level in enumerate([0.5, 1.9, 0.6, 1.4, 0.8, 1.7, 0.7, 1.2])]
        row = verdict(claim(direction="comparable"), left, many("lstm", 1.0))
        assert row.verdict == "not shown"
        assert "neither equivalence nor a difference beyond the margin is shown" in row.reason


class TestNotWorse:
    @pytest.mark.parametrize(("level", "expected"), [(0.5, "supported"), (1.0, "supported"), (1.2, "opposite")])
    def test_a_little_worse_would_do_and_much_worse_refutes(self, level, expected):
        row = verdict(claim(direction="not higher"), many("cfc", level), many("lstm", 1.0))
        assert row.verdict == row.found == expected
        words = "not higher" if expected == "supported" else "higher"
        assert f"shown over 10 seeds to be {words} by a factor of 1.1 or more" in row.reason

    def test_the_mirror_image_of_measures_of_which_more_is_better(self):
        of = claim(direction="not lower", scale="difference", matters=0.02)
        assert verdict(of, many("cfc", 0.9), many("lstm", 0.5)).verdict == "supported"
        assert verdict(of, many("cfc", 0.5), many("lstm", 0.9)).verdict == "opposite"

    def test_what_seeds_cannot_tell_stays_open(self):
        left = [one("cfc", seed, level) for seed, level in enumerate([0.5, 1.9, 0.6, 1.4, 0.8, 1.7, 0.7, 1.2])]
        row = verdict(claim(direction="not higher"), left, many("lstm", 1.0))
        assert row.verdict == "not shown"
        assert "not shown on which side of 1.1 the difference lies; two equal models would need" in row.reason

    def test_few_seeds_say_where_they_point(self):
        row = verdict(claim(direction="not higher"), many("cfc", 1.05, seeds=3), many("lstm", 1.0, seeds=3))
        assert row.verdict == "not shown" and "the estimate is within the margin" in row.reason


class TestHolm:
    def test_many_claims_need_more(self):
        claims = [claim(id=f"claim-{n}") for n in range(30)]
        table = judge(claims, records(many("cfc", 0.8), many("lstm", 1.0)))
        assert {row.p_holm for row in table.rows} == {30 * table.rows[0].p}
        left, right = (0.7, 1.0, 0.8, 0.9, 0.75, 0.85), (1.0, 1.2, 1.05, 1.1, 0.95, 1.15)
        weak = [[one(m, n, v) for n, v in enumerate(values)] for m, values in (("cfc", left), ("lstm", right))]
        assert verdict(claim(), *weak).verdict == "supported"
        assert {row.verdict for row in judge(claims, records(*weak)).rows} == {"not shown"}

    def test_claims_of_another_family_take_no_power(self):
        claims = [claim(id="own"), *(claim(id=f"claim-{n}", family="variants") for n in range(30))]
        table = judge(claims, records(many("cfc", 0.8), many("lstm", 1.0)))
        own, *rest = table.rows
        assert own.p_holm == own.p and {row.p_holm for row in rest} == {30 * own.p}
        assert "over all claims tested here (1; variants 30)" in table.notes[0]

    def test_ten_seeds_are_enough_for_thirty_claims(self):
        """Sign flips of ten pairs could not go under 2 / 1024, which is .06 after the correction."""
        claims = [claim(id=f"claim-{n}") for n in range(30)]
        table = judge(claims, records(many("cfc", 0.8), many("lstm", 1.0)))
        assert {row.verdict for row in table.rows} == {"supported"}

    def test_facts_and_claims_without_runs_are_no_part_of_the_family(self):
        facts = [claim(id=f"fact-{n}", measure="active_parameters") for n in range(30)]
        nowhere = [claim(id=f"nowhere-{n}", left="gru") for n in range(30)]
        table = judge([*facts, *nowhere, claim()], records(many("cfc", 0.8, active=50), many("lstm", 1.0)))
        assert table.rows[-1].p_holm == table.rows[-1].p and table.rows[0].p_holm is None


class TestBaselines:
    CLAIM = claim(baseline="persistence", claim="Both learn.")

    @pytest.mark.parametrize(("cfc", "expected"), [(0.8, "supported"), (7.0, "opposite")])
    def test_both_models_have_to_be_better(self, cfc, expected):
        row = verdict(self.CLAIM, many("cfc", cfc), many("lstm", 1.0), baselines=[baseline("persistence", 6.5)])
        assert row.verdict == expected
        assert row.iqm["persistence"] == 6.5 and row.runs[0].right == pytest.approx(1.0, abs=0.02)

    def test_of_other_data_do_not_count(self):
        other = baseline("persistence", 6.5, data_hash="e" * 16)
        row = verdict(self.CLAIM, many("cfc", 0.8), many("lstm", 1.0), baselines=[other])
        assert row.verdict == "not testable here" and "no record of the predictor persistence" in row.reason.lower()


class TestSubjects:
    def test_the_spread_over_groups_of_the_test_data_enters(self):
        """All seeds agree, but bootstrap samples of the groups reach far beyond no difference."""
        wide = [[0.8 * math.exp(0.3 * math.sin(7 * n)) for n in range(40)] for _ in range(10)]
        flat = [[1.0] * 40 for _ in range(10)]
        left, right = with_replicates(many("cfc", 0.8), "mse", wide), with_replicates(many("lstm", 1.0), "mse", flat)
        row = verdict(claim(), left, right)
        assert row.verdict == "not shown" and row.ci95[0] < 0 < row.ci95[1] and row.seeds_needed is None
        assert row.ci95_bca[0] > 0  # over seeds alone it would be clear

    def test_a_clear_difference_stays_clear(self):
        left = with_replicates(many("cfc", 0.8), "mse", [[0.8 + n / 1000 for n in range(40)]] * 10)
        right = with_replicates(many("lstm", 1.0), "mse", [[1.0 + n / 1000 for n in range(40)]] * 10)
        row = verdict(claim(), left, right)
        assert row.verdict == "supported" and "10 seeds and the groups of the test data" in row.reason


class TestHarderSets:
    CLAIM = claim(measure="perturbed_mse", groups=["gravity", "mass"])

    def test_are_averaged_geometrically(self):
        left = with_points(many("cfc", 0.5), ("gravity", None, 2.0), ("mass", None, 8.0), ("noise", 0.1, 99.0))
        right = with_points(many("lstm", 1.0), ("gravity", None, 2.0), ("mass", None, 2.0))
        row = verdict(self.CLAIM, left, right)
        assert row.runs[0].left == pytest.approx(4 * 0.5, rel=0.02) and row.runs[0].right == pytest.approx(2, rel=0.02)

    def test_growth_and_levels(self):
        of = claim(measure="perturbed_growth", groups=["noise"], levels=[0.1], direction="comparable", matters=1.05)
        left = with_points(many("cfc", 0.5), ("noise", 0.1, 1.2), ("noise", 1.0, 50.0))
        right = with_points(many("lstm", 1.0), ("noise", 0.1, 1.2), ("noise", 1.0, 9.0))
        row = verdict(of, left, right)
        assert row.verdict == "supported" and row.runs[0].left == pytest.approx(1.2)

    def test_that_records_lack_are_named(self):
        left, right = (with_points(many(model, 1.0), ("gravity", None, 2.0)) for model in ("cfc", "lstm"))
        row = verdict(self.CLAIM, left, right)
        assert row.verdict == "not testable here" and "perturbed_mse on the test sets gravity, mass" in row.reason


def peaks(model, peak, saved):
    """A measurement in five repeats with the same peak of memory."""
    return timed(model, (1.0,) * 5, peak_memory_samples=[peak] * 5, peak_memory_bytes=peak, saved_bytes=saved)


def test_memory_is_judged_by_both_of_its_measures():
    of = claim(measure="peak_memory", check="saved_memory", matters=1.05)
    runs = many("cfc", 1.0), many("lstm", 1.0)
    agreed = verdict(of, *runs, measurements=[peaks("cfc", 100, 50), peaks("lstm", 200, 90)])
    assert agreed.verdict == "supported" and agreed.runs[0].left == 100 and agreed.unit == "B"
    split = verdict(of, *runs, measurements=[peaks("cfc", 100, 50), peaks("lstm", 200, 40)])
    assert (split.verdict, split.words) == ("depends", "depends on the measure")
    assert "peak_memory: supported, saved_memory: opposite" in split.reason
    several = [cost("cfc", 100, 50), cost("cfc", 300, 50, steps=10), cost("lstm", 200, 90)]
    unclear = verdict(of, *runs, measurements=several)
    assert unclear.verdict == "not testable here", "which of two measurements is that of these runs cannot be told"
    named = [
        [one.model_copy(update={"measurement_id": f"m-{one.model}-{peak}"}) for one in group]
        for group, peak in zip(runs, (300, 200), strict=True)
    ]
    told = verdict(of, *named, measurements=several)
    assert told.verdict == "not shown" and told.runs[0].left == 300, "one process shows nothing"
    shaped = [cost("cfc", 100, 50), cost("cfc", 300, 50, batch=32), cost("lstm", 200, 90)]
    assert verdict(of, *runs, measurements=shaped).runs[0].left == 100
    assert verdict(of, *runs).verdict == "not testable here"
