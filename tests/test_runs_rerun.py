"""`lnncmp runs verify --rerun N`: finished runs trained again give the same bits."""

import shutil

import pytest
import torch
from cli_runs import run_here


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
