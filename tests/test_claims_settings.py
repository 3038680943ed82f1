"""Which records a claim is judged on: matchings, data that differ, conditions, machines, half a study."""

import math

import pytest
from claim_records import claim, cost, many, one, records, timed

from lnncmp.claims.judge import judge
from lnncmp.records.tuning import Tuning


def verdict(of, *groups, measurements=()):
    (row,) = judge([of], records(*groups, measurements=measurements)).rows
    return row


class TestMatchings:
    def test_the_studys_own_comes_first_and_the_other_is_told_where_it_differs(self):
        row = verdict(
            claim(),
            many("cfc", 1.3, match="params"),
            many("lstm", 1.0, match="params"),
            many("cfc", 0.8),
            many("lstm", 1.0),
        )
        assert (row.matched, row.verdict, row.found) == ("hidden", "depends", "supported")
        assert row.words == "depends on the matching"
        (other,) = row.also
        assert (other.matched, other.verdict, other.also) == ("params", "opposite", [])
        assert row.reason.startswith("Supported with sizes matched by hidden units, data simulated dddddddd")
        assert row.reason.endswith("With sizes matched by parameters the verdict is: opposite.")

    def test_an_equal_answer_is_not_repeated(self):
        both = [
            many(model, level, match=m) for m in ("hidden", "params") for model, level in (("cfc", 0.8), ("lstm", 1))
        ]
        row = verdict(claim(), *both)
        assert len(row.also) == 1 and "verdict is" not in row.reason

    def test_counts_say_nothing_where_they_were_matched(self):
        of = claim(measure="active_parameters")
        matched = [many(model, 1.0, match="params") for model in ("cfc", "lstm")]
        assert verdict(of, *matched).verdict == "not testable here"
        row = verdict(of, *matched, many("cfc", 1.0, active=50), many("lstm", 1.0))
        assert row.verdict == "supported" and row.effect == pytest.approx(0.693, abs=0.001)
        assert [one.verdict for one in row.also] == ["not testable here"]

    def test_the_first_one_with_something_to_say_stands_in_the_table(self):
        own = many("cfc", 0.8, match="params"), many("lstm", 1.0, match="params")
        row = verdict(claim(), many("cfc", 0.8, seeds=1), [one("lstm", 7, 1.0)], *own)
        assert (row.matched, row.verdict) == ("params", "supported")


class TestData:
    def test_records_whose_data_differ_are_never_pooled(self):
        elsewhere = {"data_hash": "e" * 16}
        row = verdict(claim(), many("cfc", 0.8), many("lstm", 1.0, **elsewhere))
        assert row.verdict == "not testable here"
        assert "never ran on equal data under one protocol, and different data are not pooled" in row.reason

    def test_each_data_set_is_judged_apart(self):
        elsewhere = {"data_hash": "e" * 16}
        left = [*many("cfc", 0.8, seeds=6), *many("cfc", 1.3, **elsewhere)]
        right = [*many("lstm", 1.0, seeds=6), *many("lstm", 1.0, **elsewhere)]
        row = verdict(claim(), left, right)
        assert (row.data, row.n_seeds, row.found) == ("simulated eeeeeeee", 10, "opposite")
        assert row.words == "depends on the data"
        assert [(one.data, one.n_seeds, one.verdict) for one in row.also] == [("simulated dddddddd", 6, "supported")]
        assert "With data simulated dddddddd the verdict is: supported." in row.reason

    def test_two_protocols_are_two_comparisons(self):
        row = verdict(claim(), many("cfc", 0.8), many("lstm", 1.0, protocol_id="another"))
        assert row.verdict == "not testable here"

    def test_conditions_choose_the_records(self):
        of = claim(conditions="noise*")
        row = verdict(of, many("cfc", 0.8), many("lstm", 1.0))
        assert row.verdict == "not testable here" and "under the conditions 'noise*'" in row.reason
        noisy = {"conditions": "noise 0.1"}
        row = verdict(of, many("cfc", 0.8, **noisy), many("lstm", 1.0, **noisy))
        assert (row.verdict, row.conditions) == ("supported", "noise 0.1")


