"""Measurements of a plan: five fresh processes, models in turn, and what their records say."""

import json
import os
import statistics
from types import SimpleNamespace

import pytest
import torch
from claim_records import many, records, timed, written
from cli_runs import TWO, environment, run
from synthetic_records import measurement
from toy_study import CPU, Affine

from lnncmp.common.process import WorkerCrashedError, in_copy
from lnncmp.comparison.costs import costs_of, epoch_seconds, step_seconds
from lnncmp.errors import DataError, LnncmpError
from lnncmp.evaluation import cost
from lnncmp.evaluation.cost import BatchShape, TrainingStep, memory_spread, seconds_in_turn
from lnncmp.models.base import load_model
from lnncmp.records.read import parse_record, read_records
from lnncmp.records.schema import MeasurementRecord
from lnncmp.runs import measure_cost, measure_plan, pool
from lnncmp.runs.plan import MeasureRepeat, MeasureSpec, Sample
from lnncmp.runs.processes import WorkerConfig
from lnncmp.training import watched_memory


class TestCopies:
    def test_return_what_they_compute_and_change_nothing_here(self):
        here = []
        assert in_copy(lambda: here.append(1) or (os.getpid(), len(here)))[1] == 1
        assert here == []

    def test_raise_what_the_work_raises(self):
        def refuse():
            raise DataError("no data", "Get some.")

        with pytest.raises(DataError, match="no data"):
            in_copy(refuse)

    def test_that_cannot_send_their_answer_say_so(self):
        with pytest.raises(LnncmpError, match="function"):
            in_copy(lambda: lambda: None)

    def test_that_die_are_reported(self):
        with pytest.raises(WorkerCrashedError, match="without a result"):
            in_copy(lambda: os._exit(3))


class TestTurns:
    SHAPE = BatchShape(4, 5, 3, 3)

    def test_every_model_has_its_turn_before_the_next_round(self, monkeypatch):
        order = []

        def turn(step, steps):
            order.append((step.name, steps))
            return 0.02, 0.01

        monkeypatch.setattr(TrainingStep, "turn", turn)
        steps = [TrainingStep(Affine(3, 3), self.SHAPE, CPU) for _ in range(2)]
        for name, step in zip("ab", steps, strict=True):
            step.name = name
        assert seconds_in_turn(steps) == [(0.02, 0.01)] * 2
        assert order == [("a", 1), ("b", 1)] + [("a", 3), ("b", 3)] * 3

    def test_slow_steps_are_taken_once(self, monkeypatch):
        monkeypatch.setattr(cost, "SLOW_STEP", 0.0)
        model = Affine(3, 3)
        (times,) = seconds_in_turn([TrainingStep(model, self.SHAPE, CPU)])
        assert model.constrained == 1 and min(times) > 0

    def test_processor_time_leaves_waiting_out(self, monkeypatch):
        step = TrainingStep(Affine(3, 3), self.SHAPE, CPU)
        monkeypatch.setattr(TrainingStep, "__call__", lambda self: __import__("time").sleep(0.05))
        wall, processor = step.turn(2)
        assert wall > 0.05 > 2 * processor


def test_the_spread_of_memory_is_that_of_the_peaks_of_settled_steps(monkeypatch):
    peaks = iter([10**9, *[5] * 9, *range(100, 110)])
    monkeypatch.setattr(watched_memory, "reset_peak", lambda: True)
    monkeypatch.setattr(watched_memory, "resident", lambda key: next(peaks))
    step = TrainingStep(Affine(3, 3), BatchShape(2, 2, 3, 3), CPU)
    assert memory_spread(step, most=20, budget=0.0) == 9
    monkeypatch.setattr(watched_memory, "reset_peak", lambda: False)
    assert memory_spread(step) is None


