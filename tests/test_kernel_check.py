"""Fused kernels are compared with plain PyTorch before their results are used: in workers, doctor and bench."""

import copy
import json
import os

import pytest
import torch
from cli_runs import run_here
from model_variants import build, each_case

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.messages import Limits
from lnncmp.bench.session import build_candidates
from lnncmp.bench.workload import Workload
from lnncmp.cases.base import load_case
from lnncmp.errors import UsageError
from lnncmp.kernels.gated.function import GatedSequence
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs import kernel_checks
from lnncmp.runs.measure_cost import UnmeasurableError, check_models, measure_repeat
from lnncmp.runs.plan import RunBatch, Sample, data_shape, make_plan
from lnncmp.runs.worker import execute_runs
from lnncmp.training.kernel_check import check_kernels

torch.set_num_threads(1)


@pytest.fixture
def wrong_gradients(monkeypatch):
    """Kernels of LSTM and GRU whose outputs are right and whose gradients are 1 % too large."""
    right = GatedSequence.backward

    def backward(*args):
        return [g if g is None else 1.01 * g for g in right(*args)]

    monkeypatch.setattr(GatedSequence, "backward", backward)
    monkeypatch.setattr(kernel_checks, "_done", {})


class TestCheck:
    @each_case
    @pytest.mark.parametrize("padded", [False, True])
    def test_every_model_passes_or_has_no_kernel(self, name, variant, padded):
        model = build(name, variant)
        check = check_kernels(model, 3, 20, padded)
        assert (check is None) == (model.implementation != "fused")
        if check is not None:
            assert check.agrees, check.summary
            assert 0 < check.gradient < 1e-4 and check.forward < 1e-5 and check.seconds > 0

    def test_leaves_the_model_and_the_generator_alone(self):
        model = build("cfc", {"backbone_dropout": 0.5, "dropout_placement": "every_layer"}).train()
        before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
        assert check_kernels(model, 3, 5).agrees
        assert torch.equal(torch.get_rng_state(), state) and model.training
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
        assert all(p.grad is None for p in model.parameters())

    def test_double_precision_is_checked_too(self):
        assert check_kernels(build("ltc", {}, dtype=torch.float64), 3, 5).gradient < 1e-12

    def test_wrong_gradients_are_found(self, wrong_gradients):
        check = check_kernels(build("gru", {}), 3, 20)
        assert not check.agrees and check.forward < 1e-5 and 0.005 < check.gradient < 0.02
        assert "gradients by 1e-02" in check.summary

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_numbers_that_are_none_are_found(self, monkeypatch, value):
        right = GatedSequence.forward

        def forward(*args):
            (hidden, *final), kept = right(*args)
            return [hidden * value, *final], kept

        monkeypatch.setattr(GatedSequence, "forward", forward)
        assert not check_kernels(build("lstm", {}), 3, 4).agrees

    def test_a_kernel_that_raises_is_found(self, monkeypatch):
        def broken(*args):
            raise OSError("LLVM ERROR:\nno such instruction")

        monkeypatch.setattr(GatedSequence, "forward", broken)
        check = check_kernels(build("lstm", {}), 3, 4)
        assert not check.agrees and check.summary == "OSError: LLVM ERROR: no such instruction"

    def test_plain_models_need_none(self):
        assert check_kernels(use_plain(build("lstm", {})), 3, 4) is None


def train(out, models, epochs=1):
    prepared = load_case("walker2d").sample()
    recipe = load_recipe("walker2d", "quick", ["hidden=4", f"train.epochs={epochs}"], {"seeds": (0, 1)}, list(models))
    plan = make_plan(recipe, data_shape(prepared), {name: recipe.arguments(name) for name in models})
    records, warnings = [], []
    for name in models:
        batch = RunBatch(runs=tuple(run for run in plan.runs if run.label == name))
        execute_runs(batch, prepared, Store(out, warnings.append), 1, lambda *news: None, records.append)
    return plan, records, warnings


class TestWorker:
    def test_records_the_check(self, tmp_path):
        _, records, warnings = train(tmp_path, ["gru", "cfc"])
        assert [record.implementation for record in records] == ["fused"] * 4 and warnings == []
        for record in records:
            check = record.kernel_check
            assert check.agrees and check.error is None and check.gradient_difference < 1e-4 and check.seconds < 10
        assert records[0].kernel_check == records[1].kernel_check  # once per process and model

    def test_never_trains_on_wrong_gradients(self, tmp_path, wrong_gradients):
        _, records, warnings = train(tmp_path / "wrong", ["gru", "cfc"], epochs=2)
        gru, cfc = records[:2], records[2:]
        assert [record.implementation for record in gru] == ["loop"] * 2
        assert [record.implementation for record in cfc] == ["fused"] * 2
        assert all(not record.kernel_check.agrees and "cannot be trusted" in record.warnings[0] for record in gru)
        assert len(set(warnings)) == 1 and "the fused kernels of gru cannot be trusted here" in warnings[0]
        prepared = load_case("walker2d").sample()
        chosen = {"seeds": (0,), "implementation": "loop"}
        recipe = load_recipe("walker2d", "quick", ["hidden=4", "train.epochs=2"], chosen, ["gru"])
        plan = make_plan(recipe, data_shape(prepared), {"gru": recipe.arguments("gru")})
        plain = []
        execute_runs(RunBatch(runs=plan.runs), prepared, Store(tmp_path / "plain"), 1, lambda *n: None, plain.append)
        assert plain[0].kernel_check is None and plain[0].scores == gru[0].scores

    def test_measures_no_wrong_kernel(self, tmp_path, wrong_gradients):
        plan, *_ = train(tmp_path, ["gru", "cfc"])
        gru, cfc = check_models(plan.measurements).values()
        assert isinstance(gru, UnmeasurableError) and "UnsoundKernelsError: outputs differ by" in str(gru)
        assert cfc is None
        (sample,) = measure_repeat(plan.measurements[1:]).values()
        assert isinstance(sample, Sample) and sample.implementation == "fused"


