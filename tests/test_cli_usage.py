"""What the command line refuses: names, values and folders, before any work, with the nearest match and a hint."""

import os
from pathlib import Path

import pytest
from cli_runs import SMALL, refused, run_here

from lnncmp.cli.options import parse_seeds
from lnncmp.errors import UsageError


@pytest.fixture
def study(capsys, monkeypatch, tmp_path):
    """Run `lnncmp walker2d` with these arguments; nothing may be written."""

    def call(*args):
        out = tmp_path / "out"
        answer = run_here(capsys, monkeypatch, "walker2d", "--out", out, *args)
        assert not out.exists()
        return answer

    return call


UNKNOWN = [
    (["--models", "lstm,gruu"], "unknown model 'gruu'", "Did you mean 'gru'?"),
    (["--set", "train.epoch=5"], "unknown recipe key 'train.epoch'", "Did you mean 'epochs'?"),
    (["--set", "traim.epochs=5"], "unknown recipe key 'traim'", "Did you mean 'train'?"),
    (["--set", "data.windw=5"], "unknown recipe key 'data.windw'", "Did you mean 'window'?"),
    (["--set", "models.lstm.arguments.hiden=5"], "unknown recipe key 'models.lstm.arguments.hiden'", "'hidden'"),
    (["--preset", "qick"], "unknown preset 'qick'", "Did you mean 'quick'?"),
    (["--preset", "../walker2d"], "unknown preset '../walker2d'", "Available: paper, quick, standard"),
    (["--source", "orignal"], "unknown source 'orignal'", "Did you mean 'original'?"),
    (["--format", "jsno"], "unknown format 'jsno'", "Did you mean 'json'?"),
    (["--format", "md", "--dry-run"], "unknown format 'md'", "Available: json, table"),
    (["--match", "parms"], "unknown way to match 'parms'", "Did you mean 'params'?"),
]


@pytest.mark.parametrize(("args", "sentence", "hint"), UNKNOWN, ids=lambda value: str(value))
def test_an_unknown_name_is_refused_with_the_nearest_match(study, args, sentence, hint):
    refused(study(*args), 2, f"Error: {sentence}", hint)


BAD_VALUES = [
    (["--set", "train.epochs=0"], "recipe key 'train.epochs' is 0: input should be greater than or equal to 1"),
    (["--set", "hidden=-1"], "recipe key 'hidden' is -1"),
    (["--set", "train.epochs=five"], "recipe key 'train.epochs' is 'five'"),
    (["--set", "train.learning_rate=nan"], "recipe key 'train.learning_rate' is nan"),
    (["--set", "data.noise_levels=[inf]"], "recipe key 'data.noise_levels.0' is inf"),
    (["--set", "data.keep=1.5"], "recipe key 'data.keep' is 1.5"),
    (["--set", "models.lstm=5"], "recipe key 'models.lstm' is 5"),
    (["--set", "models=5", "--models", "lstm"], "recipe key 'models' is 5"),
    (["--set", "models=5", "--set", "train.epochs=1"], "recipe key 'models' is 5"),
    (["--set", "seeds=[1, 1]"], "recipe key 'seeds' is [1, 1]: should name each seed once"),
    (["--set", "case=other"], "--set cannot change 'case'"),
    (["--set", "preset=paper"], "--set cannot change 'preset'"),
    (["--set", "train.epochs"], "--set takes key=value, got 'train.epochs'"),
    (["--set", "=5"], "--set takes key=value, got '=5'"),
    (["--set", "hidden.units=5"], "--set hidden.units: 'hidden' is a value, not a table"),
    (["--set", "threads=0"], "recipe key 'threads' is 0"),
    (["--models", ""], "--models names no model"),
    (["--models", " , "], "--models names no model"),
    (["--device", "foo"], "recipe key 'device' is 'foo': should be cpu, cuda or cuda:N"),
    (["--set", "reference=gru", "--set", "models.x.model=y"], "unknown model 'y'"),
    (["--data", "."], "simulated Walker2d data are made, not read"),
]


@pytest.mark.parametrize(("args", "sentence"), BAD_VALUES, ids=lambda value: str(value))
def test_a_bad_value_is_refused_before_any_work(study, args, sentence):
    refused(study(*args), 2, f"Error: {sentence}")


@pytest.mark.parametrize("seeds", ["0", "-1", "x", "", "3-1", "1-2-3", "0,0", "1,x", "2-", "0.5", "1e3"])
def test_bad_seeds_are_refused(study, seeds):
    refused(study("--seeds", seeds), 2, "Error: --seeds takes a number (10), a range (0-4) or a list", f"'{seeds}'")


@pytest.mark.parametrize("seeds", ["1000000000000", "0-99999999999"])
def test_a_senseless_number_of_seeds_is_refused_at_once(study, seeds):
    refused(study("--seeds", seeds), 2, "asks for more than 1000 seeds")


