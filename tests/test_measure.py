import json
import multiprocessing
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch import nn
from toy_study import CPU, Affine

from lnncmp.common import peak_memory as peak_memory_of_process
from lnncmp.common.provenance import provenance
from lnncmp.errors import UsageError
from lnncmp.evaluation.cost import BatchShape, TrainingStep, latency_samples, peak_memory
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.models import cfc, gru, lstm
from lnncmp.models.base import load_model
from lnncmp.recipe.load import load_recipe
from lnncmp.runs.measure_cost import probe
from lnncmp.runs.plan import MeasureSpec
from lnncmp.training.build import build_model
from lnncmp.training.matching import matched_arguments
from lnncmp.training.parameter_counts import count_parameters


def built(module, inputs=17, dt_as_input=False, **arguments):
    spec = module.MODEL
    chosen = spec.arguments(**{"hidden": 64, **arguments})
    return build_model(spec, chosen, inputs, 17, dt_as_input=dt_as_input, model_seed=0, wiring_seed=0)


def counts(model, inputs=17):
    made = count_parameters(model, inputs)
    return made.trainable, made.active, made.total


class Masked(Affine):
    """A wiring mask removes three of the four synapses."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tensor([[1.0, 0.0], [0.0, 0.0]]))

    def sequence(self, x, dt, step, state):
        return nn.functional.linear(x, self.linear.weight * self.mask, self.linear.bias), self.initial_state(len(x))


class TestParameters:
    READOUT = 64 * 17 + 17

    @pytest.mark.parametrize("module, core", [(lstm, 21_248), (gru, 15_936), (cfc, 43_520)])
    def test_known_sizes(self, module, core):
        size = core + self.READOUT
        assert counts(built(module)) == (size, size, size)
        assert core + self.READOUT == 22_353 or module is not lstm

    def test_the_core_equals_that_of_torch(self):
        assert sum(p.numel() for p in nn.LSTM(17, 64).parameters()) == 21_248
        assert sum(p.numel() for p in nn.GRU(17, 64).parameters()) == 15_936

    def test_time_as_input_adds_four_gates(self):
        assert counts(built(lstm, dt_as_input=True))[0] == 22_353 + 4 * 64 == 22_609

    def test_a_mask_counts_in_total_and_what_it_removes_is_not_active(self):
        assert counts(Masked(), 2) == (6, 3, 10)

    def test_frozen_and_unreached_parameters(self):
        model = Affine()
        model.linear.bias.requires_grad_(False)
        model.unused = nn.Parameter(torch.zeros(5))
        assert counts(model, 2) == (9, 4, 11)

    def test_the_model_is_left_as_it_was(self):
        model = Affine().train()
        state, rng = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
        count_parameters(model, 2)
        assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
        assert model.training and model.linear.weight.grad is None and model.linear.weight.dtype == torch.float32
        assert torch.equal(rng, torch.get_rng_state())


class Scale(SequenceModel):
    """y = relu(w h) with h = w x: the products keep x, h and w, the relu its result, the loss its two arguments."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3))

    def initial_state(self, batch):
        return ()

    def sequence(self, x, dt, step, state):
        return (self.w * (self.w * x)).relu(), ()


class TestTrainingStep:
    SHAPE = BatchShape(4, 5, 3, 3)

    def test_saved_bytes_against_a_hand_count(self):
        cells = 4 * 5 * 3
        # x, h, relu's result (also the loss's argument) and the target: four tensors of float32; w is left out.
        assert TrainingStep(Scale(), self.SHAPE, CPU).saved_bytes() == 4 * cells * 4

    def test_views_of_a_weight_are_left_out_too(self):
        class Transposed(Scale):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.eye(3))

            def sequence(self, x, dt, step, state):
                return (self.w[0] * x) @ self.w.t(), ()

        assert TrainingStep(Transposed(), self.SHAPE, CPU).saved_bytes() == 4 * (4 * 5 * 3 * 4)

    def test_saved_bytes_grow_with_steps(self):
        made = [TrainingStep(built(cfc), BatchShape(8, steps, 17, 17), CPU).saved_bytes() for steps in (4, 8, 16)]
        assert made[0] < made[1] < made[2]
        assert made[2] - made[1] == pytest.approx(2 * (made[1] - made[0]), rel=0.01)

    def test_a_step_changes_every_weight(self):
        model = built(lstm)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        step = TrainingStep(model, BatchShape(4, 5, 17, 17), CPU)
        first = float(step.loss().detach())
        for _ in range(5):
            step()
        assert float(step.loss().detach()) < first
        assert not any(torch.equal(before[name], p) for name, p in model.named_parameters())

    def test_constrains(self):
        model = Affine(3, 3)
        TrainingStep(model, self.SHAPE, CPU)()
        assert model.constrained == 1

    def test_seconds_are_raw_samples(self):
        step = TrainingStep(Affine(3, 3), self.SHAPE, CPU)
        samples = step.seconds(repeats=6, budget=1e9)
        assert len(samples) == 6 and all(sample > 0 for sample in samples)
        assert len(step.seconds(repeats=6, budget=0.0)) == 1


def test_latency_samples_stream_one_step_without_gradients():
    class Watched(Affine):
        def sequence(self, x, dt, step, state):
            assert x.shape == (1, 1, 2) and dt.shape == (1, 1)
            assert not torch.is_grad_enabled() and not self.training
            return super().sequence(x, dt, step, state)

    model = Watched().train()
    samples = latency_samples(model, 2, CPU, repeats=30)
    assert len(samples) == 30 and min(samples) > 0 and len(model.seen) > 30  # with a warm-up