class TestBench:
    def test_leaves_out_what_is_wrong(self, wrong_gradients):
        candidates = [Candidate("gru", "full", name) for name in ("fused", "loop", "torch")]
        made = build_candidates(candidates, Workload("W4", 4, 5, 2, 6, 2), Limits(), lambda *news: None)
        assert [one.candidate.label for one in made.built] == ["gru loop", "gru torch"]
        (told,) = made.failed
        assert told.startswith("W4: gru fused is wrong and was left out: outputs differ by")


def _all_broken(tell, cells):
    return dict.fromkeys(cells, (False, "outputs differ by 1"))


def _crash_of_the_gru(tell, cells):
    if any(name == "gru" for name, _ in cells.values()):
        os._exit(3)
    return dict.fromkeys(cells, (True, "outputs differ by 0"))


class TestDoctor:
    def test_checks_all_models(self, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "doctor", "--format", "json")
        rows = {row["check"]: row for row in json.loads(answer.out)}
        for name in ("cfc", "gru", "gru_d", "liquid_ncp", "lstm", "ltc", "ncp (ltc cells)", "ncp (cfc cells)"):
            assert "outputs differ by" in rows[f"kernels of {name}"]["found"], name
            assert rows[f"kernels of {name}"]["advice"] == ""

    def test_says_what_is_broken(self, capsys, monkeypatch):
        monkeypatch.setattr("lnncmp.cli.doctor._check_all", _all_broken)
        answer = run_here(capsys, monkeypatch, "doctor")
        assert answer.code == 1 and "kernels of gru" in answer.out
        assert answer.out.count("Broken") == answer.out.count("kernels of"), answer.out

    def test_a_crash_is_that_of_one_model(self, capsys, monkeypatch):
        monkeypatch.setattr("lnncmp.cli.doctor._check_all", _crash_of_the_gru)
        monkeypatch.setattr("lnncmp.cli.doctor.model_names", lambda: ["gru", "lstm"])
        answer = run_here(capsys, monkeypatch, "doctor", "--format", "json")
        rows = {row["check"]: row for row in json.loads(answer.out)}
        assert answer.code == 1 and rows["kernels of lstm"]["advice"] == ""
        assert "without a result" in rows["kernels of gru"]["found"] and "Broken" in rows["kernels of gru"]["advice"]


WRONG_SHAPES = [
    ("dt", (1, 6), "dt has shape (1, 6), expected (4, 6) for x of shape (4, 6, 3)"),
    ("dt", (6, 4), "dt has shape (6, 4), expected (4, 6) for x of shape (4, 6, 3)"),
    ("dt", (4, 6, 1), "dt has shape (4, 6, 1), expected (4, 6)"),
    ("dt", (), "dt has shape (), expected (4, 6)"),
    ("x", (4, 6, 2), "x has shape (4, 6, 2), expected (batch, steps, 3)"),
    ("x", (4, 3), "x has shape (4, 3), expected (batch, steps, 3)"),
    ("valid", (4, 1), "valid has shape (4, 1) and type torch.bool, expected (4, 6) of torch.bool"),
]


class TestShapes:
    @each_case
    @pytest.mark.parametrize(("wrong", "shape", "told"), WRONG_SHAPES)
    def test_are_refused_by_every_layer(self, name, variant, wrong, shape, told):
        model = build(name, variant)
        given = {"x": torch.zeros(4, 6, 3), "dt": torch.ones(4, 6), "valid": torch.ones(4, 6, dtype=torch.bool)}
        given[wrong] = torch.ones(shape).to(given[wrong].dtype)
        with pytest.raises(UsageError) as refused:
            model(**given)
        assert refused.value.message.startswith(told)

    @each_case
    def test_of_the_state_are_refused(self, name, variant):
        model = build(name, variant)
        state = model.initial_state(4)
        for wrong in (model.initial_state(1), (*state, state[0]), state[:-1], tuple(s[:, :-1] for s in state)):
            with pytest.raises(UsageError, match="the state has shapes"):
                model.sequence(torch.zeros(4, 6, 3), torch.ones(4, 6), None, wrong)

    @pytest.mark.parametrize("name", ["ltc", "cfc", "lstm", "gru", "liquid_ncp"])
    def test_a_mask_of_numbers_is_refused(self, name):
        with pytest.raises(UsageError, match=r"torch\.float32, expected"):
            build(name, {})(torch.zeros(4, 6, 3), torch.ones(4, 6), torch.ones(4, 6))

    def test_elapsed_times_as_inputs_are_checked_before_they_are_joined(self):
        from lnncmp.training.build import TimeAsInput

        with pytest.raises(UsageError, match=r"dt has shape \(1, 6\)"):
            TimeAsInput(build("gru", {}))(torch.zeros(4, 6, 2), torch.ones(1, 6))
