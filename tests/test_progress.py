"""Progress of a command: what is counted, how the time left is estimated, what is shown on a terminal and in a pipe."""

import io
import time

import pytest
from planned_runs import batch, measuring, runs
from rich.console import Console

from lnncmp.cli import progress as module
from lnncmp.cli import terminal
from lnncmp.cli.display import drawn, in_text
from lnncmp.cli.progress import LiveProgress
from lnncmp.runs.state import Activity, StudyState
from lnncmp.runs.time_left import Running, TimeLeft
from lnncmp.runs.tracker import Tracker


class TestTimeLeft:
    def test_without_any_run_nothing_is_known(self):
        left = TimeLeft()
        left.plan(runs("ltc", 3))
        assert left.seconds([], 0, 1) is None
        assert TimeLeft().seconds([], 0, 1) == 0

    def test_runs_take_what_runs_of_their_model_took(self):
        left = TimeLeft()
        ltc, lstm = runs("ltc", 3), runs("lstm", 2)
        left.plan([*ltc, *lstm])
        for run in (*ltc[:2], lstm[0]):
            left.ended(run)
        left.record(ltc[:2], 200.0)
        left.record(lstm[:1], 6.0)
        assert left.seconds([], 0, 1) == 106.0
        assert left.seconds([], 0, 2) == 53.0

    def test_what_was_measured_is_corrected_by_how_far_it_was_off(self):
        left = TimeLeft()
        ltc, lstm = runs("ltc", 1), runs("lstm", 2)
        left.plan([*ltc, *lstm])
        left.expect({ltc[0].run_id: 50.0, lstm[0].run_id: 10.0, lstm[1].run_id: 10.0})
        assert left.seconds([], 0, 1) == 70.0
        left.ended(ltc[0])
        left.record(ltc, 25.0)  # half of what was expected
        assert left.seconds([], 0, 1) == 10.0

    def test_runs_of_studies_that_are_not_planned_take_the_mean(self):
        left = TimeLeft()
        done = runs("ltc", 4)
        left.record(done, 40.0)
        assert left.seconds([], 6, 2) == 30.0

    def test_a_batch_under_way_goes_on_as_it_did_and_the_end_waits_for_the_slowest(self):
        left = TimeLeft()
        slow, fast = runs("ltc", 2), runs("lstm", 2)
        left.plan([*slow, *fast])
        under_way = [Running(slow, 100.0, 0.25), Running(fast, 10.0, 0.5)]
        assert left.seconds(under_way, 0, 2) == 300.0
        assert left.seconds(under_way, 0, 1) == 310.0

    def test_the_same_model_in_another_study_is_another_kind(self):
        left = TimeLeft()
        long, short = runs("ltc", 1, "long"), runs("ltc", 1, "short")
        left.plan([*long, *short])
        left.record(runs("ltc", 2, "long"), 200.0)
        left.record(runs("ltc", 2, "short"), 2.0)
        assert left.seconds([], 0, 1) == 101.0


class TestTracker:
    def test_the_total_covers_studies_that_are_not_planned_and_what_is_stored(self):
        tracker = Tracker()
        tracker.total = 10
        found = runs("ltc", 2)
        tracker.planned(found, 3, 2)
        assert (tracker.state().done, tracker.state().total) == (3, 10)
        task = batch(found)
        tracker.started(task)
        tracker.finished(found[0], "ok", None)
        tracker.finished(found[1], "diverged", "nan")
        tracker.ended(task)
        state = tracker.state()
        assert (state.done, state.lost, state.total, state.activities) == (5, 1, 10, ())
        assert state.seconds_left is not None

    def test_a_study_larger_than_announced_raises_the_total_and_an_unknown_one_stays_unknown(self):
        tracker = Tracker()
        tracker.planned(runs("ltc", 2), 0, 1)
        assert tracker.state().total == 0 and tracker.state().seconds_left is None
        tracker.total = 1
        tracker.planned(runs("gru", 3), 0, 1)
        assert tracker.state().total == 5

    def test_measurements_are_named_but_not_counted(self):
        tracker = Tracker()
        task = measuring("ltc")
        tracker.started(task)
        assert tracker.state().activities == (Activity(name="cost, repeat 1", words="measuring"),)
        tracker.finished(task.specs[0], "ok", None)
        tracker.ended(task)
        assert (tracker.state().done, tracker.state().activities) == (0, ())

    def test_each_stage_is_named_while_it_lasts(self):
        tracker = Tracker()
        tracker.doing("importing torch")
        tracker.data("simulating", 1, 3)
        assert [one.name for one in tracker.state().activities] == ["importing torch", "simulating"]
        tracker.data("simulating", 3, 3)
        tracker.doing("")
        assert tracker.state().activities == ()
        task = batch(runs("ltc", 2))
        tracker.started(task)
        tracker.status(task, "compiling kernels", True)
        tracker.epoch(task, 2, 5, 0.25)
        (one,) = tracker.state().activities
        assert (one.name, one.done, one.total, one.words) == ("ltc seeds 0-1", 2, 5, "validation 0.25")
        tracker.epoch(task, 5, 5, 0.2)
        assert tracker.state().activities[0].words == "validation 0.2, evaluating"

    def test_a_run_of_another_process_keeps_its_line_while_it_is_tried_again(self):
        tracker = Tracker()
        task = batch(runs("ltc"))
        tracker.started(task)
        tracker.ended(task)
        tracker.postponed(task)
        tracker.started(task)
        assert [one.words for one in tracker.state().activities] == ["another process works on it"]

    def test_epochs_tell_the_time_left_from_the_second_on(self, monkeypatch):
        now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: now)
        tracker = Tracker()
        tracker.total = 1
        task = batch(runs("ltc"))
        tracker.planned(task.runs, 0, 1)
        tracker.started(task)
        now = 60.0  # importing and reading data
        tracker.epoch(task, 51, 100, 0.5)  # from a checkpoint
        assert tracker.state().seconds_left is None
        now = 62.0
        tracker.epoch(task, 52, 100, 0.5)
        assert tracker.state().seconds_left == pytest.approx(96.0)


