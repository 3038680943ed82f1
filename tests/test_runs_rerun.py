"""`lnncmp runs verify --rerun N`: finished runs trained again give the same bits."""

import json
import shutil

import pytest
import torch
from cli_runs import run_here

from lnncmp.common.small_files import sealed, unsealed


@pytest.fixture
def verify(finished, simulated_cache, tmp_path, capsys, monkeypatch):
    """Return a function that verifies a copy of the small study with one run trained again."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    monkeypatch.setenv("LNNCMP_CACHE", str(simulated_cache))
    threads = torch.get_num_threads()
    yield out, lambda *more: run_here(capsys, monkeypatch, "runs", "verify", "--out", out, "--rerun", "1", "-q", *more)
    torch.set_num_threads(threads)


def _first(out):
    return min((out / "records").glob("*.json"))


def test_a_run_gives_the_same_bits_and_nothing_is_written(verify):
    out, command = verify
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    answer = command()
    assert answer.code == 0, answer
    assert answer.out.count("trained again") == 1
    assert f"{_first(out).stem} (" in answer.out and "trained again, all numbers are the same bits" in answer.out
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_record_with_other_numbers_is_named_with_both(verify):
    out, command = verify
    path = _first(out)
    table = unsealed(path.read_bytes())
    was = table["history"][1]["train_loss"]
    table["history"][1]["train_loss"] = 2 * was
    path.write_bytes(sealed(json.dumps(table, indent=1)))
    answer = command()
    assert answer.code == 3, answer
    assert f"1 values differ: history[1].train_loss: recorded {2 * was!r}, now {was!r}" in answer.out
    assert "1 of the runs that were trained again give other numbers" in answer.err


def test_a_run_of_another_version_is_refused_before_it_is_trained(verify):
    out, command = verify
    path = _first(out)
    table = unsealed(path.read_bytes())
    table["recipe"]["model"]["version"] += 1
    path.write_bytes(sealed(json.dumps(table, indent=1)))
    answer = command()
    assert answer.code == 3 and "trained again" not in answer.out and "version" in answer.err
    assert "Traceback" not in answer.err
