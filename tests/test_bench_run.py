"""A whole bench of tiny networks: every part gives its numbers, nothing is shown for what it is not. Never speed."""

import json
import os
from dataclasses import replace

import bench_work
import pytest
import torch

from lnncmp.bench import run as bench_run
from lnncmp.bench.candidates import Candidate, choose_candidates
from lnncmp.bench.memory import first_call_seconds
from lnncmp.bench.messages import Limits, Plan, Session
from lnncmp.bench.networks import adopt_weights, build_network, largest_difference
from lnncmp.bench.operations import PeakRates
from lnncmp.bench.process import in_fresh_process
from lnncmp.bench.run import PARTS, Request, run_bench
from lnncmp.bench.session import build_candidates, measure
from lnncmp.bench.steps import StackedStep, elapsed_times, streaming, training_step
from lnncmp.bench.timing import Effort
from lnncmp.bench.workload import Workload
from lnncmp.common.process import WorkerCrashedError
from lnncmp.errors import LnncmpError, UsageError

TINY = Workload("W4", 3, 10, 2, 12, 4, irregular=True)
REGULAR = replace(TINY, irregular=False)
ONCE = Effort(rounds=2)
FUSED = Candidate("ltc", "autoncp", "fused")


def quiet(what, done, total):
    pass


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class TestFreshProcess:
    def call(self, work, *args, threads=1, told=quiet, **environment):
        return in_fresh_process(work, *args, tell=told, threads=threads, environment=environment)

    def test_returns_its_result_and_reports_progress(self):
        told = []
        value, threads, cache, process = self.call(
            bench_work.answer,
            {"a": 1},
            threads=2,
            told=lambda *news: told.append(news),
            LNNCMP_KERNEL_CACHE="elsewhere",
        )
        assert (value, threads, cache) == ({"a": 1}, 2, "elsewhere") and process != os.getpid()
        assert told == [("working", 1, 2)]
        _, _, cache, another = self.call(bench_work.answer, None)
        assert cache == os.environ["LNNCMP_KERNEL_CACHE"] and another != process

    def test_errors_come_back(self):
        with pytest.raises(UsageError, match="this is refused") as caught:
            self.call(bench_work.refuse)
        assert caught.value.hint == "Do something else."
        with pytest.raises(LnncmpError, match="RuntimeError: something broke"):
            self.call(bench_work.fail)

    def test_its_crash_is_reported(self):
        with pytest.raises(WorkerCrashedError, match="exit code 7"):
            self.call(bench_work.die)

    def test_kernels_are_not_loaded_before_their_cache_is_settled(self):
        assert self.call(bench_work.loaded) == []


CALLED_AS_LAYERS = [c for c in choose_candidates(None) if c.is_peer or c.implementation == "lnncmp.torch"]


class TestNetworks:
    @pytest.mark.parametrize("workload", [TINY, REGULAR], ids=["irregular", "regular"])
    @pytest.mark.parametrize("candidate", [c for c in choose_candidates(None) if not c.is_peer], ids=lambda c: c.label)
    def test_ours_compute_what_their_peers_compute(self, candidate, workload):
        model, peer = build_network(candidate, workload), build_network(candidate.peer, workload)
        adopt_weights(model, peer)
        dt = elapsed_times(workload, workload.steps)
        x = torch.randn(workload.batch, workload.steps, workload.inputs)
        assert largest_difference(model, peer, x, dt) < 1e-5
        readout = [sum(p.numel() for p in m.parameters() if p.requires_grad) for m in (model, peer)]
        assert readout[0] == readout[1] or candidate.model == "ltc"

    @pytest.mark.parametrize("workload", [TINY, REGULAR], ids=["irregular", "regular"])
    @pytest.mark.parametrize("candidate", CALLED_AS_LAYERS, ids=lambda c: c.label)
    def test_streaming_gives_the_outputs_of_the_sequence(self, candidate, workload):
        model = build_network(candidate, workload).eval()
        x, dt = torch.randn(1, 6, workload.inputs), elapsed_times(replace(workload, batch=1), 6)
        state, outputs = model.initial_state(1), []
        with torch.no_grad():
            for t in range(6):
                y, state = model.step(x[:, t], dt[:, t], state)
                outputs.append(y)
            assert torch.allclose(torch.stack(outputs, 1), model(x, dt), atol=1e-6)

    def test_batched_elapsed_times_are_each_sample_s_own(self):
        model = build_network(Candidate("cfc", "full", "ncps"), TINY).eval()
        x, dt = torch.randn(3, 10, 2), elapsed_times(TINY, 10)
        alone = torch.cat([model(x[i : i + 1], dt[i : i + 1]) for i in range(3)])
        assert torch.allclose(alone, model(x, dt), atol=1e-6)

    def test_elapsed_times(self):
        dt = elapsed_times(Workload("W9", 50, 40, 1, 1, 1, irregular=True), 40)
        assert dt.shape == (50, 40) and 0.1 <= float(dt.min()) < 0.2 and 1.8 < float(dt.max()) <= 1.9
        assert torch.equal(elapsed_times(REGULAR, 7), torch.ones(3, 7))

    def test_sizes_that_do_not_go_together(self):
        for hidden, outputs in ((3, 1), (6, 4)):
            with pytest.raises(UsageError):
                build_network(Candidate("ltc", "autoncp", "loop"), Workload("W9", 1, 1, 1, hidden, outputs))

    def test_a_training_step_learns_from_irregular_times(self):
        step = training_step(build_network(Candidate("cfc", "full", "loop"), TINY), TINY, 10)
        before = float(step.loss().detach())
        for _ in range(20):
            step()
        assert float(step.loss().detach()) < before and step.dt.std() > 0.1

    def test_streaming_needs_no_gradients(self):
        model = build_network(Candidate("gru", "full", "torch"), TINY)
        streaming(model, TINY)()
        assert not model.training


