"""Several data sets as a second level: claims pool them, tables tell of them, cases without a data seed refuse."""

import json
import math

import pytest
from claim_records import WAVE, claim, records
from class_records import class_run, class_study
from cli_runs import refused, run_here
from synthetic_records import note, recipe, run, table
from test_cli_sine import SMALL

from lnncmp.claims.judge import judge
from lnncmp.comparison.compare import compare
from lnncmp.comparison.data_sets import with_data_sets
from lnncmp.errors import UsageError
from lnncmp.recipe.data_seeds import over_data_seeds
from lnncmp.recipe.load import load_recipe
from lnncmp.records.schema import Seeds

SINE = claim(case="sine", conditions="clean", left="cfc", right="gru", measure="mse")


def on_data(seed, ratio, seeds=10, **changes):
    """Runs of two models on the data of one seed, cfc with `ratio` times the error of gru."""
    made = []
    for model, level in (("cfc", ratio), ("gru", 1.0)):
        for n in range(seeds):
            own = recipe(model, case="sine", source="generated", data={"seed": seed, "timespans": "elapsed", **changes})
            shared = {"case": "sine", "source": "generated", "conditions": "clean", "recipe": own}
            seeded = Seeds(root=n, model=1, wiring=2, batches=3, data=seed)
            error = level * (1 + WAVE[(n + len(model) + seed) % 10])
            ids = {"run_id": f"{model}-{seed}-{n}", "data_hash": f"{seed:016d}", "protocol_id": f"c{seed}{changes}"}
            made.append(run(model, n, error, **shared, seeds=seeded, **ids))
    return made


def judged(*groups):
    found = judge([SINE], records(*groups))
    return found.rows[0], found.notes


class TestClaims:
    def test_data_sets_that_differ_more_than_seeds_decide(self):
        """Each data set alone is clear over its seeds; together they say that another one might say anything."""
        alone, notes = judged(on_data(1, 0.5))
        assert alone.verdict == "supported" and alone.data_sets == 1
        assert "conditional on one data set (data seed 1)" in alone.differences_of_protocol[-1]
        assert any("Conditional on one data set each (1 claim)" in one for one in notes)
        row, notes = judged(on_data(1, 0.5), on_data(2, 1.6), on_data(3, 0.7))
        assert row.verdict not in ("supported", "contradicted", "opposite") and row.data_sets == 3 and row.also == []
        assert row.effect == pytest.approx(-math.log(0.5 * 1.6 * 0.7) / 3, abs=0.01) and row.ci95[0] < 0 < row.ci95[1]
        assert not any("Conditional on one data set" in one for one in notes)
        assert not any("conditional" in one for one in row.differences_of_protocol)

    def test_data_sets_that_agree_support_it(self):
        row, _ = judged(*(on_data(seed, 0.5) for seed in (1, 2, 3, 4)))
        assert row.verdict == "supported" and "over 4 data sets with 10 seeds each" in row.reason
        assert row.runs[0].left == pytest.approx(0.5, abs=0.05), "the runs shown are those of the first data set"

    def test_two_are_judged_each_by_itself(self):
        row, _ = judged(on_data(1, 0.5), on_data(2, 1.6))
        assert row.data_sets == 1 and len(row.also) == 1

    def test_data_that_differ_otherwise_are_not_pooled(self):
        row, _ = judged(on_data(1, 0.5), on_data(2, 0.5), on_data(3, 0.5, samples=20))
        assert row.data_sets == 1 and len(row.also) == 2


def worse(runs, by):
    """Runs of classes whose error rate is higher by so much."""
    return [class_run(one.model, one.seeds.root, one.scores.metrics["test"]["error_rate"] + by) for one in runs]


class TestTables:
    def test_the_first_tells_of_the_others(self):
        tables = [table(on_data(seed, ratio), reference="gru") for seed, ratio in ((1, 0.5), (2, 0.6), (3, 0.7))]
        made = with_data_sets(tables, [1, 2, 3])
        assert made.rows == tables[0].rows
        assert "on 3, of data seeds 1, 2, 3" in note(made, "Other data sets")
        assert "over data sets and seeds x 0.59" in note(made, "cfc: test MSE x 0.5")

    def test_two_say_nothing_of_further_ones(self):
        tables = [table(on_data(seed, 0.5), reference="gru") for seed in (1, 2)]
        made = with_data_sets(tables, [1, 2])
        assert "over data sets" not in note(made, "cfc: test MSE x 0.5") and note(made, "Under 3 data sets")
        assert with_data_sets(tables[:1], [1]) is tables[0]

    def test_a_metric_of_which_more_is_better_is_told_on_each_and_over_all(self):
        """AUROC is 0.99 - error / 2 in these records: 0.89 of lstm, 0.93 of cfc, and a fold is as good as the next."""
        tables = [compare(**{**class_study(), "runs": worse(class_study()["runs"], by)}) for by in (0.0, 0.02, 0.04)]
        made = with_data_sets(tables, [0, 1, 2], "fold")
        assert "on 3, of data folds 0, 1, 2" in note(made, "Other data sets")
        told = note(made, "Test AUROC on each data set")
        assert "lstm 0.890, 0.880, 0.870, mean 0.880 [" in told and "cfc 0.930, 0.920, 0.910, mean 0.920 [" in told
        assert "majority 0.790, 0.790, 0.790, mean 0.790;" in told
        against = note(made, "cfc: test AUROC")
        assert "+0.04, +0.04, +0.04 against lstm, in this order; over data sets and seeds +0.04 [" in against
        assert "x 0." in note(made, "cfc: test error rate") and not [n for n in made.notes if "test F1" in n]

    def test_every_table_says_which_data_set_it_is_conditional_on(self):
        assert "(data seed 7)" in note(table(on_data(7, 0.5), reference="gru"), "Conditional on one data set")


class TestCommand:
    def test_recipes_differ_in_their_data_seed(self):
        own = load_recipe("sine", "quick", ["data.seed=5"])
        assert [one.data_settings().data_seed for one in over_data_seeds(own, 3)] == [5, 6, 7]
        assert over_data_seeds(own, 1) == [own]

    @pytest.mark.parametrize("case", ["walker2d", "mimic3"])
    def test_a_case_without_a_data_seed_refuses(self, capsys, monkeypatch, tmp_path, case):
        with pytest.raises(UsageError, match=f"the data of {case} are not drawn from a seed"):
            over_data_seeds(load_recipe(case, "quick"), 2)
        answer = run_here(capsys, monkeypatch, case, "--data-seeds", "2", "--out", tmp_path)
        refused(answer, 2, "--data-seeds 2 asks for several data sets")

    def test_runs_the_study_once_for_each(self, capsys, monkeypatch, tmp_path):
        flags = ("--models", "gru,cfc", "--seeds", "2", "--data-seeds", "3", "--out", tmp_path, "--format", "json")
        answer = run_here(capsys, monkeypatch, *SMALL, *flags)
        assert answer.code == 0, answer
        found = json.loads(answer.out)
        found = found.get("comparisons", [found])[0] if "comparisons" in found and "rows" not in found else found
        assert any("of data seeds 20251, 20252, 20253" in one for one in found["notes"])
        kept = [json.loads(path.read_text()) for path in (tmp_path / "records").glob("*.json")]
        assert sorted({record["seeds"]["data"] for record in kept}) == [20251, 20252, 20253] and len(kept) == 12
        assert all(len(record["scores"]["replicates"]["mse_clean"]) == 200 for record in kept)
