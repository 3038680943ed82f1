"""What the command line prints and where: formats, standard output apart from standard error, terminal and pipe."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import COMMAND, TWO, environment, refused, run, run_here

from lnncmp import __version__
from lnncmp.cli import terminal
from lnncmp.models.base import model_names

LIGHT = [
    ["--help"],
    ["--version"],
    ["models"],
    ["models", "lstm"],
    ["recipes"],
    ["data", "list"],
    ["data", "describe", "walker2d"],
    ["walker2d", "--help"],
]


@pytest.fixture
def again(capsys, monkeypatch, finished):
    """Ask for the finished study once more, in this process."""
    return lambda *args: run_here(capsys, monkeypatch, *TWO, "--out", finished, *args)


@pytest.mark.parametrize("args", LIGHT, ids=" ".join)
def test_looking_things_up_never_loads_torch(args, tmp_path):
    answer = run(*args, env=environment(PYTHONPROFILEIMPORTTIME="1"), cwd=tmp_path)
    assert answer.code == 0, answer
    loaded = {line.rpartition("|")[2].strip() for line in answer.err.splitlines()}
    assert "typer" in loaded
    assert loaded.isdisjoint({"torch", "mujoco", "gymnasium", "scipy.stats", "ncps"})


def test_version_and_models(capsys, monkeypatch):
    assert run_here(capsys, monkeypatch, "--version").out == f"lnncmp {__version__}\n"
    listed = json.loads(run_here(capsys, monkeypatch, "models", "--format", "json").out)
    assert [row["model"] for row in listed] == model_names()
    for name in model_names():
        answer = run_here(capsys, monkeypatch, "models", name)
        assert answer.code == 0
        for part in (f"{name}: ", "Equation: ", "Source: ", "Deviations: ", "hidden"):
            assert part in answer.out


def test_recipes_and_data_are_listed(capsys, monkeypatch):
    presets = json.loads(run_here(capsys, monkeypatch, "recipes", "--format", "json").out)
    assert "lnncmp walker2d --preset quick" in [row["command"] for row in presets]
    sources = json.loads(run_here(capsys, monkeypatch, "data", "list", "--format", "json").out)
    assert {"simulated", "original"} <= {row["source"] for row in sources if row["case"] == "walker2d"}
    card = run_here(capsys, monkeypatch, "data", "describe", "walker2d", "--source", "original")
    assert card.code == 0
    assert "2006.04418" in card.out


def test_the_data_can_be_verified(capsys, monkeypatch, simulated_cache):
    answer = run_here(capsys, monkeypatch, "data", "verify", "walker2d")
    assert (answer.code, "walker2d (simulated): 400 recordings" in answer.out) == (0, True)
    assert answer.out.endswith("verified\n")


@pytest.mark.data
def test_own_copies_can_be_fetched_and_verified(capsys, monkeypatch, walker2d_original):
    own = ["walker2d", "--source", "original", "--data", walker2d_original]
    assert run_here(capsys, monkeypatch, "data", "fetch", *own, "--offline").code == 0
    answer = run_here(capsys, monkeypatch, "data", "verify", *own)
    assert answer.out == "walker2d (original): 400 recordings, 254,963 steps, verified\n"


def test_a_dead_network_is_one_sentence(tmp_path):
    dead = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    env = environment(LNNCMP_CACHE=str(tmp_path), NO_PROXY="", no_proxy="", **dead)
    answer = run("data", "fetch", "walker2d", "--source", "original", "-q", env=env)
    refused(answer, 3, "Error: cannot download", "lnncmp data fetch walker2d --source original")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_doctor_says_what_there_is(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("lnncmp.cli.doctor.model_names", lambda: ["gru"])  # all: test_kernel_check.py
    answer = run_here(capsys, monkeypatch, "doctor", "--format", "json")
    assert answer.code == 0
    checks = {row["check"]: row for row in json.loads(answer.out)}
    assert {"torch", "numpy", "cores", "CUDA", "cache"} <= checks.keys()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "file" / "cache"))
    broken = run_here(capsys, monkeypatch, "doctor", "--format", "json")
    assert broken.code == 1
    assert "Broken" in {row["check"]: row for row in json.loads(broken.out)}["cache"]["advice"]


def test_shell_completion_is_shown():
    # Typer guesses the shell from the parent process, which differs between make, CI and a terminal.
    answer = run("--show-completion", "bash", env=environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"))
    assert answer.code == 0
    assert "_LNNCMP_COMPLETE" in answer.out or "COMPREPLY" in answer.out


def test_progress_goes_to_standard_error_and_results_to_standard_output(finished):
    out, err = ((finished.parent / name).read_text() for name in ("stdout", "stderr"))
    assert "lstm seed 0: ok in" in err
    assert "4/4 " in err and "lstm (measuring): ok in" in err
    assert "seed 0" not in out
    assert all(name in out for name in ("MSE", "lstm", "gru", "persistence", "What it says"))
    assert out.endswith("\n") and not out.endswith("\n\n")


def test_a_complete_study_runs_nothing_again(again, finished):
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in finished.rglob("*.json")}
    answer = again("--jobs", "2")
    assert (answer.code, answer.out) == (0, (finished.parent / "stdout").read_text())
    assert "Nothing had to be run: all 4 runs are in" in answer.err
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in finished.rglob("*.json")}


def test_json_is_one_document_with_everything(again):
    answer = again("--format", "json")
    document = json.loads(answer.out)
    top = ["schema_version", "case", "source", "data_hash", "preset", "rows", "baselines", "comparisons"]
    assert set(top) <= document.keys()
    row = document["rows"][0]
    assert (document["case"], document["source"], row["model"]) == ("walker2d", "simulated", "lstm")
    assert (row["n_ok"], row["n_diverged"], row["implementation"]) == (2, 0, "fused")
    assert row["params"].keys() == {"trainable", "active", "total"}
    error = row["metrics"]["test_mse"]
    assert len(error["values"]) == 2 and error["ci95"][0] < error["mean"] < error["ci95"][1]
    assert row["horizons"].keys() == {"1", "10"}  # a horizon of 10 was asked for
    assert min(row["epoch_seconds"], row["peak_memory_bytes"], row["saved_bytes"]) > 0
    assert {"persistence", "mean", "ar4_ridge"} == {line["name"] for line in document["baselines"]}
    assert all(line["metrics"]["test_mse"] > 0 for line in document["baselines"])


def test_markdown_csv_and_latex_are_printed(again):
    assert again("--format", "md").out.count("| lstm") >= 1
    rows = list(csv.reader(io.StringIO(again("--format", "csv").out)))
    assert len({len(row) for row in rows}) == 1 and len(rows) > 2
    assert r"\begin{tabular}" in again("--format", "latex").out


def test_quiet_is_silent_and_verbose_shows_the_recipe(again):
    assert again("-q").err == ""
    assert again("-q", "-v").err == ""
    told = again("-v").err
    assert "Recipe walker2d.quick:" in told
    assert "hidden = 8" in told
    assert "Assumed, because the paper leaves it unspecified:" in told


def test_a_dry_run_writes_nothing(capsys, monkeypatch, simulated_cache, tmp_path):
    out = tmp_path / "out"
    many = ["--set", "train.epochs=5000"]  # so that the estimate is some seconds
    answer = run_here(capsys, monkeypatch, *TWO, *many, "--out", out, "--dry-run", "--format", "json")
    plan = json.loads(answer.out)
    assert plan["windows"].keys() == {"train", "validation", "test"}
    assert (plan["windows"]["train"], plan["runs"], plan["runs_missing"]) == (200, 4, 4)
    assert plan["estimate"]["seconds"] > 0
    assert plan["estimate"]["memory_bytes"] > 0
    table = run_here(capsys, monkeypatch, *TWO, "--out", out, "--dry-run").out
    assert "Runs: 4, of which 4 are still to do" in table
    assert not out.exists()


def test_a_dry_run_leaves_damaged_files_where_they_are(capsys, monkeypatch, simulated_cache, finished, tmp_path):
    record = next((finished / "records").glob("*.json"))
    cut = tmp_path / "records" / record.name
    cut.parent.mkdir()
    cut.write_bytes(record.read_bytes()[:100])
    answer = run_here(capsys, monkeypatch, *TWO, "--out", tmp_path, "--dry-run")
    assert "of which 4 are still to do" in answer.out
    assert "cannot be used" in answer.err
    assert list(tmp_path.rglob("*.json*")) == [cut]


def test_a_full_disk_behind_standard_output_is_one_sentence(finished):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "models"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
        listed = subprocess.run(
            [*COMMAND, *TWO, "--out", str(finished), "-q", "--format", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    for answer in (done, listed):
        assert answer.returncode == 3
        assert answer.stderr.startswith(b"Error: cannot write to standard output: No space left on device")
        assert b"Traceback" not in answer.stderr and b"Exception" not in answer.stderr


def test_a_terminal_without_unicode_gets_the_table(finished):
    answer = run(*TWO, "--out", finished, "-q", env=environment(PYTHONIOENCODING="ascii"))
    assert (answer.code, answer.err) == (0, "")
    assert "lstm" in answer.out


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("columns", "width"), [("132", 132), ("40", 80)])
def test_a_terminal_sets_the_width_and_gets_bold(monkeypatch, columns, width):
    monkeypatch.setattr(sys, "stdout", _Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.page() == (width, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.page() == (width, False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal.page() == (width, False)  # a pipe follows COLUMNS, too
    monkeypatch.delenv("COLUMNS")
    assert terminal.page() == (100, False)


def test_lines_in_a_pipe_are_plain_and_at_most_100_wide(finished):
    lines = (finished.parent / "stdout").read_text().splitlines()
    assert max(map(len, lines)) <= 100
    assert not any(re.search(r"\x1b", line) for line in lines)
