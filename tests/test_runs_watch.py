"""`lnncmp runs watch`: what commands say of themselves beside their records, and what others see of it."""

import os
import subprocess
import sys

import pytest
from cli_runs import refused, run_here, wait_for
from synthetic_records import run

from lnncmp.cli import watch as watching
from lnncmp.records.store import Store
from lnncmp.runs.published import Published, Publisher, read_published
from lnncmp.runs.state import Activity, StudyState

STATE = StudyState(
    title="sine clean", total=8, done=3, activities=(Activity(name="ltc seed 0", done=2, total=5, unit="epochs"),)
)


@pytest.fixture
def seen(capsys, monkeypatch, tmp_path):
    """Ask `runs watch` about the folder; it may change nothing there."""

    def ask(*args):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        answer = run_here(capsys, monkeypatch, "runs", "watch", "--out", tmp_path, *args)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        return answer

    return ask


def _left(folder, process: int, host: str | None = None, at: float = 0.0) -> None:
    """Leave what another command of this or another machine said."""
    name = os.uname().nodename if host is None else host
    one = Published(host=name, process=process, at=at, state=STATE)
    (folder / "progress").mkdir(exist_ok=True)
    (folder / "progress" / f"{name}-{process}.json").write_text(one.model_dump_json())


def _ended_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_command_is_seen_while_it_runs_and_leaves_nothing(tmp_path, seen):
    publisher = Publisher(tmp_path, lambda: STATE)
    publisher.start()
    try:
        wait_for(lambda: read_published(tmp_path), timeout=20)
        (one,) = read_published(tmp_path)
        assert (one.process, one.state) == (os.getpid(), STATE)
        lines = seen().out.splitlines()
        assert lines[0].startswith("sine clean: 3 of 8 runs, ") and lines[1:] == ["  ltc seed 0: 2/5 epochs"]
        assert seen("--once").out.splitlines()[1:] == lines[1:]
    finally:
        publisher.stop()
    assert list(tmp_path.iterdir()) == []
    assert seen().out == f"No study runs in {tmp_path} now; it holds 0 records of runs.\n"


def test_nothing_is_written_before_there_is_a_folder_of_records(tmp_path):
    publisher = Publisher(tmp_path / "out", lambda: STATE)
    publisher.start()
    publisher._write()
    publisher.stop()
    assert list(tmp_path.iterdir()) == []


def test_commands_side_by_side_leave_each_others_files_alone(tmp_path, seen):
    _left(tmp_path, os.getppid())
    publisher = Publisher(tmp_path, lambda: STATE)
    publisher.start()
    wait_for(lambda: len(read_published(tmp_path)) == 2, timeout=20)
    assert seen().out.count("3 of 8 runs") == 2
    publisher.stop()
    assert [path.name for path in (tmp_path / "progress").iterdir()] == [f"{os.uname().nodename}-{os.getppid()}.json"]


def test_killed_commands_are_not_shown_and_the_next_clears_what_they_left(tmp_path, seen):
    killed = _ended_process()
    _left(tmp_path, killed)
    cut = tmp_path / "progress" / f".{os.uname().nodename}-{killed}.json.abc.part"
    cut.write_text("{")
    _left(tmp_path, 1, host="elsewhere", at=0.0)
    assert "No study runs in" in seen().out
    publisher = Publisher(tmp_path, lambda: STATE)
    publisher.start()
    publisher.stop()
    assert [path.name for path in (tmp_path / "progress").iterdir()] == ["elsewhere-1.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"host": 3}'])
def test_files_that_are_no_states_are_left_out(tmp_path, seen, content):
    (tmp_path / "progress").mkdir()
    (tmp_path / "progress" / "a-1.json").write_bytes(content)
    (tmp_path / "progress" / "b-2.json").mkdir()
    assert "No study runs in" in seen().out


def test_a_file_that_vanishes_while_it_is_read_is_left_out(tmp_path, monkeypatch):
    _left(tmp_path, os.getpid())
    (tmp_path / "progress" / "gone-1.json").symlink_to(tmp_path / "nowhere")
    assert len(read_published(tmp_path)) == 1


def test_times_go_on_since_they_were_written(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 110.0)
    state = STATE.model_copy(update={"seconds": 50.0, "seconds_left": 4.0})
    now = Published(host="h", process=1, at=100.0, state=state).now()
    assert (now.seconds, now.seconds_left) == (60.0, 0.0)


def test_a_folder_that_does_not_exist_is_refused(capsys, monkeypatch, tmp_path):
    answer = run_here(capsys, monkeypatch, "runs", "watch", "--out", tmp_path / "none")
    refused(answer, 3, "the folder of records", "does not exist")


def test_tail_follows_in_plain_lines_until_the_study_ends(capsys, monkeypatch, tmp_path):
    store = Store(tmp_path)
    store.write_run(run("gru", 0, 0.5))
    states = [[STATE], [STATE], [STATE.model_copy(update={"done": 4})], []]
    ended = iter([None, None, run("lstm", 1, 0.25), None])

    def now(out):
        record = next(ended)
        if record is not None:
            store.write_run(record)
        return states.pop(0)

    monkeypatch.setattr(watching, "_states", now)
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: None)
    lines = run_here(capsys, monkeypatch, "runs", "tail", "--out", tmp_path, "--every", "0").out.splitlines()
    assert [line.partition(", ")[0] for line in lines if "of 8" in line] == [
        "sine clean: 3 of 8 runs",
        "sine clean: 4 of 8 runs",
    ]
    assert next(line for line in lines if line.startswith("lstm seed 1")).endswith(": ok, test error 0.25")
    assert lines[-1] == f"No study runs in {tmp_path} now; it holds 2 records of runs."
