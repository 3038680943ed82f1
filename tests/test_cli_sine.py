"""`lnncmp sine` as its users call it: clean, with noise, refused; and `reproduce-all` over every variant."""

import csv
import json

import pytest
from cli_runs import records, refused, run, run_here

from lnncmp.cases.base import load_case
from lnncmp.models.base import load_model
from lnncmp.recipe.load import load_recipe
from lnncmp.runs.plan import DataShape, make_plan
from lnncmp.training.build import build_model
from lnncmp.training.matching import matched_arguments

_SMALL = (
    "cost_repeats=1",
    "hidden=8",
    "data.waves=40",
    "data.validation_waves=10",
    "data.test_waves=12",
    "data.shifted_waves=4",
    "data.noise_levels=[0.0, 0.2]",
    "train.epochs=2",
)
SMALL = ["sine", "--preset", "quick", *(part for change in _SMALL for part in ("--set", change))]
COMPARED = {
    *("mse_clean", "mse_peak", "mse_zero_crossing", "mse_elsewhere", "noise_gain", "roughness", "lag", "lag_size"),
    *("peak_timing", "crossing_timing", "amplitude_error", "damping_error", "noise_passed_on", "bias", "wave_lost"),
    *("horizon_nmse", "horizon_area", "horizon_skill"),
}
MEASURES = COMPARED | {"skill_1", "skill_10", "skill_25"}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """An output folder with a small study, clean and noisy, and what the two commands said."""
    out = tmp_path_factory.mktemp("sine") / "out"
    answers = {
        name: run(*SMALL, "--models", "gru,liquid_ncp", "--seeds", "2", *flags, "--out", out, "--format", "json")
        for name, flags in (("clean", []), ("noisy", ["--noise"]))
    }
    assert [answer.code for answer in answers.values()] == [0, 0], answers
    return out, {name: json.loads(answer.out) for name, answer in answers.items()}


def plan_of(*changes, variant=None):
    recipe = load_recipe("sine", "quick", list(changes), None, ["gru"], variant)
    shape = DataShape("hash", 40, 10, 12, 50, 1, 1)
    return make_plan(recipe, shape, matched_arguments(recipe, 1, 1))


def dry(capsys, monkeypatch, out, *flags):
    answer = run_here(capsys, monkeypatch, *SMALL, "--models", "gru", "--out", out, "--dry-run", *flags)
    assert answer.code == 0, answer
    return answer.out


class TestVariants:
    def test_no_noise_is_the_clean_study_run_for_run(self):
        clean, quiet = plan_of(), plan_of("data.noise_std=0.0", variant="noise")
        assert [spec.run_id for spec in clean.runs] == [spec.run_id for spec in quiet.runs]
        assert plan_of(variant="noise").runs[0].run_id != clean.runs[0].run_id

    def test_the_level_can_be_set_and_implies_noise(self, capsys, monkeypatch, tmp_path):
        said = {
            flags: dry(capsys, monkeypatch, tmp_path, *flags, "--format", "json")
            for flags in (
                *((), ("--noise",), ("--noise-std", "0.1"), ("--noise", "--noise-std", "0")),
                *(("--noise", "--noise-std", "0.3"), ("--noise-std", "0.3")),
            )
        }
        hashes = {flags: json.loads(text)["data_hash"] for flags, text in said.items()}
        assert hashes[()] == hashes["--noise", "--noise-std", "0"]
        assert hashes["--noise",] == hashes["--noise-std", "0.1"]
        assert hashes["--noise", "--noise-std", "0.3"] == hashes["--noise-std", "0.3"]
        assert len(set(hashes.values())) == 3

    def test_other_cases_do_not_know_these_flags(self, capsys, monkeypatch):
        refused(run_here(capsys, monkeypatch, "walker2d", "--noise"), 2, "No such option", "--noise")

    def test_a_variant_that_a_recipe_lacks_is_refused(self):
        from lnncmp.errors import UsageError

        with pytest.raises(UsageError, match="unknown variant of this recipe 'noice'"):
            load_recipe("sine", "quick", variant="noice")


