"""`make install` takes the build of torch that suits the machine; pip and Python are replaced by scripts that tell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CPU = "https://download.pytorch.org/whl/cpu"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("make"), reason="the choice is made by make, on Linux"
)


def _script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def install(tmp_path):
    """Return a function that runs `make install` and returns what it printed and the arguments of each pip."""
    calls = tmp_path / "calls"

    def run(*settings, answers=False, installed=False, refused=""):
        _script(
            tmp_path / "venv/bin/python",
            f'case "$2" in *metadata*) exit {1 - installed};; *) exit {1 - answers};; esac',
        )
        _script(tmp_path / "venv/bin/pip", f'echo "$@" >> {calls}; case "$*" in {refused or "never"}) exit 1;; esac')
        done = subprocess.run(
            ["make", "install", f"VENV={tmp_path / 'venv'}", *settings],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "TORCH_INDEX": ""},
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        lines = calls.read_text(encoding="utf-8").splitlines()
        assert lines.pop().endswith("-e .[dev,tune,export]")
        return done.stdout, [line.partition("constraints.txt ")[2] for line in lines]

    return run


def test_without_an_nvidia_driver_it_is_the_cpu_build(install):
    printed, calls = install("NVIDIA=", answers=True)
    assert calls == [f"--extra-index-url {CPU} torch"] and f"the CPU build of torch from {CPU}." in printed


def test_a_cpu_index_that_does_not_answer_is_left_out_and_told(install):
    printed, calls = install("NVIDIA=")
    assert calls == ["torch"] and f"{CPU} does not answer: taking torch from the default index" in printed


def test_a_cpu_index_that_answers_but_fails_is_followed_by_the_default_one(install):
    _, calls = install("NVIDIA=", answers=True, refused="*whl/cpu*")
    assert calls == [f"--extra-index-url {CPU} torch", "torch"]


@pytest.mark.parametrize(("driver", "installed"), [("/proc/driver/nvidia", False), ("", True)])
def test_with_a_driver_or_torch_at_hand_the_default_index_serves(install, driver, installed):
    printed, calls = install(f"NVIDIA={driver}", answers=True, installed=installed)
    assert calls == ["torch"] and "No NVIDIA driver" not in printed


def test_an_index_that_is_asked_for_is_the_only_one(install):
    _, calls = install("NVIDIA=", "TORCH_INDEX=https://example.org/whl", answers=True)
    assert calls == ["--index-url https://example.org/whl torch"]


def test_names_with_spaces_stay_whole(tmp_path):
    settings = [f"VENV={tmp_path / 'a venv'}", f"OUT={tmp_path / 'a b'}"]
    for target in ("clean", "smoke", "reproduce-all", "test", "check", "install"):
        done = subprocess.run(["make", "-n", target, *settings], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for name in ("a venv", "a b"):
            found = [line for line in done.stdout.splitlines() if name in line]
            assert all(f'"{tmp_path / name}' in line for line in found), found
    kept = tmp_path / "a"
    kept.mkdir()
    run = ["make", "-C", str(tmp_path), "-f", str(ROOT / "Makefile"), "clean", "VENV=a venv"]
    (tmp_path / "a venv").mkdir()
    assert subprocess.run(run, capture_output=True, timeout=60).returncode == 0
    assert kept.is_dir() and not (tmp_path / "a venv").exists()
