"""Second measures of a claim: one that must not say otherwise, and others that are only named."""

import re

import pytest
from claim_records import WAVE, claim, many, records, with_metric, with_points

from lnncmp.claims.judge import judge
from lnncmp.claims.second_measures import UNDECIDED

ABOUT = {"case": "walker2d", "left": "cfc", "right": "lstm", "direction": "lower", "matters": 1.1}


def values(level, turn=0):
    return [level * (1 + WAVE[(seed + turn) % 10] / 5) for seed in range(10)]


def with_metrics(model, mse, **levels):
    made = many(model, mse)
    for turn, (name, level) in enumerate(levels.items()):
        made = with_metric(made, name, values(level, turn + len(model)))
    return made


def judged(ours, theirs, **changes):
    (row,) = judge([claim(**{**ABOUT, **changes})], records(ours, theirs)).rows
    return row


def number(row, before):
    """The number that follows these words in the reason."""
    found = re.search(re.escape(before) + r" ([-+]?[0-9.]+)", row.reason)
    assert found, (before, row.reason)
    return float(found[1].rstrip("."))


class TestCheck:
    def test_a_verdict_that_the_check_contradicts_falls(self):
        left, right = with_metrics("cfc", 1.0, nmse=0.6), with_metrics("lstm", 1.5, nmse=0.4)
        assert judged(left, right).verdict == "supported"
        row = judged(left, right, check="nmse")
        assert row.verdict == row.found == UNDECIDED
        assert number(row, "Second measure: the one-step test NMSE of cfc is") == pytest.approx(1.5, rel=0.02)
        assert "times that of lstm, significantly the other way" in row.reason

    def test_so_does_the_opposite_verdict(self):
        left, right = with_metrics("cfc", 1.5, nmse=0.4), with_metrics("lstm", 1.0, nmse=0.6)
        alone, checked = judged(left, right), judged(left, right, check="nmse")
        assert alone.verdict not in ("supported", UNDECIDED) and checked.verdict == UNDECIDED

    @pytest.mark.parametrize("nmse", [0.2, 0.4])
    def test_one_that_agrees_or_says_nothing_changes_nothing(self, nmse):
        left, right = with_metrics("cfc", 1.0, nmse=nmse), with_metrics("lstm", 1.5, nmse=0.4)
        row = judged(left, right, check="nmse")
        assert row.verdict == "supported" and "Second measure: the one-step test NMSE of cfc is" in row.reason
        assert row.effect == judged(left, right).effect and row.p_holm == judged(left, right).p_holm

    def test_a_check_never_gives_a_verdict(self):
        left, right = with_metrics("cfc", 1.0, nmse=0.1), with_metrics("lstm", 1.0, nmse=0.6)
        assert judged(left, right, check="nmse").verdict != "supported"

    def test_higher_is_better_for_a_skill(self):
        left = with_metrics("cfc", 1.0, horizon_skill=-0.2)
        right = with_metrics("lstm", 1.5, horizon_skill=0.3)
        words = "skill over horizon of cfc differs from that of lstm by"
        row = judged(left, right, check="horizon_skill")
        assert row.verdict == UNDECIDED and number(row, words) == pytest.approx(-0.5, abs=0.01)
        row = judged(with_metrics("cfc", 1.0, horizon_skill=0.6), right, check="horizon_skill")
        assert row.verdict == "supported"
        assert number(row, "skill over horizon of cfc is") == pytest.approx(2, rel=0.02)

    def test_records_without_it_are_no_objection_but_it_is_said(self):
        left, right = many("cfc", 1.0), many("lstm", 1.5)
        row = judged(left, right, check="horizon_area")
        assert row.verdict == "supported" and "no NMSE over horizon in these records" in row.reason

    def test_under_six_seeds_it_takes_nothing_away(self):
        left = with_metrics("cfc", 1.0, nmse=0.6)[:4]
        row = judged(left, with_metrics("lstm", 1.5, nmse=0.4)[:4], check="nmse")
        assert "the other way" not in row.reason and "Second measure: the one-step test NMSE of cfc" in row.reason

    def test_groups_of_test_sets_by_both_errors(self):
        left, right = (
            with_points(many(model, 1.0), ("mass", None, factor)) for model, factor in (("cfc", 1), ("lstm", 2))
        )
        row = judged(left, right, measure="perturbed_nmse", check="perturbed_mse", groups=["mass"])
        assert row.verdict == "supported"
        assert number(row, "The NMSE on shifted test sets of cfc is") == 0.5
        said = number(row, "Second measure: the MSE on shifted test sets of cfc is")
        assert said == pytest.approx(0.5, rel=0.02)


