"""`lnncmp multiverse` as its users call it: run, resumed, cut short, refused; what it keeps and draws."""

import json
import os
import signal
from types import SimpleNamespace

import pytest
from cli_runs import MARK, environment, finish, marked, records, refused, run, run_here, start, wait_for
from multiverse_toys import DIVERGING, HEAD, MODELS, NOISE, READING, UNITS, written

from lnncmp.claims.readings import read_multiverses

LONG = HEAD.replace("train.epochs=2", "train.epochs=40")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A toy multiverse that ran: eight combinations, six universes."""
    folder = tmp_path_factory.mktemp("multiverse")
    file = written(folder, HEAD, MODELS, UNITS, NOISE, READING)
    answer = run("multiverse", "sine", "--choices", file, "--out", folder / "out", "--jobs", "2", "--format", "json")
    assert answer.code == 0, answer
    return SimpleNamespace(file=file, out=folder / "out", answer=answer, found=json.loads(answer.out))


def claims(found):
    return {claim["id"]: claim for claim in found["claims"]}


class TestRun:
    def test_every_universe_is_there_the_default_first(self, done):
        universes = done.found["universes"]
        assert len(universes) == 6 and done.found["possible"] == 8
        assert universes[0]["alternatives"] == {"units": "8", "noise": "0.1", "reading": "liquid"}
        assert [one["runs"] for one in universes] == [8] * 6

    def test_runs_that_universes_share_are_made_once(self, done):
        stored = records(done.out / "multiverse" / "sine")
        files = list((done.out / "multiverse" / "sine" / "records").glob("*.json"))
        assert len(files) == done.found["runs"] < 6 * 8
        assert not list(done.out.rglob("*.safetensors")), "universes keep no weights"
        assert done.found["runs"] + done.found["shared"] == 6 * 8
        assert {model for model, _ in stored} == {"liquid_ncp", "gru", "cfc"}

    def test_readings_with_the_same_runs_count_once(self, done):
        clean, noisy = (claims(done.found)[name] for name in ("sine-tighter-fit", "sine-noise-rejection"))
        assert "noise" not in clean["concerned"] and "noise" in noisy["concerned"]
        assert len(noisy["readings"]) == 6
        assert len(clean["readings"]) < 6
        assert sum(len(one["universes"]) for one in clean["readings"]) == 6

    def test_a_side_is_taken_by_the_model_of_the_reading(self, done):
        for one in claims(done.found)["sine-tighter-fit"]["readings"]:
            assert one["models"] == ["cfc" if one["alternatives"]["reading"] == "CfC" else "liquid_ncp", "gru"]

    def test_under_six_seeds_nothing_random_is_shown(self, done):
        claim = claims(done.found)["sine-tighter-fit"]
        assert claim["supports"] == claim["opposite"] == 0
        assert claim["median"] is not None and claim["joint"]["permutations"] == 4

    def test_summary_and_curves_are_kept(self, done):
        (kept,), notes = read_multiverses(done.out)
        assert notes == [] and kept.case == "sine"
        assert json.loads(kept.model_dump_json()) == done.found
        figures = sorted(path.name for path in (done.out / "multiverse" / "sine" / "figures").iterdir())
        assert "sine-tighter-fit.png" in figures and "sine-tighter-fit.svg" in figures

    def test_the_same_command_runs_nothing_again_and_says_the_same(self, done, capsys, monkeypatch):
        before = {path: path.stat().st_mtime_ns for path in (done.out / "multiverse" / "sine" / "records").iterdir()}
        again = run_here(
            capsys, monkeypatch, *("multiverse", "sine", "--choices", done.file, "--out", done.out, "--format", "json")
        )
        assert json.loads(again.out) == done.found
        assert before == {path: path.stat().st_mtime_ns for path in before}

    @pytest.mark.parametrize("format", ["table", "md", "csv", "latex"])
    def test_formats(self, done, capsys, monkeypatch, format):
        shown = run_here(
            capsys, monkeypatch, *("multiverse", "sine", "--choices", done.file, "--out", done.out, "--format", format)
        )
        assert shown.code == 0
        for word in ("sine-tighter-fit", "sine-noise-rejection"):
            assert word in shown.out
        if format == "table":
            assert "holds" in shown.out and "choice that" in shown.out
        if format == "csv":
            assert len(shown.out.splitlines()) == 1 + sum(len(one["readings"]) for one in done.found["claims"])

    def test_dry_run_lists_universes_and_minutes_and_writes_nothing(self, done, capsys, monkeypatch, tmp_path):
        answer = run_here(
            capsys,
            monkeypatch,
            *("multiverse", "sine", "--choices", done.file, "--out", tmp_path / "new", "--dry-run", "--format", "json"),
        )
        plan = json.loads(answer.out)
        assert [line["differs"] for line in plan["universes"][:2]] == ["default", "units=6"]
        assert all(line["minutes"] >= 0 for line in plan["universes"]) and plan["universes"][0]["minutes"] > 0
        assert plan["missing"] == done.found["runs"]
        assert not (tmp_path / "new").exists()


class TestBadInput:
    def test_a_universe_that_diverges_is_counted_and_shown(self, tmp_path):
        file = written(tmp_path, HEAD, DIVERGING)
        answer = run("multiverse", "sine", "--choices", file, "--out", tmp_path / "out", "--format", "json")
        assert answer.code == 4, answer
        found = json.loads(answer.out)
        assert [one["diverged"] for one in found["universes"]] == [0, 8]
        for claim in found["claims"]:
            assert len(claim["readings"]) == 2
        lost = claims(found)["sine-tighter-fit"]["readings"][1]
        assert lost["outcome"] == "no result" and lost["lost"] == [2, 2]
        assert any("8 runs diverged and 0 failed, in 1 universes" in note for note in found["notes"])

    def test_a_universe_that_cannot_be_built_is_counted_with_the_reason(self, tmp_path):
        file = written(tmp_path, HEAD, UNITS.replace("hidden=6", "evaluate.horizon=49"))
        answer = run("multiverse", "sine", "--choices", file, "--out", tmp_path / "out", "--format", "json")
        assert answer.code == 4, answer
        found = json.loads(answer.out)
        assert "evaluate.horizon is 49 steps" in found["universes"][1]["trouble"]
        assert claims(found)["sine-tighter-fit"]["no_result"] == 1

    def test_a_budget_too_small_for_one_universe_is_refused(self, capsys, monkeypatch, tmp_path):
        file = written(tmp_path, LONG, UNITS)
        answer = run_here(
            capsys,
            monkeypatch,
            *("multiverse", "sine", "--choices", file, "--out", tmp_path / "out", "--budget", "1e-6"),
        )
        refused(answer, 2, "a budget of 1e-06 min is too small for one universe: the default takes up to")

    def test_a_budget_takes_the_first_universes(self, tmp_path):
        file = written(tmp_path, HEAD, UNITS, NOISE)
        answer = run(
            *("multiverse", "sine", "--choices", file, "--out", tmp_path / "out", "--budget", "30", "--format", "json")
        )
        assert answer.code == 0, answer
        assert [one["number"] for one in json.loads(answer.out)["universes"]] == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("snie",), ("unknown case 'snie'", "Did you mean 'sine'?")),
            (("sine", "--budget", "0"), ("--budget takes minutes above 0",)),
            (("sine", "--data", "here"), ("--data takes SOURCE=DIR here, got 'here'",)),
            (("sine", "--data", "generate=here"), ("unknown source 'generate'", "Did you mean 'generated'?")),
            (("sine", "--set", "data.wavs=3"), ("unknown recipe key 'data.wavs'",)),
        ],
    )
    def test_options(self, capsys, monkeypatch, tmp_path, args, said):
        refused(run_here(capsys, monkeypatch, "multiverse", *args, "--out", tmp_path), 2, *said)

    def test_an_alternative_without_data_is_left_out_and_named(self, capsys, monkeypatch, tmp_path):
        answer = run_here(
            capsys,
            monkeypatch,
            *("multiverse", "mimic3", "--out", tmp_path / "out", "--offline", "--dry-run", "--universes", "1"),
            *("--set", "hidden=4", "--set", "data.train_windows=40", "--format", "json"),
        )
        assert answer.code == 0, answer
        assert any("source=demo" in note for note in json.loads(answer.out)["notes"])


@pytest.mark.slow
def test_a_killed_multiverse_goes_on_where_it_was(done, tmp_path):
    file, out = written(tmp_path, LONG, UNITS), tmp_path / "out"
    args = ("multiverse", "sine", "--choices", file, "--out", out, "--jobs", "1", "--format", "json")
    folder = out / "multiverse" / "sine"
    process = start(*args, env=environment(**{MARK: str(out)}))
    wait_for(lambda: list((folder / "records").glob("*.json")) or process.poll() is not None)
    assert process.poll() is None, finish(process)
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    wait_for(lambda: not marked(str(out)), timeout=20)
    before = {path: path.stat().st_mtime_ns for path in (folder / "records").glob("*.json")}
    assert before and not (out / "multiverse" / "sine.json").exists()
    resumed = run(*args)
    assert resumed.code == 0, resumed
    assert before.items() <= {path: path.stat().st_mtime_ns for path in before}.items()
    whole = run(*args[:-4], "--out", tmp_path / "other", "--jobs", "2", "--format", "json")
    assert json.loads(whole.out) == json.loads(resumed.out)