def _on(monkeypatch, **settings) -> io.StringIO:
    """Let all that is told go to a console with these settings; return what it writes."""
    text = io.StringIO()
    console = Console(file=text, soft_wrap=True, highlight=False, emoji=False, **settings)
    monkeypatch.setattr(terminal, "told", console)
    monkeypatch.setattr(module, "told", console)
    return text


def _small_study(progress: LiveProgress) -> None:
    progress.total, progress.title = 4, "sine clean"
    progress.doing("importing torch")
    found = runs("ltc", 2)
    progress.planned(found, 1, 1)
    task = batch(found)
    progress.doing("")
    progress.started(task)
    progress.status(task, "importing torch", False)
    progress.status(task, "compiling kernels", True)
    progress.epoch(task, 1, 2, 0.5)
    progress.finished(found[0], "ok", None)
    progress.finished(found[1], "failed", "ValueError: no")
    progress.ended(task)


def test_a_pipe_gets_lines_with_one_counter(monkeypatch):
    text = _on(monkeypatch, force_terminal=False, width=100)
    with LiveProgress(quiet=False) as progress:
        _small_study(progress)
    assert text.getvalue().splitlines() == [
        "sine clean: 2 runs to do, 1 stored",
        "ltc seeds 0-1: compiling kernels",
        "2/4 ltc seed 0: ok in 0 s",
        "3/4 ltc seed 1: failed in 0 s",
        "Warning: ltc seed 1 failed: ValueError: no",
    ]


@pytest.mark.parametrize("columns", [80, 140])
def test_a_terminal_keeps_finished_runs_above_what_is_under_way(monkeypatch, columns):
    text = _on(monkeypatch, force_terminal=True, width=columns)
    with LiveProgress(quiet=False) as progress:
        _small_study(progress)
        assert "importing torch" in text.getvalue()
        with progress.hidden():
            before = text.getvalue()
            progress.doing("judging claims")
            time.sleep(0.3)
            assert text.getvalue() == before
    said = text.getvalue()
    assert "2/4 ltc seed 0: ok in 0 s\n" in said.replace("\r", "")
    assert said.index("sine clean") < said.index("ltc seed 0: ok")


def test_quiet_prints_nothing_on_either(monkeypatch):
    for terminal_there in (True, False):
        text = _on(monkeypatch, force_terminal=terminal_there, width=80)
        with LiveProgress(quiet=True) as progress:
            _small_study(progress)
        assert text.getvalue() == ""


BUSY = StudyState(
    title="walker2d keep 0.5",
    total=104,
    done=37,
    lost=2,
    seconds=7300,
    seconds_left=4000,
    activities=(
        Activity(name="importing torch"),
        Activity(name="ltc seeds 0-4", words="validation 0.0213", done=7, total=300, unit="epochs"),
        Activity(name="liquid_ncp seed 3", words="compiling kernels, once on this machine"),
    ),
)


@pytest.mark.parametrize("columns", [80, 140])
def test_the_display_fits_and_leaves_nothing_out(columns):
    text = io.StringIO()
    Console(file=text, width=columns, force_terminal=True, color_system=None).print(drawn([BUSY], columns))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= columns and len(lines) == 4
    assert "walker2d keep 0.5" in lines[0] and "37/104 runs, 2 not ok, 1 h 6 min left" in lines[0]
    assert "7/300 epochs, validation 0.0213" in lines[1]
    assert "compiling kernels, once on this machine" in lines[2] and "importing torch" in lines[3]


def test_in_text_it_is_one_line_and_one_for_each_thing_under_way():
    assert in_text(BUSY).splitlines() == [
        "walker2d keep 0.5: 37 of 104 runs, 2 not ok, 1 h 6 min left, 2 h 1 min so far",
        "  importing torch",
        "  ltc seeds 0-4: 7/300 epochs, validation 0.0213",
        "  liquid_ncp seed 3: compiling kernels, once on this machine",
    ]
    assert in_text(StudyState(title="\x1b[31m[bold]x", done=1)) == r"\u001b[31m[bold]x: 1 runs, 0 s so far"