class TestWhatWinsAMeasureIsNotEnough:
    def judged(self, ours, theirs, measure, check=None):
        return judged(ours, theirs, case="sine", left="liquid_ncp", right="gru", measure=measure, check=check)

    def of(self, model, **levels):
        made = [run.model_copy(update={"case": "sine", "source": "generated"}) for run in many(model, 1.0)]
        for turn, (name, level) in enumerate(levels.items()):
            made = with_metric(made, name, values(level, turn + len(model)))
        return made

    def test_a_constant_is_not_supported_as_the_stronger_smoother(self):
        constant = self.of("liquid_ncp", roughness=1e-6, wave_lost=1.0)
        network = self.of("gru", roughness=1.3, wave_lost=0.01)
        assert self.judged(constant, network, "roughness").verdict == "supported"
        row = self.judged(constant, network, "roughness", "wave_lost")
        assert row.verdict == UNDECIDED and number(row, "wave lost of liquid_ncp is") > 90

    def test_one_that_smooths_more_and_loses_no_more_is(self):
        smooth = self.of("liquid_ncp", roughness=0.9, wave_lost=0.01)
        network = self.of("gru", roughness=1.3, wave_lost=0.01)
        assert self.judged(smooth, network, "roughness", "wave_lost").verdict == "supported"

    def test_a_constant_does_not_reject_noise(self):
        constant = self.of("liquid_ncp", noise_passed_on=1e-9, bias=50.0)
        network = self.of("gru", noise_passed_on=0.4, bias=0.1)
        assert self.judged(constant, network, "noise_passed_on").verdict == "supported"
        assert self.judged(constant, network, "noise_passed_on", "bias").verdict == UNDECIDED


class TestBeside:
    def test_is_named_and_decides_nothing(self):
        left, right = with_metrics("cfc", 1.0, nmse=0.6), with_metrics("lstm", 1.5, nmse=0.4)
        row = judged(left, right, beside=["nmse", "horizon_area"])
        assert row.verdict == "supported"
        named = (
            "Beside it, the one-step test NMSE of cfc is 1.5 times that of lstm; no NMSE over horizon in these records."
        )
        assert row.reason.endswith(named)

    def test_told_that_every_elapsed_time_is_one(self):
        def told(model, mse, factor):
            made = with_points(many(model, mse), ("timespans", None, factor))
            points = [p.model_copy(update={"name": "ones"}) for p in made[0].scores.perturbations]
            return [
                run.model_copy(update={"scores": run.scores.model_copy(update={"perturbations": points})})
                for run in made
            ]

        row = judged(told("cfc", 1.0, 3.0), told("lstm", 1.5, 1.0), beside=["told_unit_time"])
        assert "NMSE when told at test that every elapsed time is 1 of cfc is 3 times that of lstm" in row.reason

    def test_trained_without_elapsed_times(self):
        def withheld(runs):
            made = []
            for run in runs:
                recipe = run.recipe.model_copy(update={"data": {**run.recipe.data, "timespans": "ones"}})
                own = {"run_id": f"{run.run_id}-ones", "recipe": recipe, "protocol_id": "a-ones", "data_hash": "e" * 16}
                made.append(run.model_copy(update=own))
            return made

        left, right = many("cfc", 1.0), many("lstm", 1.5)
        asked = claim(**ABOUT, beside=["trained_without_time"])
        (row,) = judge([asked], records(left, right)).rows
        assert "no runs that were trained without elapsed times" in row.reason
        ablated = withheld(many("cfc", 2.0)), withheld(many("lstm", 1.0))
        # Equally many runs, and a protocol whose name comes first: the ablation must not be taken for the study.
        (row,) = judge([asked], records(left, right, *ablated)).rows
        assert row.verdict == "supported"
        said = number(row, "trained without elapsed times, the one-step test MSE of cfc is")
        assert said == pytest.approx(2, rel=0.02)