class TestCandidateSet:
    def test_a_network_that_fell_back_is_not_shown_as_fused_nor_twice(self, monkeypatch):
        monkeypatch.setattr("lnncmp.layers.recurrent_layer.usable", lambda *tensors: False)
        made = build_candidates(choose_candidates(None), TINY, Limits(), quiet)
        labels = [one.candidate.label for one in made.built]
        assert len(labels) == len(set(labels)) == 22 and not any("fused" in label for label in labels)
        assert len(made.absent) == 6
        assert "W4: no kernel for ltc autoncp here: only plain PyTorch is shown." in made.absent
        assert made.failed == []

    def test_networks_that_cannot_exist_are_reported_once(self):
        small = Workload("W4", 2, 4, 2, 6, 4)
        made = build_candidates(choose_candidates(["cfc"]), small, Limits(), quiet)
        labels = [one.candidate.label for one in made.built if one.candidate.implementation != "fused"]
        full = ["cfc loop", "cfc lnncmp.torch", "cfc ncps"]
        assert labels == [*full, "cfc mixed lnncmp.torch", "cfc mixed ncps", "lstm torch"]
        (told,) = [text for text in made.absent if "with these sizes" in text]
        assert "no cfc autoncp with these sizes" in told and "neurons" in told

    def test_a_network_that_fails_is_reported_and_the_others_go_on(self, monkeypatch):
        def broken(model, workload, limits):
            if model.implementation == "ncps":
                raise RuntimeError("not enough memory:\nyou tried")
            return workload.steps

        monkeypatch.setattr("lnncmp.bench.session.measurable_steps", broken)
        candidates = [Candidate("ltc", "full", name) for name in ("loop", "ncps")]
        made = build_candidates(candidates, TINY, Limits(), quiet)
        assert [one.candidate.label for one in made.built] == ["ltc loop"]
        assert made.failed == ["W4: ltc ncps failed: RuntimeError: not enough memory: you tried"]
        assert made.built[0].difference is None

    def test_a_long_sequence_is_cut_where_memory_is_short(self):
        long = Workload("W4", 2, 128, 2, 12, 4)
        candidates = [Candidate("ltc", "full", "ncps"), Candidate("lstm", "full", "torch")]
        made = build_candidates(candidates, long, Limits(bytes=3e6), quiet)
        assert [one.steps for one in made.built] == [32, 128]


class TestSession:
    def test_measures_what_is_asked_for_alone(self):
        plan = Plan(REGULAR, (Candidate("lstm", "full", "torch"),), frozenset({"latency"}), ONCE)
        (found,) = measure(quiet, plan).found
        assert list(found.samples) == ["latency"] and found.saved_bytes is None and found.steps == 10

    def test_scaled_rows_are_measured_at_fewer_steps(self):
        long = Workload("W4", 2, 128, 2, 12, 4)
        candidates = (Candidate("ltc", "full", "ncps"), Candidate("lstm", "full", "torch"))
        session = measure(quiet, Plan(long, candidates, frozenset({"train"}), ONCE, Limits(bytes=3e6)))
        assert {found.candidate.label: found.steps for found in session.found} == {"ltc ncps": 32, "lstm torch": 128}
        assert session.noise is not None and not session.failed
        assert set(session.found[0].samples) == {"train", "optimizer", "default_optimizer"}


