"""Verdicts that need no seeds, data that decide nothing, choices that turn a verdict, runs that had not converged."""

import pytest
from claim_records import claim, cost, many, one, records

from lnncmp.claims.judge import judge
from lnncmp.records.convergence import convergence_of
from lnncmp.records.schema import Parameters
from lnncmp.records.tuning import Tuning


def verdict(of, *groups, **others):
    (row,) = judge([of], records(*groups, **others)).rows
    return row


def under(runs, name, **changes):
    """The same runs under other settings of the protocol: changes of their recipe, with ids of their own."""
    made = []
    for run in runs:
        train = run.recipe.train.model_copy(update=changes.get("train", {}))
        own = {key: value for key, value in changes.items() if key in ("source", "data")}
        made.append(
            run.model_copy(
                update={
                    "run_id": f"{name}-{run.run_id}",
                    "protocol_id": f"{name}-{run.protocol_id}",
                    "recipe": run.recipe.model_copy(update={"train": train, **own}),
                    **{key: value for key, value in changes.items() if key in ("preset", "source", "data_hash")},
                }
            )
        )
    return made


class TestFacts:
    COUNTS = claim(measure="active_parameters")

    @pytest.mark.parametrize(
        ("left", "right", "expected"),
        [
            (100, 1210, "supported"),
            (22067, 22609, "true but negligible"),
            (22609, 22067, "opposite"),
            (300, 100, "opposite"),
            (100, 100, "not shown"),
        ],
    )
    def test_counts_are_judged_at_once_from_one_run(self, left, right, expected):
        row = verdict(self.COUNTS, many("cfc", 1.0, seeds=1, active=left), many("lstm", 1.0, seeds=1, active=right))
        assert (row.verdict, row.n_seeds) == (expected, 1)

    def test_a_factor_that_the_claim_names_is_reached_or_not_by_one_run(self):
        of = claim(measure="active_parameters", at_least=10)
        of_three = [many(model, 1.0, seeds=3, active=n) for model, n in (("cfc", 100), ("lstm", 1210))]
        assert verdict(of, *of_three).verdict == "supported"
        short = [many(model, 1.0, seeds=3, active=n) for model, n in (("cfc", 100), ("lstm", 500))]
        assert verdict(of, *short).verdict == "not shown"
        assert "lower, but short of the claim's factor 10" in verdict(of, *short).reason

    def test_random_wirings_are_judged_by_the_range_over_the_seeds_there_are(self):
        left = [one("cfc", seed, 1.0, active=active) for seed, active in enumerate((50, 60, 95))]
        row = verdict(self.COUNTS, left, many("lstm", 1.0, seeds=3))
        assert row.verdict == "not shown" and row.ci95[0] < row.smallest_difference < row.ci95[1]
        assert "on both sides of the smallest effect of interest" in row.reason
        row = verdict(self.COUNTS, left[:2], many("lstm", 1.0, seeds=3))
        assert (row.verdict, row.n_seeds) == ("supported", 2)

    def test_saved_bytes_need_no_seeds(self):
        of = claim(measure="saved_memory", matters=1.05)
        runs = many("cfc", 1.0, seeds=1), many("lstm", 1.0, seeds=1)
        measured = [cost("cfc", 100, 50), cost("lstm", 200, 90)]
        assert verdict(of, *runs, measurements=measured).verdict == "supported"

    def test_the_check_makes_it_depend_on_what_is_counted(self):
        of = claim(measure="active_parameters", check="trainable_parameters")
        few = Parameters(trainable=300, active=100, total=300)
        left = [run.model_copy(update={"parameters": few}) for run in many("cfc", 1.0, seeds=1)]
        row = verdict(of, left, many("lstm", 1.0, seeds=1, active=200))
        assert row.words == "depends on the measure"


class TestDataThatCount:
    CLAIM = claim(case="mimic3", judged_on=["clinical", "demo"], measure="mse")

    def stays(self, level, source, data_hash):
        runs = [run.model_copy(update={"case": "mimic3"}) for run in many("cfc", level) + many("lstm", 1.0)]
        changed = {"source": source, "data_hash": data_hash * 16}
        return under(runs, source, **changed)

    def test_a_simulation_is_shown_and_decides_nothing(self):
        row = verdict(self.CLAIM, self.stays(0.8, "synthetic", "e"))
        assert (row.verdict, row.words) == ("not testable here", "not testable here: other data")
        assert row.found == "supported" and row.n_seeds == 10 and row.effect > 0
        assert row.reason.startswith("The claim is judged on data of clinical or demo; these are synthetic")
        assert "0.8 times that of lstm" in row.reason and "supported there" in row.reason

    def test_real_patients_come_first_and_the_simulation_turns_nothing(self):
        row = verdict(self.CLAIM, self.stays(1.3, "synthetic", "e"), self.stays(0.8, "demo", "f"))
        assert (row.verdict, row.data) == ("supported", "demo ffffffff")
        assert [(other.words, other.found) for other in row.also] == [("not testable here: other data", "opposite")]
        assert "on synthetic" in row.reason.lower()

    def test_a_simulation_is_no_part_of_the_family_of_tests(self):
        second = self.CLAIM.model_copy(update={"id": "another", "judged_on": ()})
        table = judge([self.CLAIM, second], records(self.stays(0.8, "synthetic", "e")))
        assert table.rows[1].p_holm == table.rows[1].p

    def test_counts_of_parameters_are_the_same_on_any_data(self):
        of = claim(case="mimic3", measure="active_parameters")
        assert verdict(of, self.stays(0.8, "synthetic", "e")).verdict == "not shown"  # equal counts