class TestQueue:
    """Checks side by side, then repeats one after another, without the models that failed or have repeats enough."""

    SPECS = tuple(
        MeasureSpec(
            measurement_id=name, case="sine", label=name, model=name, arguments={}, dt_as_input=False, batch=1, steps=1,
            inputs=1, outputs=1, windows=1, device="cpu", threads=1, repeats=3,
        )
        for name in ("quick", "long", "unsound")
    )  # fmt: skip

    def answers(self, monkeypatch, tmp_path, jobs):
        """Return the tasks in the order of their start, each with those at work then, and what was stored."""
        begun, pids = [], iter(range(1, 99))

        class Worker:
            def __init__(self, config):
                self.ready, self.task, self.pid, self.heard, self.pipe = True, None, next(pids), 0.0, object()
                self.cores = SimpleNamespace(value=1)

            def give(self, task):
                busy = [own.task.label for own in queue.workers if own.task is not None]
                self.task = task
                begun.append((task.label, [spec.label for spec in task.specs], busy, self.pid))

            def stop(self):
                pass

        def receive(self):
            worker = next(own for own in self.workers if own.task is not None)
            found = {} if worker.task.check else {own.label: sample(own.label) for own in worker.task.specs}
            failed = {"unsound": "differs"} if worker.task.check and worker.task.specs[0].label == "unsound" else {}
            self._handle(worker, ("measured", found, failed))
            self._handle(worker, ("done",))

        def sample(name):
            return Sample("fused", 1.0, 1.0, (1.0,), 1, 1, None, 1 if name == "long" else 3, "", None, "")

        class Listener:
            def __getattr__(self, name):
                return lambda *given: None

        monkeypatch.setattr(pool, "Worker", Worker)
        monkeypatch.setattr(pool.Pool, "_receive", receive)
        monkeypatch.setattr(pool.Pool, "_enforce", lambda self: None)
        config = WorkerConfig(tmp_path, tmp_path, None, 1, False, jobs)
        queue = measure_plan._Repeats(config, Listener(), self.SPECS)
        checks = [MeasureRepeat(specs=(spec,), number=0, check=True) for spec in self.SPECS]
        queue.work([*checks, *(MeasureRepeat(specs=self.SPECS, number=number) for number in range(3))])
        return begun, queue

    def test_of_two_processes(self, monkeypatch, tmp_path):
        begun, queue = self.answers(monkeypatch, tmp_path, 2)
        kernels = [f"kernels of {name}" for name in ("quick", "long", "unsound")]
        assert [(label, busy) for label, _, busy, _ in begun[:2]] == [(kernels[0], []), (kernels[1], [kernels[0]])]
        assert [label for label, *_ in begun] == [*kernels, *(f"cost, repeat {k}" for k in (1, 2, 3))]
        assert [names for _, names, _, _ in begun[3:]] == [["quick", "long"], ["quick"], ["quick"]]
        assert all(busy == [] for _, _, busy, _ in begun[3:])
        assert len({pid for *_, pid in begun[3:]}) == 3, "each repeat has a process of its own"
        assert {name: len(own) for name, own in queue.samples.items()} == {"quick": 3, "long": 1, "unsound": 0}
        assert queue.failed == {"unsound": "differs"}

    def test_of_one_process(self, monkeypatch, tmp_path):
        begun, _ = self.answers(monkeypatch, tmp_path, 1)
        assert all(busy == [] for _, _, busy, _ in begun) and len(begun) == 6


class TestLongSteps:
    def measured(self, monkeypatch, **limits):
        for name, value in limits.items():
            monkeypatch.setattr(measure_cost, name, value)
        taken = []
        monkeypatch.setattr(measure_cost, "seconds_in_turn", lambda steps: taken.append(len(steps)) or [(7.0, 7.0)])
        spec = load_model("gru")
        arguments = spec.arguments(hidden=3).model_dump(mode="json")
        own = TestQueue.SPECS[0].model_copy(update={"model": "gru", "arguments": arguments, "batch": 4, "steps": 3})
        (sample,) = measure_cost.measure_repeat([own]).values()
        return sample

    def test_are_taken_in_turns_unless_they_are_long(self, monkeypatch):
        sample = self.measured(monkeypatch)
        assert (sample.step_seconds, sample.repeats) == (7.0, 3) and sample.spread is not None

    def test_of_which_one_is_all_that_is_measured(self, monkeypatch):
        monkeypatch.setattr(measure_cost, "in_copy", lambda work: work())
        sample = self.measured(monkeypatch, LONG_STEP=0.0, SLOW_STEP=0.0)
        assert 0 < sample.step_cpu_seconds < 7.0 and (sample.repeats, sample.spread) == (1, None)
        assert sample.peak >= 0 and len(sample.latency_seconds) == 40


STUDY = [*TWO, "--seeds", "1", "--set", "cost_repeats=3", "--format", "json"]


@pytest.fixture(scope="module")
def finished(simulated_cache, tmp_path_factory):
    out = tmp_path_factory.mktemp("measured") / "out"
    assert run(*STUDY, "--out", out, env=environment(LNNCMP_CACHE=str(simulated_cache))).code == 0
    return out


@pytest.fixture(scope="module")
def measured(finished):
    found = [parse_record(path.read_bytes(), MeasurementRecord) for path in (finished / "measurements").iterdir()]
    return {record.model: record for record in found}