class TestOneStudy:
    def test_titles_and_hashes_tell_clean_from_noisy(self, both):
        _, told = both
        assert [told[name]["conditions"] for name in ("clean", "noisy")] == ["clean", "noise 0.1"]
        assert told["clean"]["title"].startswith("Damped sine (generated, clean), preset quick")
        assert told["clean"]["data_hash"] != told["noisy"]["data_hash"]

    def test_every_measure_of_every_model_and_yardstick_is_there(self, both):
        for document in both[1].values():
            assert {measure["name"] for measure in document["measures"]} == MEASURES
            assert [row["model"] for row in document["rows"]] == ["gru", "liquid_ncp"]
            for row in document["rows"]:
                assert {name for name in MEASURES if row["metrics"][name]["mean"] is not None} == MEASURES
                assert row["metrics"]["mse_clean"]["mean"] == pytest.approx(
                    row["metrics"]["test_mse"]["mean"], rel=1e-4
                )
            yardsticks = {row["name"]: row["metrics"] for row in document["baselines"]}
            assert set(yardsticks) == {"persistence", "mean", "ar4_ridge", "ar2_online", "kalman_bank"}
            assert all(set(metrics) == MEASURES | {"test_mse", "test_nmse"} for metrics in yardsticks.values())
        assert yardsticks["kalman_bank"]["noise_gain"] < yardsticks["persistence"]["noise_gain"]

    def test_every_measure_is_compared_with_the_reference(self, both):
        for document in both[1].values():
            compared = [pair["metric"] for pair in document["comparisons"] if pair["model"] == "liquid_ncp"]
            assert set(compared) == COMPARED | {"test_mse"} and len(compared) == len(set(compared))
            assert {pair["reference"] for pair in document["comparisons"]} == {"gru"}

    def test_records_keep_the_waves_to_be_drawn(self, both):
        found = records(both[0])
        assert len(found) == 4  # by model and seed: clean and noisy share these keys
        for record in found.values():
            assert [example.name for example in record.scores.examples] == ["slow wave", "medium wave", "fast wave"]

    @pytest.mark.parametrize("format", ["table", "md", "latex", "csv"])
    def test_a_second_call_runs_nothing_and_prints_the_rest(self, both, capsys, monkeypatch, format):
        again = [*SMALL, "--models", "gru,liquid_ncp", "--seeds", "2", "--noise", "--out", both[0], "--format", format]
        again += ["--details"]
        answer = run_here(capsys, monkeypatch, *again)
        assert answer.code == 0 and "Nothing had to be run: all 4 runs" in answer.err
        if format == "csv":
            rows = list(csv.DictReader(answer.out.splitlines()))
            assert {"mse_peak", "noise_gain_change", "roughness_p_holm"} <= set(rows[0])
        else:
            assert "noise 0.1" in answer.out and "near" in answer.out


BAD = [
    (["--noise-std", "-0.1"], "recipe key 'data.noise_std' is -0.1: input should be greater than or equal to 0"),
    (["--noise-std", "nan"], "recipe key 'data.noise_std' is nan: input should be a finite number"),
    (["--noise-std", "much"], "Invalid value for '--noise-std'"),
    (["--set", "data.frequency=[0.5, 20]"], "should stay below the Nyquist frequency, 15.71 rad/s"),
    (["--set", "data.amplitude=[2, 1]"], "this range is empty"),
    (["--set", "evaluate.horizon=60"], "evaluate.horizon is 60 steps, longer than the wave"),
    (["--set", "data.samples=20", "--set", "data.context=20"], "should be less than the 20 samples"),
    (["--data", "."], "damped sine waves are made, not read"),
    (["--source", "simulated"], "unknown source 'simulated'"),
]


@pytest.mark.parametrize(("args", "sentence"), BAD, ids=str)
def test_bad_input_is_refused_in_one_sentence(capsys, monkeypatch, tmp_path, args, sentence):
    out = tmp_path / "out"
    refused(run_here(capsys, monkeypatch, *SMALL, "--out", out, *args), 2, sentence)
    assert not out.exists()


class TestData:
    def test_there_is_nothing_to_fetch(self, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "data", "fetch", "sine")
        assert (answer.code, answer.out) == (
            0,
            "sine (generated): generated in memory when needed; there is nothing to fetch\n",
        )

    def test_verify_and_describe_work_as_for_any_case(self, capsys, monkeypatch):
        assert "sine (generated): 100 recordings" in run_here(capsys, monkeypatch, "data", "verify", "sine").out
        assert "Damped sine waves" in run_here(capsys, monkeypatch, "data", "describe", "sine").out


def test_matching_by_parameters_makes_active_counts_equal():
    recipe = load_recipe("sine", "quick", overrides={"match": "params"}, only=["gru", "liquid_ncp", "cfc"])
    sizes = matched_arguments(recipe, 1, 1)
    from lnncmp.training.parameter_counts import count_parameters

    counts = {}
    for label, arguments in sizes.items():
        model = build_model(load_model(label), arguments, 1, 1, dt_as_input=True, model_seed=0, wiring_seed=0)
        counts[label] = count_parameters(model, 1).active
    assert load_case("sine").title and all(0.9 < count / counts["gru"] < 1.1 for count in counts.values()), counts
    assert sizes["liquid_ncp"].hidden > sizes["gru"].hidden == 32