class TestDepends:
    def both(self, level, name="", **changes):
        runs = many("cfc", level) + many("lstm", 1.0)
        return under(runs, name, **changes) if name else runs

    def test_two_budgets_that_do_not_agree(self):
        longer = self.both(1.3, "long", train={"epochs": 80})
        row = verdict(claim(), self.both(0.8), longer)
        assert (row.verdict, row.words, row.found) == ("depends", "depends on the budget", "supported")
        assert row.budget == "quick, 3 epochs" and row.also[0].budget == "quick, 80 epochs"
        assert (
            "Supported with sizes matched by hidden units" in row.reason and "the budget quick, 3 epochs." in row.reason
        )
        assert "With the budget quick, 80 epochs the verdict is: opposite." in row.reason

    def test_two_budgets_that_agree_are_said_to(self):
        row = verdict(claim(), self.both(0.8), self.both(0.7, "long", train={"epochs": 80}))
        assert row.verdict == "supported" and "With the budget quick, 80 epochs it is the same." in row.reason

    def test_a_verdict_that_is_not_shown_elsewhere_turns_nothing(self):
        row = verdict(claim(), self.both(0.8), self.both(1.3, "few", train={"epochs": 80})[:12])
        assert row.verdict == "supported" and "the verdict is: not shown" in row.reason

    def test_presets_differ_in_their_budget_even_where_their_windows_do(self):
        other = self.both(1.3, "s", preset="standard", data={"train_windows": 9}, data_hash="e" * 16)
        assert verdict(claim(), self.both(0.8), other).words == "depends on the budget"

    def test_the_choice_that_is_enough_is_named_alone(self):
        matched = under(many("cfc", 1.3, match="params") + many("lstm", 1.0, match="params"), "p")
        and_longer = under(matched, "pl", train={"epochs": 80})
        row = verdict(claim(), self.both(0.8), matched, and_longer, self.both(0.8, "l", train={"epochs": 80}))
        assert row.depends_on == ["matching"]

    def test_learning_rates_are_tuning_and_sources_are_data(self):
        tuned = self.both(1.3, "t", train={"learning_rate": 0.5})
        assert verdict(claim(), self.both(0.8), tuned).depends_on == ["tuning"]
        elsewhere = self.both(1.3, "o", source="original", data_hash="e" * 16)
        assert verdict(claim(), self.both(0.8), elsewhere).depends_on == ["data"]

    def test_tuned_runs_are_judged_apart_from_untuned_ones_of_the_same_protocol(self):
        tuning = Tuning(trials=16, dimensions=("train.learning_rate",), origin="a search")
        tuned = [
            run.model_copy(update={"tuning": tuning, "protocol_id": run.protocol_id.removeprefix("t-")})
            for run in self.both(1.3, "t", train={"learning_rate": 0.5})
        ]
        row = verdict(claim(), self.both(0.8), tuned)
        assert (row.words, row.found, row.budget) == ("depends on the tuning", "opposite", "quick, 3 epochs, tuned")
        assert [(one.found, one.budget) for one in row.also] == [("supported", "quick, 3 epochs")]
        half = [run for run in tuned if run.model == "cfc"]
        assert verdict(claim(), self.both(0.8), half).verdict == "supported"

    def test_a_patience_makes_the_epochs_a_ceiling(self):
        runs = self.both(0.8, "p", train={"patience": 5})
        assert verdict(claim(), runs).budget == "quick, at most 3 epochs"


class TestConvergence:
    def ended(self, runs, losses):
        return [run.model_copy(update={"convergence": convergence_of(losses, [0.01] * len(losses))}) for run in runs]

    def test_models_that_had_not_converged_are_named(self):
        left, right = many("cfc", 0.8), self.ended(many("lstm", 1.0)[:8], [1.0, 0.9, 0.8, 0.6]) + many("lstm", 1.0)[8:]
        row = verdict(claim(), left, right)
        assert [(one.model, one.runs, one.converged) for one in row.convergence] == [("cfc", 10, 10), ("lstm", 10, 2)]
        assert [one.model for one in row.unconverged] == ["lstm"] and row.unconverged[0].gain == pytest.approx(0.25)
        assert "lstm had not converged in 8 of 10 runs: gain 0.25 over the last quarter" in row.reason

    def test_converged_runs_are_not_marked(self):
        row = verdict(claim(), many("cfc", 0.8), many("lstm", 1.0))
        assert row.unconverged == [] and len(row.convergence) == 2 and "converged" not in row.reason

    def test_counts_do_not_depend_on_it(self):
        left = self.ended(many("cfc", 0.8, active=10), [1.0, 0.5])
        assert verdict(claim(measure="active_parameters"), left, many("lstm", 1.0)).convergence == []


def test_smaller_rivals_are_a_way_to_match():
    of = claim(measure="active_parameters")
    both = [many(model, 1.0, match="smallest") for model in ("cfc", "lstm")]
    assert verdict(of, *both).words == "not testable here: other design"
    row = verdict(of, *[many(m, 1.0, match="smallest", active=n) for m, n in (("cfc", 902), ("lstm", 289))])
    assert "no size matches: 902 active parameters for cfc, 289 for lstm" in row.differences_of_protocol
    assert (
        verdict(claim(), *[many(m, n, match="smallest") for m, n in (("cfc", 0.8), ("lstm", 1))]).matched == "smallest"
    )