@pytest.fixture(scope="module")
def whole(test_cache):
    """A bench of all models with all parts but compilation, and what it told; the loop of one model is enough."""
    told = []
    chosen = [c for c in choose_candidates(None) if c.implementation != "loop" or c.model == "lstm"]
    parts = frozenset(PARTS) - {"compile"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LNNCMP_CACHE", str(test_cache))
        made = run_bench(Request([TINY], chosen, parts, 1, ONCE), lambda *news: told.append(news))
    return made, told


class TestWhole:
    def test_every_network_has_every_number(self, whole):
        made, _ = whole
        assert made.failed == 0 and {row.implementation for row in made.rows} >= {
            "loop",
            "lnncmp.torch",
            "ncps",
            "torch",
        }
        for row in made.rows:
            assert min(row.ms, row.cpu_ms, row.inference_ms, row.latency_us, row.saved_bytes) > 0
            assert row.spread[0] <= row.ms <= row.spread[1] and row.rounds == 2
            assert row.peak_bytes >= 0 and row.roofline_ms > 0 and not row.scaled
            assert row.compile_seconds is None and row.ratio_lstm > 0
            assert (row.stepper_us is not None) == (row.implementation in ("fused", "lnncmp.torch"))
            assert (row.ratio_ncps is None) == (row.model in ("lstm", "gru"))
            assert (row.default_optimizer_ms is None) == (row.implementation != "ncps")

    def test_rows_are_distinct_and_ours_compute_the_same_as_their_peers(self, whole):
        made, _ = whole
        assert len({row.label for row in made.rows}) == len(made.rows) >= 22
        for row in made.rows:
            peer = row.implementation in ("ncps", "torch")
            assert row.output_difference is None if peer else row.output_difference < 1e-5

    def test_stacked_networks_are_those_with_a_kernel(self, whole):
        made, _ = whole
        for row in made.rows:
            if row.implementation == "fused":
                assert row.stacked_copies == 10 and row.stacked_ms > 0 and row.stacked_ratio_lstm > 0
                assert (row.stacked_ratio_ncps is None) == (row.ratio_ncps is None)
            else:
                assert row.stacked_ms is None and row.stacked_copies is None

    def test_the_document_is_complete(self, whole):
        made, told = whole
        document = json.loads(made.model_dump_json())
        rates = ("gigasigmoids", "gigaadjoints", "cache_gigabytes", "memory_gigabytes")
        assert all(document["machine"][f"{rate}_per_second"] > 0.01 for rate in rates) and made.machine["gflops"] > 0.1
        assert document["machine"]["threads"] == 1 and set(document["machine"]["noise"]) == {"W4"}
        assert document["workloads"][0]["hidden"] == 12 and len(document["notes"]) >= 5
        for what in ("training steps", "inference", "streaming", "memory, one process per network"):
            assert any(what in text for text, _, _ in told)


def test_a_stacked_step_is_as_many_single_ones():
    step = StackedStep(FUSED, TINY, 3)
    for act in (step, step, step.compiled.store):
        act()
    for number, model in enumerate(build_network(FUSED, TINY, seed) for seed in range(3)):
        single = training_step(model, TINY, TINY.steps)
        single.x, single.y, single.dt = step.x[number], step.y[number], step.dt[number]
        single()
        single()
        single.compiled.store()
        start = dict(build_network(FUSED, TINY, number).named_parameters())
        for name, weight in model.named_parameters():
            assert torch.allclose(step.compiled.stack.models[number].get_parameter(name), weight, atol=1e-5), name
            assert not weight.requires_grad or not weight.numel() or not torch.equal(weight, start[name]), name


@pytest.mark.slow
def test_the_first_call_compiles_into_the_cache_that_it_is_given(tmp_path):
    seconds = in_fresh_process(
        first_call_seconds, FUSED, TINY, tell=quiet, threads=1, environment={"LNNCMP_KERNEL_CACHE": str(tmp_path)}
    )
    assert seconds > 0 and list(tmp_path.rglob("*.kernel"))


class TestFailures:
    def answers(self, monkeypatch, reply):
        """Replace processes by `reply`, called with the name of the work and its arguments."""
        monkeypatch.setattr(
            bench_run, "in_fresh_process", lambda work, *args, tell, threads, environment: reply(work.__name__, *args)
        )

    def test_a_workload_whose_process_crashed_is_reported(self, monkeypatch):
        real = bench_run.in_fresh_process
        other = Workload("W5", 1, 4, 2, 8, 2)

        def reply(name, *args):
            if name == "measure" and args[0].workload == TINY:
                raise WorkerCrashedError(
                    "the process ended without a result (exit code -9)", "Measure a smaller workload."
                )
            if name == "measure":
                return measure(quiet, args[0])
            return real(bench_work.answer, None, tell=quiet, threads=1, environment={}) and CEILINGS

        self.answers(monkeypatch, reply)
        candidates = [Candidate("lstm", "full", "torch")]
        made = run_bench(Request([TINY, other], candidates, frozenset({"latency"}), 1, ONCE), quiet)
        assert made.failed == 1 and {row.workload for row in made.rows} == {"W5"}
        assert any("W4: the process ended without a result (exit code -9)" in warning for warning in made.warnings)

    def test_nothing_at_all_is_an_error(self, monkeypatch):
        def reply(name, *args):
            return CEILINGS if name == "measure_peak_rates" else Session([], None, ["W4: no such thing."], [])

        self.answers(monkeypatch, reply)
        with pytest.raises(LnncmpError, match=r"nothing could be measured: W4: no such thing\."):
            run_bench(Request([TINY], [], frozenset({"latency"}), 1, ONCE), quiet)


CEILINGS = PeakRates(1e11, 5e9, 4e9, 1e11, 1e10)