def _peak(batch, answer):
    torch.set_num_threads(1)
    model = built(lstm)
    TrainingStep(model, BatchShape(1, 1, 17, 17), CPU)()
    answer.put(peak_memory(TrainingStep(model, BatchShape(batch, 30, 17, 17), CPU)))


def test_peak_memory_of_a_fresh_process_grows_with_the_batch():
    context = multiprocessing.get_context("spawn")
    peaks, answer = [], context.Queue()
    for batch in (16, 1024):
        process = context.Process(target=_peak, args=(batch, answer))
        process.start()
        peaks.append(answer.get(timeout=120))
        process.join()
    kept = TrainingStep(built(lstm), BatchShape(1024, 30, 17, 17), CPU).saved_bytes()
    (small, method), (large, _) = peaks
    assert 0 <= small < large and large > 0.8 * kept and "fresh process" in method


def test_a_system_that_reports_no_peak_memory_gets_the_bytes_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory_of_process, "_CLEAR", tmp_path / "none" / "clear_refs")
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    step = TrainingStep(built(lstm), BatchShape(4, 30, 17, 17), CPU)
    told, method = peak_memory(step)
    assert told == step.saved_bytes() > 0 and "does not report" in method


def test_an_estimate_is_not_made_from_the_first_step_which_may_compile(monkeypatch):
    spec = MeasureSpec(
        measurement_id="m", label="lstm", model="lstm", arguments={"hidden": 4}, dt_as_input=False,
        case="sine", batch=2, steps=3, inputs=2, outputs=1, windows=4, device="cpu", threads=1,
    )  # fmt: skip
    step, calls = TrainingStep.__call__, []

    def slow_at_first(self):
        if not calls:
            time.sleep(2.0)
        calls.append(self)
        step(self)

    monkeypatch.setattr(TrainingStep, "__call__", slow_at_first)
    assert max(probe(spec).step_seconds) < 1.0 and len(calls) > 1


class TestMatching:
    def recipe(self, **overrides):
        return load_recipe("walker2d", "standard", (), overrides, ["lstm", "gru", "cfc"])

    def active(self, recipe, label, arguments):
        module = {"lstm": lstm, "gru": gru, "cfc": cfc}[label]
        derived = build_model(module.MODEL, arguments, 17, 17, dt_as_input=True, model_seed=0, wiring_seed=0)
        return count_parameters(derived, 17).active

    @pytest.mark.parametrize("hidden", [16, 64])
    def test_parameters_come_within_five_percent(self, hidden):
        recipe = self.recipe(match="params", hidden=hidden)
        chosen = matched_arguments(recipe, 17, 17)
        goal = self.active(recipe, "lstm", chosen["lstm"])
        assert chosen["lstm"].hidden == hidden and chosen["gru"].hidden > hidden
        for label in ("gru", "cfc"):
            near = [self.active(recipe, label, chosen[label].model_copy(update={"hidden": chosen[label].hidden + d}))
                    for d in (-1, 0, 1) if chosen[label].hidden + d > 0]  # fmt: skip
            assert abs(self.active(recipe, label, chosen[label]) - goal) == min(abs(size - goal) for size in near)
            assert self.active(recipe, label, chosen[label]) == pytest.approx(goal, rel=0.05 if hidden == 64 else 0.2)

    @pytest.mark.parametrize("case", ["walker2d", "sine"])
    def test_smallest_shrinks_the_rivals_to_the_smallest_model(self, case):
        features = {"walker2d": 17, "sine": 1}[case]
        small = {"walker2d": "ltc", "sine": "liquid_ncp"}[case]
        recipe = load_recipe(case, "standard", (), {"match": "smallest"}, [small, "lstm", "gru"])
        chosen = matched_arguments(recipe, features, features)

        def active(label, arguments):
            spec = load_model(recipe.entry(label).model)
            made = build_model(spec, arguments, features, features, dt_as_input=True, model_seed=0, wiring_seed=0)
            return count_parameters(made, features).active

        counts = {label: active(label, recipe.arguments(label)) for label in chosen}
        smallest = min(counts, key=counts.get)
        assert chosen[smallest].hidden == recipe.hidden
        for label in set(chosen) - {smallest}:
            assert chosen[label].hidden < recipe.hidden
            near = [chosen[label].model_copy(update={"hidden": chosen[label].hidden + d}) for d in (-1, 0, 1)]
            distances = [abs(active(label, one) - counts[smallest]) for one in near]
            assert distances[1] == min(distances)
        if case == "sine":
            assert (chosen["gru"].hidden, active("gru", chosen["gru"])) == (8, 297)

    def test_hidden_gives_all_the_same_units(self):
        chosen = matched_arguments(self.recipe(match="hidden", hidden=24), 17, 17)
        assert {label: arguments.hidden for label, arguments in chosen.items()} == {"lstm": 24, "gru": 24, "cfc": 24}

    def test_own_leaves_each_its_own(self):
        recipe = load_recipe(
            "walker2d", "standard", ["models.gru.arguments.hidden=7"], {"match": "own"}, ["lstm", "gru"]
        )
        assert [a.hidden for a in matched_arguments(recipe, 17, 17).values()] == [64, 7]

    def test_a_size_that_no_reference_can_have_is_a_usage_error(self):
        with pytest.raises(UsageError, match="hidden"):
            matched_arguments(self.recipe(match="params", hidden=5000), 17, 17)


def test_provenance_says_what_ran_and_nothing_personal():
    made = provenance(threads=3, device="cpu", jobs=2)
    assert (made["threads"], made["jobs"], made["device"]) == (3, 2, "cpu")
    assert made["packages"]["torch"] == version("torch") and made["cpu"]
    text = json.dumps(made)
    assert str(Path.home()) not in text and "/" not in text.replace(made["cpu"], "")
    assert not {"user", "host", "node", "path", "cwd"} & set(made)
