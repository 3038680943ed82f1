"""Irregular sampling: claims about it are judged on models trained on it, with and without elapsed times."""

import json
from fnmatch import fnmatchcase

import numpy as np
import pytest
from cli_runs import records, run, run_here
from synthetic_records import recipe as stored_recipe
from synthetic_records import run as stored_run

from lnncmp.cases.base import case_names, load_case
from lnncmp.claims.claim import load_claims
from lnncmp.common.files import share_dir
from lnncmp.comparison.ablations import ablations_of
from lnncmp.recipe.load import load_recipe

SINE = [
    *("sine", "--irregular", "--preset", "quick", "--seeds", "2"),
    *(
        part
        for change in (
            *("hidden=8", "data.waves=40", "data.validation_waves=10", "data.test_waves=12", "data.shifted_waves=4"),
            *("data.noise_levels=[0.0, 0.2]", "train.epochs=2"),
        )
        for part in ("--set", change)
    ),
]
IRREGULAR = [claim for claim in load_claims() if claim.id.endswith("irregular-sampling")]


def irregular(case, preset="standard", **options):
    return load_recipe(case, preset, variant="irregular", **options)


class TestRecipes:
    @pytest.mark.parametrize("preset", ["quick", "standard"])
    @pytest.mark.parametrize("case", case_names())
    def test_every_variant_of_every_case_is_in_the_recipe(self, case, preset):
        for variant in load_case(case).variants:
            assert load_recipe(case, preset, variant=variant).data != load_recipe(case, preset).data

    def test_train_on_irregular_times(self):
        assert irregular("sine").data_settings().irregularity == 0.5
        assert irregular("walker2d").data_settings().keep == 0.5
        assert irregular("sine").data_settings().conditions == "clean, irregular 0.5"
        assert irregular("walker2d").data_settings().conditions == "keep 0.5"
        assert load_recipe("walker2d", "standard").data_settings().conditions == ""

    @pytest.mark.parametrize("claim", IRREGULAR, ids=lambda claim: claim.id)
    def test_have_what_the_claims_about_them_need(self, claim):
        recipe = irregular(claim.case)
        assert fnmatchcase(recipe.data_settings().conditions, claim.conditions)
        assert not fnmatchcase(load_recipe(claim.case, "standard").data_settings().conditions, claim.conditions)
        assert {claim.left, claim.right} <= set(recipe.models)
        assert set(claim.beside) == {"told_unit_time", "trained_without_time"} and recipe.without_time

    def test_there_are_such_claims(self):
        assert {claim.case for claim in IRREGULAR} == {"sine", "walker2d"}

    def test_run_few_models_unless_others_are_asked_for(self):
        assert list(irregular("sine").models) == ["liquid_ncp", "gru"]
        assert list(irregular("walker2d").models) == ["ltc", "cfc", "lstm"]
        assert list(irregular("sine", only=["cfc", "ltc"]).models) == ["cfc", "ltc"]
        assert irregular("sine").seeds == load_recipe("sine", "standard").seeds
        assert len(load_recipe("sine", "standard").models) > 3

    def test_ask_for_the_same_without_elapsed_times(self):
        (ablation,) = irregular("sine").ablations()
        assert ablation.data_settings().timespans == "ones" and ablation.ablations() == []
        assert ablation.model_copy(update={"data": irregular("sine").data, "without_time": True}) == irregular("sine")
        assert load_recipe("sine", "standard").ablations() == []
        assert irregular("sine", changes=["data.timespans=ones"]).ablations() == []
        assert len(load_recipe("sine", "standard", ["without_time=true"]).ablations()) == 1

    def test_half_of_the_frames_are_irregular_and_no_variant_of_the_physics_is_made(self):
        from test_case_walker2d import prepare

        splits = prepare(keep=0.5, variant_windows=0).splits
        assert np.mean(splits.train.dt == 1) == pytest.approx(0.5, abs=0.05) and splits.train.dt.max() > 3
        assert "variant_windows = 0" in (share_dir("recipes") / "walker2d.toml").read_text(encoding="utf-8")


