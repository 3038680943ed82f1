"""Running the command line in tests: in this process for speed, in one of its own where processes matter."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lnncmp.cli import main as command_line
from lnncmp.records.read import parse_record
from lnncmp.records.schema import RunRecord

COMMAND = [sys.executable, "-m", "lnncmp"]
MARK = "LNNCMP_TEST_MARK"

_SMALL = (
    "hidden=8",
    "data.train_windows=200",
    "data.stride=50",
    "data.variant_windows=10",
    "data.noise_levels=[0.1]",
    "data.keep_levels=[0.5]",
    "evaluate.horizon=10",
    "cost_repeats=1",
)
SMALL = ["walker2d", "--preset", "quick", *(part for change in _SMALL for part in ("--set", change))]
"""A study on 200 training windows with networks of 8 units."""

TWO = [*SMALL, "--models", "lstm,gru", "--seeds", "2", "--set", "train.epochs=3"]
"""Four runs of a fraction of a second each."""

LONG = [*SMALL, "--models", "lstm,gru", "--seeds", "1", "--jobs", "2", "--set", "train.epochs=1500"]
"""Two runs of some seconds each, so that there is time to disturb them."""


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, **changes}


def start(*args: str, **options) -> subprocess.Popen:
    """Start a command in a process group of its own, as a terminal does."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *map(str, args)], **{**pipes, "start_new_session": True, **options})


def finish(process: subprocess.Popen, timeout: float = 300) -> Answer:
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Answer(process.returncode, out.decode(), err.decode())


def run(*args: str, timeout: float = 300, **options) -> Answer:
    """Run a command in a process of its own."""
    return finish(start(*args, **options), timeout)


def run_here(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, *args: str) -> Answer:
    """Run a command in this process; an error that a user would see as a traceback ends the test."""
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["lnncmp", *map(str, args)])
    code = 0
    try:
        command_line.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    said = capsys.readouterr()
    return Answer(code, said.out, said.err)


def refused(answer: Answer, code: int, *phrases: str) -> None:
    """Assert that a command ended with `code`, saying `phrases` on standard error and nothing on standard output."""
    assert answer.code == code, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    for phrase in phrases:
        assert phrase in answer.err


def with_measurements(out: Path, finished: Path) -> Path:
    """Return the new folder `out` with the measurements of a finished study, which need not be taken again."""
    shutil.copytree(finished / "measurements", out / "measurements")
    return out


def records(out: Path) -> dict[tuple[str, int], RunRecord]:
    """Return all run records of a folder by model and seed."""
    found = (parse_record(path.read_bytes(), RunRecord) for path in (out / "records").glob("*.json"))
    return {(record.model, record.seeds.root): record for record in found}


CIRCUMSTANCES = {"provenance", "run_id", "protocol_id", "measurement_id", "recipe", "stacked", "kernel_check"}


def numbers(record: RunRecord) -> dict:
    """Return all that must be equal in two runs of the same recipe: everything but times and circumstances."""
    content = record.model_dump(exclude=CIRCUMSTANCES)
    for epoch in content["history"]:
        del epoch["seconds"], epoch["peak_memory"]
    return content


def all_numbers(out: Path) -> dict[tuple[str, int], dict]:
    return {key: numbers(record) for key, record in records(out).items()}


def leftovers(out: Path) -> list[Path]:
    """Return temporary files that somebody left."""
    return [path for path in out.rglob("*") if path.name.endswith(".part") or path.name.startswith(".probe")]


def wait_for(condition: Callable[[], object], timeout: float = 120, pause: float = 0.01) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause)


def marked(mark: str) -> list[int]:
    """Return the processes that have `mark` in their environment, the dead ones left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


def workers(mark: str) -> list[int]:
    """Return the worker processes of the command that was started with `mark`."""
    command = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in marked(mark)}
    return [pid for pid, words in command.items() if b"spawn_main" in words]
