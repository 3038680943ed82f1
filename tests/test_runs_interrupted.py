"""Ctrl-C, SIGTERM, and the sudden death of the command or of a worker: nothing is lost, nobody is left behind."""

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import termios
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_runs import (
    LONG,
    MARK,
    all_numbers,
    environment,
    finish,
    leftovers,
    marked,
    records,
    run,
    start,
    wait_for,
    with_measurements,
    workers,
)


@pytest.fixture(scope="module")
def undisturbed(simulated_cache, finished, tmp_path_factory):
    """The output folder of the long study, run in one go."""
    out = with_measurements(tmp_path_factory.mktemp("undisturbed") / "out", finished)
    answer = run(*LONG, "--out", out, env=environment(LNNCMP_CACHE=str(simulated_cache)))
    assert answer.code == 0, answer
    return out


def _progressed(out: Path, since: dict[Path, int]) -> bool:
    """Tell whether a run has finished another epoch; it may be far ahead of the other, whose worker starts later."""
    return any(time != since.get(path) for path, time in _checkpoints(out).items())


def _checkpoints(out: Path) -> dict[Path, int]:
    found = {}
    for path in (out / "checkpoints").glob("*.pt"):
        with contextlib.suppress(FileNotFoundError):  # its run has just ended
            found[path] = path.stat().st_mtime_ns
    return found


def _disturb(out: Path, cache: Path, mark: str, how) -> SimpleNamespace:
    """Start the study, wait until a run has gone on, let `how` disturb it, and see what remains."""
    before = _checkpoints(out)
    process = start(*LONG, "--out", out, env=environment(LNNCMP_CACHE=str(cache), **{MARK: mark}))
    wait_for(lambda: _progressed(out, before) or process.poll() is not None)
    assert process.poll() is None, "the runs were too short to be disturbed"
    how(process, workers(mark))
    answer = finish(process)
    wait_for(lambda: not marked(mark), timeout=10)
    return SimpleNamespace(answer=answer, leftovers=leftovers(out))


STAGES = {
    "ctrl_c_twice": lambda process, workers: [os.killpg(process.pid, signal.SIGINT) for _ in range(2)],
    "sigterm": lambda process, workers: process.terminate(),
    "kill": lambda process, workers: process.kill(),
    "kill_worker": lambda process, workers: os.kill(workers[0], signal.SIGKILL),
}


@pytest.fixture(scope="module")
def disturbed(simulated_cache, finished, undisturbed, tmp_path_factory):
    """One study that was stopped in four ways, one after the other, and then allowed to end."""
    out = with_measurements(tmp_path_factory.mktemp("disturbed") / "out", finished)
    stages = {name: _disturb(out, simulated_cache, f"{out}-{name}", how) for name, how in STAGES.items()}
    last = run(*LONG, "--out", out, env=environment(LNNCMP_CACHE=str(simulated_cache)))
    return SimpleNamespace(out=out, stages=stages, last=last)


@pytest.mark.parametrize(("stage", "code"), [("ctrl_c_twice", 130), ("sigterm", 143)])
def test_an_interruption_has_its_exit_code_and_says_how_to_go_on(disturbed, stage, code):
    seen = disturbed.stages[stage]
    assert seen.answer.code == code
    assert "Interrupted. Finished epochs are kept: the same command continues." in seen.answer.err
    assert "Traceback" not in seen.answer.err
    assert (seen.answer.out, seen.leftovers) == ("", [])


def test_a_killed_command_takes_its_workers_along_without_a_word(disturbed):
    seen = disturbed.stages["kill"]
    assert seen.answer.code == -signal.SIGKILL
    assert "Traceback" not in seen.answer.err


def test_a_killed_worker_ends_the_command_with_a_sentence(disturbed):
    seen = disturbed.stages["kill_worker"]
    assert seen.answer.code == 1
    assert "was ended by signal 9; memory may have run out" in seen.answer.err
    assert "fewer --jobs" in seen.answer.err
    assert "Traceback" not in seen.answer.err
    assert seen.answer.out == ""


def test_a_disturbed_study_ends_with_the_numbers_of_an_undisturbed_one(disturbed, undisturbed):
    assert disturbed.last.code == 0, disturbed.last
    assert all_numbers(disturbed.out) == all_numbers(undisturbed)
    assert leftovers(disturbed.out) == []
    assert list((disturbed.out / "checkpoints").iterdir()) == []


def test_fresh_forgets_and_says_so_when_interrupted(simulated_cache, undisturbed, finished, tmp_path):
    out = with_measurements(tmp_path / "out", finished)
    (out / "records").mkdir()
    for path in (undisturbed / "records").glob("*.json"):
        (out / "records" / path.name).write_bytes(path.read_bytes())
    process = start(*LONG, "--out", out, "--fresh")
    wait_for(lambda: _progressed(out, {}) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    answer = finish(process)
    assert answer.code == 130
    assert "the same command continues without --fresh." in answer.err
    assert records(out) == {}


def _on_a_terminal(*args: str, **options) -> tuple[subprocess.Popen, int]:
    """Start a command as the foreground of a terminal of its own; return it and the terminal's other end."""
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = start(*args, **pipes, preexec_fn=take_terminal, **options)
    os.close(theirs)
    return process, ours


def _read_all(end: int) -> str:
    said = b""
    with contextlib.suppress(OSError):  # how a terminal says that the other side is gone
        while piece := os.read(end, 65536):
            said += piece
    return said.decode()


def _loading(process: subprocess.Popen, mark: str) -> bool:
    """Tell whether the command line is still being imported: a library in the middle of that is mapped."""
    return "pydantic_core" in Path(f"/proc/{process.pid}/maps").read_text()


def _workers_start(process: subprocess.Popen, mark: str) -> bool:
    """Tell whether a worker process was started, which is then importing for a while."""
    return bool(workers(mark))


@pytest.mark.parametrize("moment", [_loading, _workers_start])
def test_ctrl_c_on_a_terminal_is_quiet_at_any_moment(simulated_cache, finished, tmp_path, moment):
    out = with_measurements(tmp_path / "out", finished)
    process, end = _on_a_terminal(*LONG, "--out", out, env=environment(**{MARK: str(out)}))
    wait_for(lambda: moment(process, str(out)), pause=0.001)
    os.write(end, b"\x03")
    said = _read_all(end)
    os.close(end)
    assert process.wait(30) == 130
    assert "Traceback" not in said
    assert leftovers(out) == []
    wait_for(lambda: not marked(str(out)), timeout=10)


def test_a_closed_terminal_ends_the_command_with_its_code(simulated_cache, finished, tmp_path):
    out = with_measurements(tmp_path / "out", finished)
    process, end = _on_a_terminal(*LONG, "--out", out, env=environment(**{MARK: str(out)}))
    wait_for(lambda: _progressed(out, {}) or process.poll() is not None)
    os.close(end)
    assert process.wait(30) == 129
    wait_for(lambda: not marked(str(out)), timeout=10)
    assert leftovers(out) == [] and list((out / "locks").iterdir()) == []


def test_a_terminal_shows_progress_and_then_the_table(finished, tmp_path, simulated_cache):
    out = with_measurements(tmp_path / "out", finished)
    process, end = _on_a_terminal(*LONG[:-1], "train.epochs=5", "--out", out)
    said = _read_all(end)
    assert process.wait(60) == 0
    assert "lstm seed 0" in said and "validation" in said
    assert said.rindex("validation 0") < said.index("[95%]")
    os.close(end)