class TestRecords:
    def test_say_what_was_measured(self, measured):
        assert set(measured) == {"lstm", "gru"}
        for model, record in measured.items():
            assert (record.case, record.name, record.inputs, record.outputs) == ("walker2d", model, 17, 17)
            assert (record.windows, record.batch, record.epoch_steps) == (200, 64, 4)
            assert record.arguments["hidden"] == 8 and record.dt_as_input and record.stacked == 1

    def test_hold_a_sample_of_every_process(self, measured):
        assert len({record.session for record in measured.values()}) == 1
        for record in measured.values():
            samples = (record.step_seconds, record.step_cpu_seconds, record.peak_memory_samples)
            assert [len(one) for one in samples] == [3, 3, 3] and len(record.memory_spread_samples) == 3
            assert record.peak_memory_bytes == statistics.median(record.peak_memory_samples) > 0
            assert min(record.step_cpu_seconds) > 0

    def test_a_missing_one_is_measured_together_with_the_others(self, finished, tmp_path, simulated_cache):
        out = tmp_path / "out"
        for kind in ("measurements", "records", "baselines"):
            (out / kind).mkdir(parents=True)
            for path in (finished / kind).glob("*.json"):
                lacking = kind == "measurements" and json.loads(path.read_bytes())["model"] == "gru"
                if not lacking:
                    (out / kind / path.name).write_bytes(path.read_bytes())
        answer = run(*STUDY, "--out", out, env=environment(LNNCMP_CACHE=str(simulated_cache)))
        assert answer.code == 0, answer
        again = [parse_record(path.read_bytes(), MeasurementRecord) for path in (out / "measurements").iterdir()]
        assert len(again) == 2 and len({record.session for record in again}) == 1
        for row in json.loads(answer.out)["rows"]:
            low, high = row["epoch_seconds_ci95"]
            assert low <= row["epoch_seconds"] <= high and row["cost_repeats"] == 3


RUNS = {"cfc": many("cfc", 1.0, seeds=1), "lstm": many("lstm", 1.0, seeds=1)}


def old(model, **changes):
    """A measurement as older records are: it does not say what was measured, and there was one repeat."""
    unknown = dict.fromkeys(("session", "name", "arguments", "dt_as_input", "inputs", "outputs", "windows"))
    return measurement(model, **{**unknown, "peak_memory_samples": [], "step_cpu_seconds": [], **changes})


class TestWhichMeasurement:
    def test_never_one_of_another_case(self):
        other = [timed(model, (1.0,) * 5, case="mimic3") for model in RUNS]
        assert costs_of(RUNS, other) == {}
        before = [old(model, case="mimic3") for model in RUNS]
        assert costs_of(RUNS, before) == {}
        assert set(costs_of(RUNS, [old(model) for model in RUNS])) == {"cfc", "lstm"}

    def test_never_one_of_another_size_or_number_of_threads(self):
        larger = timed("cfc", (1.0,) * 5, arguments={"hidden": 65})
        assert costs_of(RUNS, [larger]) == {}
        threads = timed("cfc", (1.0,) * 5, provenance={"device": "cpu", "threads": 2})
        assert costs_of(RUNS, [threads]) == {}

    def test_those_of_the_session_that_has_most_models(self):
        alone = timed("cfc", (1.0,) * 5, measurement_id="alone", session="first")
        both = [timed(model, (2.0,) * 5, session="second") for model in RUNS]
        found = costs_of(RUNS, [alone, *both])
        assert {one.session for one in found.values()} == {"second"}

    def test_older_ones_have_the_case_of_the_runs_that_name_them(self, tmp_path):
        named = [one.model_copy(update={"measurement_id": "m-cfc"}) for one in RUNS["cfc"]]
        sine = [one.model_copy(update={"case": "sine", "run_id": "s"}) for one in RUNS["lstm"]]
        before = [old("cfc", case=None), old("lstm", case=None)]
        folder = written(tmp_path, records(named, sine, measurements=before))
        found = {one.model: one.case for one in read_records(folder).measurements}
        assert found == {"cfc": "walker2d", "lstm": None}, "whose measurement the second one is cannot be told"


def test_times_are_those_of_the_processor_on_one_thread_only():
    one = timed("cfc", (1.0, 2.0))
    assert step_seconds(one) == [1.0, 2.0] and epoch_seconds(one) == [10.0, 20.0]
    several = one.model_copy(update={"provenance": one.provenance.model_copy(update={"threads": 2})})
    assert step_seconds(several) == [2.0, 4.0]
    assert epoch_seconds(old("cfc")) == []


def test_measuring_leaves_the_number_of_threads_alone():
    before = torch.get_num_threads()
    in_copy(lambda: torch.set_num_threads(1))
    assert torch.get_num_threads() == before