def test_seeds_are_a_number_a_range_or_a_list():
    assert [parse_seeds(text) for text in ("3", "2-4", "0,3,7")] == [(0, 1, 2), (2, 3, 4), (0, 3, 7)]
    with pytest.raises(UsageError):
        parse_seeds("7,7")


@pytest.mark.parametrize("args", [["--jobs", "0"], ["--threads", "0"], ["--jobs", "many"], ["--no-such-option"]])
def test_the_parser_refuses_numbers_out_of_range_and_unknown_options(study, args):
    refused(study(*args), 2, "Error:", args[0])


def test_an_unknown_command_names_the_nearest(capsys, monkeypatch):
    refused(run_here(capsys, monkeypatch, "walker3d"), 2, "No such command 'walker3d'", "walker2d")


def test_all_studies_at_once_refuse_an_unknown_format(capsys, monkeypatch):
    refused(run_here(capsys, monkeypatch, "reproduce-all", "--format", "jsno"), 2, "unknown format 'jsno'", "'json'")


def test_a_model_that_cannot_be_built_is_named(study, simulated_cache):
    impossible = ["--models", "lstm,ncp", "--set", "models.ncp.arguments.readout='motor'", "--set", "hidden=8"]
    answer = study(*SMALL[1:], *impossible, "--dry-run")
    refused(answer, 2, "Error: model 'ncp' cannot be built: ", "17 outputs", "hidden is 8", "set hidden to 17 or more")


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_cuda_is_refused_where_there_is_none(study, device):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    refused(study("--device", device), 2, f"Error: --device {device} needs CUDA", "Use --device cpu.")


@pytest.mark.parametrize("command", ["describe", "fetch", "verify"])
def test_data_commands_refuse_unknown_cases_and_sources(capsys, monkeypatch, command):
    refused(run_here(capsys, monkeypatch, "data", command, "walker2"), 2, "unknown case 'walker2'", "'walker2d'")
    answer = run_here(capsys, monkeypatch, "data", command, "walker2d", "--source", "simulatd")
    refused(answer, 2, "unknown source 'simulatd'", "Did you mean 'simulated'?")


@pytest.mark.parametrize("command", [["models"], ["recipes"], ["doctor"], ["data", "list"], ["models", "lstm"]])
def test_listings_refuse_an_unknown_format(capsys, monkeypatch, command):
    refused(run_here(capsys, monkeypatch, *command, "--format", "tabel"), 2, "unknown format 'tabel'", "'table'")


def test_an_unknown_model_is_not_explained(capsys, monkeypatch):
    refused(run_here(capsys, monkeypatch, "models", "lstn"), 2, "unknown model 'lstn'", "Did you mean 'lstm'?")


ORIGINAL = ["--source", "original"]


def test_a_wrong_data_folder_is_refused(study, tmp_path):
    wrong = tmp_path / "wrong"
    refused(
        study(*ORIGINAL, "--data", wrong), 3, f"Error: the folder {wrong} does not exist", "lnncmp data fetch walker2d"
    )
    wrong.mkdir()
    refused(study(*ORIGINAL, "--data", wrong), 3, "is empty", "--data DIR")
    (wrong / "trace_0000.npy").write_bytes(b"no rollout")
    (wrong / "notes.txt").write_text("something else")
    refused(study(*ORIGINAL, "--data", wrong), 3, f"Error: {wrong}")
    refused(study(*ORIGINAL, "--data", wrong / "notes.txt"), 3, "is a file, expected the folder")


@pytest.mark.parametrize("command", [["walker2d"], ["data", "fetch", "walker2d"], ["data", "verify", "walker2d"]])
def test_offline_without_data_names_the_command_that_gets_them(capsys, monkeypatch, tmp_path, command):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))
    offline = [] if "verify" in command else ["--offline"]
    answer = run_here(capsys, monkeypatch, *command, *ORIGINAL, *offline)
    refused(answer, 3, "offline mode forbids downloading", "`lnncmp data fetch walker2d --source original`")


def test_the_output_folder_cannot_be_a_file(capsys, monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_text("precious")
    for out in (file, file / "below"):
        refused(run_here(capsys, monkeypatch, *SMALL, "--out", out), 3, f"--out {out} cannot be a folder", "is a file")
    assert file.read_text() == "precious"


def test_the_output_folder_must_be_writable(capsys, monkeypatch, tmp_path):
    # Permissions do not bind the superuser, so what the system would say is said here.
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path and allowed(path, mode))
    answer = run_here(capsys, monkeypatch, *SMALL, "--out", tmp_path / "new" / "out")
    refused(answer, 3, f"cannot be written: no permission for {tmp_path}", "Choose another folder")


def test_a_cache_below_a_file_is_refused(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "file" / "cache"))
    answer = run_here(capsys, monkeypatch, *SMALL, "--out", tmp_path / "out")
    refused(answer, 3, f"cannot write {tmp_path / 'file' / 'cache'}", "LNNCMP_CACHE")
    assert not (tmp_path / "out").exists()