def timeless(model, seed, mse=1.0, **changes):
    return stored_run(model, seed, mse, recipe=stored_recipe(model, data={"timespans": "ones"}, **changes))


class TestAblations:
    ROWS = ("lstm", "cfc")

    def rows(self):
        return {model: [stored_run(model, seed, 1.0) for seed in range(3)] for model in self.ROWS}

    def test_are_the_runs_of_the_same_study_and_seeds_without_time(self):
        rows = self.rows()
        others = [timeless("lstm", 9), timeless("gru", 0), timeless("lstm", 0, train={"epochs": 99})]
        wanted = [timeless("cfc", 0), timeless("cfc", 2), timeless("lstm", 1)]
        everything = [run for runs in rows.values() for run in runs] + others + wanted
        assert ablations_of(rows, everything) == {"timespans=ones": wanted}

    def test_have_the_names_of_the_rows(self):
        rows = {"cfc (hidden=64)": self.rows()["cfc"]}
        ((found,),) = ablations_of(rows, [timeless("cfc", 0)]).values()
        assert found.model == "cfc (hidden=64)"

    def test_of_a_study_without_time_there_is_none(self):
        assert ablations_of({"cfc": [timeless("cfc", 0)]}, [timeless("cfc", 0)]) == {}
        assert ablations_of(self.rows(), self.rows()["cfc"]) == {}

    def test_two_data_sets_are_not_mixed(self):
        other = [timeless("cfc", seed).model_copy(update={"data_hash": "e" * 16}) for seed in range(2)]
        (found,) = ablations_of(self.rows(), [timeless("cfc", 0), *other]).values()
        assert {run.data_hash for run in found} == {"e" * 16}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("irregular") / "out"
    answer = run(*SINE, "--out", out, "--format", "json")
    assert answer.code == 0, answer
    return out, json.loads(answer.out)


class TestOneCommand:
    def test_runs_both_and_says_what_the_elapsed_times_are_worth(self, done):
        out, table = done
        assert table["conditions"] == "clean, irregular 0.5"
        assert [row["model"] for row in table["rows"]] == ["liquid_ncp", "gru"]
        assert len(list((out / "records").glob("*.json"))) == 8  # two models, two seeds, with and without time
        for words in (
            "With every elapsed time set to 1 at test time",
            "Trained and tested with every elapsed time set to 1",
        ):
            (note,) = [note for note in table["notes"] if note.startswith(words)]
            assert "liquid_ncp" in note and "gru" in note

    def test_so_does_a_comparison_of_stored_records(self, done, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "compare", done[0], "--format", "json")
        told = {(one["conditions"], one["title"]): one["notes"] for one in json.loads(answer.out)["comparisons"]}
        assert len(told) == 2
        found = [note for notes in told.values() for note in notes if note.startswith("Trained and tested with every")]
        assert len(found) == 1

    def test_the_claim_names_all_three(self, done, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "claims", "--out", done[0], "--format", "json")
        rows = {row["id"]: row for row in json.loads(answer.out)["rows"]}
        row = rows["sine-liquid-irregular-sampling"]
        assert row["n_seeds"] == 2 and row["conditions"] == "clean, irregular 0.5"
        assert "when told at test that every elapsed time is 1 of liquid_ncp is" in row["reason"]
        assert "trained without elapsed times, the MSE to clean wave of liquid_ncp is" in row["reason"]

    def test_a_second_call_runs_nothing(self, done, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, *SINE, "--out", done[0])
        assert answer.code == 0 and answer.err.count("Nothing had to be run: all 4 runs") == 2
        assert len(records(done[0])) == 4  # by model and seed: both studies share these keys

    def test_a_dry_run_counts_both(self, done, capsys, monkeypatch, tmp_path):
        answer = run_here(capsys, monkeypatch, *SINE, "--out", tmp_path, "--dry-run")
        said = " ".join(answer.out.split())  # however wide the terminal is
        assert said.count("Runs: 4, of which 4 are still to do") == 2 and "elapsed times withheld" in said, answer