class TestHalfAStudy:
    def test_only_seeds_of_both_count(self):
        row = verdict(claim(), many("cfc", 0.8), many("lstm", 1.0, seeds=4))
        assert row.n_seeds == 4 and row.verdict == "not shown"

    def test_a_model_that_never_ran_is_named(self):
        reason = verdict(claim(), many("cfc", 0.8)).reason
        assert reason == "No runs of lstm on walker2d in this folder: lnncmp walker2d --models lstm makes them."

    def test_a_case_that_never_ran_is_named_with_its_command(self):
        row = verdict(claim(case="sine", conditions="clean"), many("cfc", 0.8), many("lstm", 1.0))
        assert row.reason == "No runs of sine in this folder: lnncmp sine makes them."

    def test_arguments_choose_among_rows_of_one_model(self):
        of = claim(right="ltc", right_arguments={"solver": "dopri5"})
        plain = many("ltc", 1.0, arguments={"hidden": 64, "solver": "semi_implicit"})
        row = verdict(of, many("cfc", 0.8), plain)
        assert row.reason.startswith("No runs of ltc with solver = dopri5 on walker2d in this folder: ")
        assert "lnncmp walker2d --models ltc --set models.ltc.arguments.solver=dopri5 makes them" in row.reason
        adaptive = [
            made.model_copy(update={"run_id": f"dopri5-{made.run_id}"})
            for made in many("ltc", 2.0, arguments={"hidden": 64, "solver": "dopri5"})
        ]
        assert verdict(of, many("cfc", 0.8), plain, adaptive).iqm["ltc"] == pytest.approx(2.0, abs=0.01)

    def test_a_model_may_stand_against_itself_with_other_arguments(self):
        of = claim(left="ltc", right="ltc", left_arguments={"unfolds": 6}, right_arguments={"unfolds": 1})
        other = [
            made.model_copy(update={"run_id": f"other-{made.run_id}"})
            for made in many("ltc", 1.5, arguments={"unfolds": 1})
        ]
        row = verdict(of, many("ltc", 1.0, arguments={"unfolds": 6}), other)
        assert row.verdict == "supported"
        assert row.iqm == {"ltc, left": pytest.approx(1.0, abs=0.01), "ltc, right": pytest.approx(1.5, abs=0.01)}

    def test_a_number_that_records_lack_is_named(self):
        row = verdict(claim(measure="nmse"), *[[_without(run) for run in many(m, 1.0)] for m in ("cfc", "lstm")])
        assert row.verdict == "not testable here" and "hold no nmse" in row.reason


def _without(run):
    metrics = {"test": {"mse": 1.0}}
    return run.model_copy(update={"scores": run.scores.model_copy(update={"metrics": metrics})})


class TestTimes:
    CLAIM = claim(measure="epoch_seconds", direction="higher")
    RUNS = many("cfc", 1.0, seconds=3.0, stacked=5), many("lstm", 1.0, seconds=1.0, stacked=5)
    LSTM = timed("lstm", (1.0, 1.1, 0.9, 1.0, 1.05))

    def test_come_from_repeats_of_a_measurement_and_not_from_shares_of_a_stack(self):
        alone = timed("cfc", (1.5, 1.6, 1.4, 1.5, 1.5))
        row = verdict(self.CLAIM, *self.RUNS, measurements=[alone, self.LSTM])
        assert row.verdict == "supported" and row.unit == "s" and row.p is None
        assert row.runs[0].left == 10 * 1.5 and (row.n_seeds, row.in_favour) == (5, 5)
        assert math.exp(row.effect) == pytest.approx(1.49, abs=0.01) and row.ci95[0] > row.smallest_difference
        assert "over 5 repeats; measured in 5 fresh processes, in each of them in turn, one copy" in row.reason

    def test_of_training_alone_say_nothing(self):
        row = verdict(self.CLAIM, *self.RUNS)
        assert row.verdict == "not testable here" and "No measurement of both cfc and lstm" in row.reason

    @pytest.mark.parametrize(("factor", "expected"), [(0.05, "supported"), (0.3, "not shown"), (2.0, "opposite")])
    def test_are_held_to_the_factor_of_the_claim(self, factor, expected):
        of = claim(measure="epoch_seconds", at_least=10)
        left = timed("cfc", [factor * one for one in self.LSTM.step_cpu_seconds])
        assert verdict(of, *self.RUNS, measurements=[left, self.LSTM]).verdict == expected

    def test_whose_interval_is_on_both_sides_leave_it_open(self):
        unsteady = timed("cfc", (3.0, 1.0, 2.9, 1.0, 3.0))
        row = verdict(self.CLAIM, *self.RUNS, measurements=[unsteady, self.LSTM])
        assert row.verdict == "not shown"
        assert "ends of the interval are on both sides of the smallest effect of interest" in row.reason

    def test_are_paired_by_repeat(self):
        busy = (1.0, 9.0, 1.0, 4.0, 2.0)
        pair = [timed("cfc", [1.5 * one for one in busy]), timed("lstm", busy)]
        assert verdict(self.CLAIM, *self.RUNS, measurements=pair).verdict == "supported"
        elsewhere = pair[1].model_copy(update={"session": "another"})
        row = verdict(self.CLAIM, *self.RUNS, measurements=[pair[0], elsewhere])
        assert row.verdict == "not shown" and "1 repeat of both are too few" in row.reason

    def test_of_another_case_are_not_those_of_a_claim(self):
        of_case = [timed("cfc", (1.5,) * 5, case="mimic3"), timed("lstm", (1.0,) * 5, case="mimic3")]
        assert verdict(self.CLAIM, *self.RUNS, measurements=of_case).verdict == "not testable here"

    def test_throughput_is_their_inverse(self):
        of = claim(measure="throughput", direction="lower")
        row = verdict(of, *self.RUNS, measurements=[timed("cfc", (3.0,) * 5), timed("lstm", (1.0,) * 5)])
        assert row.verdict == "supported" and row.runs[0].left == pytest.approx(1 / 30)

    def test_of_a_model_that_was_not_trained_count_too(self):
        of = claim(measure="epoch_seconds", left="cfc", right="lstm", right_arguments={"hidden": 7}, at_least=10)
        other = timed("lstm_7", (20.0,) * 5, name="lstm", arguments={"hidden": 7}, batch=64)
        known = [timed("cfc", (1.0,) * 5), self.LSTM, other]
        row = verdict(of, *self.RUNS, measurements=known)
        assert row.verdict == "supported" and row.run_ids == [], row.reason
        error = of.model_copy(update={"measure": "mse", "at_least": 1.0})
        assert verdict(error, *self.RUNS, measurements=known).verdict == "not testable here"


