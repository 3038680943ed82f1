"""The PhysioNet Challenge 2012 on the command line: plans, verification, refusals; no patient is named anywhere."""

import json
import re

import pytest
from challenge_sets import FIRST, made_up, put, tar_gz
from cli_runs import refused, run_here

_SMALL = ("hidden=4", "train.epochs=1", "data.context=12", "data.stride=8", "data.replicates=20", "evaluate.horizon=6")
SMALL = ["--preset", "quick", "--models", "gru", "--seeds", "1", *(p for c in _SMALL for p in ("--set", c))]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with a made-up set A of 24 stays."""
    folder = tmp_path_factory.mktemp("own")
    return put(folder, {"set-a.tar.gz": tar_gz(made_up(stays=24, hours=40))})


@pytest.fixture
def here(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))
    return lambda *command: run_here(capsys, monkeypatch, *command)


def names_nobody(answer):
    return not re.search(rf"stay-\d|{str(FIRST['a'])[:4]}\d\d\d", answer.out + answer.err)


def test_a_dry_run_says_what_was_lost_and_how_often_variables_were_measured(here, own, tmp_path):
    command = ["mimic3", "--data", own, *SMALL, "--out", tmp_path / "out", "--dry-run"]
    answer = here(*command, "--format", "json")
    plan = json.loads(answer.out)
    assert (plan["source"], plan["subjects"], plan["stay_hours"]) == ("challenge2012", 24, 24 * 40)
    assert plan["attrition"][0]["recordings"] == 24 and plan["described"][0]["rows"][0][2] == "100.0"
    assert "set A in" in answer.err and "could not be checked" in answer.err and names_nobody(answer)
    table = here(*command, "--set", 'data.leave_out=["rr"]')
    assert "How often each variable was measured" in table.out and "left out" in table.out and names_nobody(table)


def test_data_commands(here, own):
    assert "challenge2012" in here("data", "list").out
    verified = here("data", "verify", "mimic3", "--source", "challenge2012", "--data", own)
    assert "mimic3 (challenge2012): 24 recordings, 960 steps, verified" in verified.out and names_nobody(verified)
    assert "complete and verified" in here("data", "fetch", "mimic3", "--source", "challenge2012", "--data", own).out
    card = here("data", "describe", "mimic3", "--source", "challenge2012").out
    assert card.startswith("# PhysioNet Challenge 2012") and "Open Data Commons Attribution License" in card


BAD = [
    (["--offline"], 3, "lnncmp data fetch mimic3 --source challenge2012"),
    (["--data", "nowhere"], 3, "does not exist"),
    (["--set", "data.sets=ad"], 2, "data.sets"),
    (["--set", 'data.leave_out=["temperature"]'], 2, "'temp'"),
]


@pytest.mark.parametrize(("args", "code", "phrase"), BAD, ids=str)
def test_bad_input_is_refused_in_one_sentence(here, monkeypatch, tmp_path, args, code, phrase):
    monkeypatch.chdir(tmp_path)
    refused(here("mimic3", "--source", "challenge2012", *SMALL, "--out", tmp_path / "out", *args), code, phrase)
    assert not (tmp_path / "out").exists()