class TestMemory:
    CLAIM = claim(measure="peak_memory", matters=1.05)
    RUNS = many("cfc", 1.0), many("lstm", 1.0)

    def peaks(self, model, *samples, **changes):
        return timed(model, (1.0,) * 5, peak_memory_samples=list(samples), **changes)

    def test_of_one_process_decides_nothing(self):
        row = verdict(self.CLAIM, *self.RUNS, measurements=[cost("cfc", 100, 1), cost("lstm", 110, 1)])
        assert row.verdict == "not shown" and "too few" in row.reason

    def test_that_overlaps_is_not_shown(self):
        alike = [self.peaks("cfc", 100, 108, 93, 110, 95), self.peaks("lstm", 108, 101, 112, 96, 118)]
        assert verdict(self.CLAIM, *self.RUNS, measurements=alike).verdict == "not shown"
        apart = [alike[0], self.peaks("lstm", 158, 151, 162, 146, 168)]
        assert verdict(self.CLAIM, *self.RUNS, measurements=apart).verdict == "supported"

    def test_spread_over_training_is_compared_in_bytes(self):
        of = claim(measure="memory_spread", scale="difference", matters=1e6)
        left = timed("cfc", (1.0,) * 5, memory_spread_samples=[0, 0, 4096, 0, 0])
        wild = timed("lstm", (1.0,) * 5, memory_spread_samples=[3_000_000, 2_500_000, 3_100_000, 2_900_000, 2_800_000])
        calm = timed("lstm", (1.0,) * 5, memory_spread_samples=[40_960, 36_864, 45_056, 40_960, 40_960])
        assert verdict(of, *self.RUNS, measurements=[left, wild]).verdict == "supported"
        assert verdict(of, *self.RUNS, measurements=[left, calm]).verdict == "true but negligible"


def test_differences_of_protocol_are_listed():
    def at_rate(runs, rate):
        train = runs[0].recipe.train.model_copy(update={"learning_rate": rate})
        return [run.model_copy(update={"recipe": run.recipe.model_copy(update={"train": train})}) for run in runs]

    left = at_rate(many("cfc", 0.8), 0.01)
    right = at_rate(many("lstm", 1.0, implementation="fused"), 0.03)
    row = verdict(claim(differences=["the study used a GPU"]), left, right)
    assert row.differences_of_protocol == [
        "the study used a GPU",
        "train.learning_rate is 0.01 for cfc and 0.03 for lstm",
        "implemented as plain PyTorch for cfc, fused for lstm",
        "conditional on one data set (data seed 4): other training data may say otherwise",
    ]
    assert len(row.run_ids) == 20 and row.run_ids[0] == "cfc-hidden-0"


class TestTuning:
    SEARCH = Tuning(trials=16, dimensions=("train.learning_rate", "train.rate_left", "arguments.init"), origin="here")

    def study(self, name, level, tuning):
        """Ten runs of a study; a tuned model has another learning rate."""
        other = {"learning_rate": 0.01} if tuning else {}
        runs = [run.model_copy(update={"tuning": tuning}) for run in many(name, level)]
        return [
            run.model_copy(
                update={
                    "run_id": f"{run.run_id}{'t' if tuning else ''}",
                    "recipe": run.recipe.model_copy(update={"train": run.recipe.train.model_copy(update=other)}),
                }
            )
            for run in runs
        ]

    def test_an_unequal_budget_is_a_difference_of_protocol(self):
        row = verdict(claim(), self.study("cfc", 0.8, self.SEARCH), self.study("lstm", 1.0, None))
        assert "tuning: cfc 16 trials over 3 settings, lstm untuned" in row.differences_of_protocol
        equal = verdict(claim(), self.study("cfc", 0.8, self.SEARCH), self.study("lstm", 1.0, self.SEARCH))
        assert not [one for one in equal.differences_of_protocol if "tuning" in one]

    @pytest.mark.parametrize("tuned_first", [True, False])
    def test_of_a_tuned_and_an_untuned_study_both_models_come_from_the_tuned_one(self, tuned_first):
        tuned = [self.study("cfc", 1.3, self.SEARCH), self.study("lstm", 1.0, self.SEARCH)]
        untuned = [self.study("cfc", 0.8, None), self.study("lstm", 1.0, None)]
        row = verdict(claim(), *(tuned + untuned if tuned_first else untuned + tuned))
        assert not [one for one in row.differences_of_protocol if "tuning" in one]
        assert row.effect < 0  # the tuned CfC is the worse one
