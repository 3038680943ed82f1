"""Training by compiled code gives the numbers that training by torch gives."""

import copy

import numpy as np
import pytest
import torch
from test_stacking import make, padded_splits, rows, settings
from toy_classes import class_splits
from toy_study import CPU, random_windows, splits

from lnncmp.models.base import load_model
from lnncmp.training import replayed
from lnncmp.training.build import build_model
from lnncmp.training.compiled_network import network_of
from lnncmp.training.compiled_steps import CompiledSteps
from lnncmp.training.stack_trainer import StackTrainer
from lnncmp.training.steps import TorchSteps

MODELS = {
    "ltc": {},
    "ltc clip": {"constraint": "clip", "readout": "motor"},
    "ncp": {},
    "ncp linear": {"readout": "linear", "constraint": "clip"},
    "ncp cfc": {"cell": "cfc"},
    "cfc": {"backbone_units": 8},
    "cfc pure": {"mode": "pure", "backbone_units": 5, "backbone_layers": 2},
    "lstm": {},
    "gru": {},
    "lrc": {},
    "lrc clip": {"constraint": "clip"},
    "ct_gru": {"scales": 3},
    "ct_gru fixed": {"scales": 3, "times": "fixed"},
    "liquid_ncp": {},
    "gru_d": {"hidden": 7},
    "min_gru": {},
    "min_lstm linear": {"candidate": "linear", "blocks": 2, "hidden": 7},
    "s4d": {"state": 4},
    "s4d deep": {"hidden": 7, "state": 6, "blocks": 2, "norm": "layer", "discretisation": "bilinear", "times": "fixed"},
    "liquid_s4": {"state": 4},
    "liquid_s4 paper": {"state": 4, "transition": "paper", "discretisation": "bilinear", "step_max": 0.02},
    "linoss": {"hidden": 5, "state": 5, "blocks": 2},
    "lrc_ssm": {},
    "lrc_ssm full": {
        "hidden": 7,
        "symmetric": True,
        "elastance": "inputs",
        "solver": "explicit_euler",
        "norm": "layer",
    },
    "rnn": {},
    "ctrnn": {"unfolds": 2},
    "ctrnn learned": {"cell": "ode_lstm_paper", "tau": "learned", "unfolds": 2},
    "neural_ode": {"unfolds": 2, "times": "fixed", "clip": 0.5},
}
MEASURED = {"gru_d measured": {"hidden": 7, "measured": 2}}
"""Needs 6 inputs: values, masks and ages."""
each_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def build(name, seed=0, hidden=8, kind=torch.float32, inputs=2):
    spec = load_model(name.partition(" ")[0])
    arguments = spec.arguments(**{"hidden": hidden, **(MODELS | MEASURED)[name]})
    return build_model(spec, arguments, inputs, inputs, dt_as_input=True, model_seed=seed, wiring_seed=seed).to(kind)


def trainer(models, data, compiled=True, **changes):
    """Return a trainer of the models; not `compiled`: by torch, in the type of their weights."""
    made = StackTrainer(models, data, settings(**changes), range(100, 100 + len(models)), CPU)
    assert isinstance(made.steps, CompiledSteps)
    if not compiled:
        kind = made.stack.rows[0].dtype
        for own in (made.train, made.validation):
            own.x, own.dt, own.y = own.x.to(kind), own.dt.to(kind), own.y.to(kind)
        made.steps = TorchSteps(made.stack, made.train, made.validation, made.settings, made.optimizer)
    return made


def pair(name, data, copies=2, kind=torch.float64, **changes):
    """Return the trainers of the same networks, by compiled code and by torch."""
    inputs = data.train.x.shape[2]
    return [
        trainer([build(name, seed, kind=kind, inputs=inputs) for seed in range(copies)], data, compiled, **changes)
        for compiled in (True, False)
    ]


def check_gradients(name, data, batch, kind, tolerance, **changes):
    compare_gradients(*pair(name, data, 2, kind, **changes), batch, tolerance)


def compare_gradients(ours, theirs, batch, tolerance):
    windows = np.stack([np.random.default_rng(k).permutation(20)[:batch] for k in range(2)])
    ours.steps.begin()
    losses, counts = ours.steps.losses(windows)
    expected, cells = theirs.steps.losses(windows)
    theirs.steps.last.sum().backward()
    assert losses == pytest.approx(expected, rel=tolerance) and counts == cells
    for got, row in zip(ours.steps.compiled.gradients(), theirs.stack.rows, strict=True):
        assert np.abs(got - row.grad.numpy()).max() <= tolerance * row.grad.abs().max()
    for choosing in (False, True):
        rest = np.tile(np.arange(7), (2, 1))
        got, expected = (own.steps.errors(rest, choosing) for own in (ours, theirs))
        assert got[0] == pytest.approx(expected[0], rel=tolerance) and got[1] == expected[1]


class TestGradients:
    @each_model
    @pytest.mark.parametrize("data", [splits, padded_splits])
    def test_are_those_of_torch(self, name, data):
        check_gradients(name, data(), 8, torch.float64, 1e-12)

    @each_model
    @pytest.mark.parametrize("batch", [1, 8, 20])
    def test_also_in_single_precision_for_any_batch(self, name, batch):
        check_gradients(name, padded_splits(), batch, torch.float32, 2e-6)

    @pytest.mark.parametrize("scale", [50.0, -30.0])
    @pytest.mark.parametrize(
        "name", ["gru_d", "min_gru", "min_lstm linear", "s4d", "linoss", "lrc_ssm", "lrc_ssm full"]
    )
    def test_also_where_gates_are_closed_and_bounds_reached(self, name, scale):
        both = pair(name, splits())
        with torch.no_grad():
            for row in (row for own in both for row in own.stack.rows):
                row.mul_(scale)
        compare_gradients(*both, 8, 1e-9)

    @pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
    def test_also_of_measured_variables(self, kind, tolerance):
        parts = [random_windows(20, seed, inputs=6, group=str(seed)) for seed in range(3)]
        check_gradients("gru_d measured", splits(*parts), 8, kind, tolerance)

    @pytest.mark.parametrize("label", ["step", "window"])
    @pytest.mark.parametrize("weights", [(), (0.2, 5.0)])
    @pytest.mark.parametrize("name", ["ncp", "gru"])
    def test_also_of_classes(self, name, weights, label):
        data = class_splits(names=("no", "yes"), label=label, weights=weights)
        check_gradients(name, data, 8, torch.float64, 1e-12)


class TestTraining:
    def check(self, name, data, tolerance=1e-9, **changes):
        ours, theirs = pair(name, data, **changes)
        for got, expected in zip(ours.fit(), theirs.fit(), strict=True):
            assert (got.status, got.best_epoch) == (expected.status, expected.best_epoch)
            for one, other in zip(rows(got.history), rows(expected.history), strict=True):
                assert one == pytest.approx(other, rel=tolerance)
        for one, other in zip(ours.stack.rows, theirs.stack.rows, strict=True):
            assert torch.allclose(one, other, rtol=0, atol=tolerance)

    @each_model
    def test_is_that_of_torch(self, name):
        self.check(name, padded_splits(), clip_norm=0.5, l2=1e-3)

    @pytest.mark.parametrize("clip", ["none", "global", "per_tensor"])
    @pytest.mark.parametrize("l2", [0.0, 0.01])
    def test_of_all_settings(self, clip, l2):
        self.check("gru", splits(), clip=clip, clip_norm=0.05, l2=l2, adam_eps=1e-4, batch_size=7)

    @pytest.mark.parametrize("batch_size", [1, 64])
    def test_of_single_windows_and_of_all_at_once(self, batch_size):
        self.check("ncp", splits(train=random_windows(9)), batch_size=batch_size)

    def test_of_classes_chosen_by_mistakes(self):
        self.check("gru", class_splits(names=("no", "yes")), restore="best_error", class_weights=(0.5, 3.0))

    def test_a_checkpoint_of_either_serves_both(self):
        _, theirs = pair("gru", splits(), kind=torch.float32, epochs=2)
        theirs.fit()
        later, _ = pair("gru", splits(), kind=torch.float32, epochs=4)
        later.restore([copy.deepcopy(theirs.state(k)) for k in range(2)])
        whole, _ = pair("gru", splits(), kind=torch.float32, epochs=4)
        for got, expected in zip(later.fit(), whole.fit(), strict=True):
            assert got.history[-1].validation_loss == pytest.approx(expected.history[-1].validation_loss, rel=1e-4)

    @pytest.mark.parametrize("copies", [1, 3])
    @pytest.mark.parametrize(
        "name", ["ncp", "cfc", "gru", "liquid_ncp", "gru_d", "min_gru", "s4d deep", "linoss", "lrc_ssm full"]
    )
    def test_threads_change_no_bit(self, name, copies):
        found = []
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            data = splits(train=random_windows(70))
            work = trainer([build(name, seed) for seed in range(copies)], data, batch_size=35)
            found.append(([rows(own.history) for own in work.fit()], work.stack.rows))
            assert len(work.steps.compiled.shares) == (threads if threads <= copies else 1)
        for history, weights in found[1:]:
            assert history == found[0][0]
            assert all(torch.equal(one, other) for one, other in zip(weights, found[0][1], strict=True))

    def test_an_interrupted_epoch_changes_nothing(self, monkeypatch):
        work, _ = pair("gru", splits(), kind=torch.float32)
        states, replay = [], replayed.replay

        def interrupt(*given):
            if states and given[3] > 0:
                raise KeyboardInterrupt
            return replay(*given)

        monkeypatch.setattr(replayed, "replay", interrupt)
        with pytest.raises(KeyboardInterrupt):
            work.fit(lambda one: states.append([row.detach().clone() for row in one.stack.rows]))
        assert len(states) == 1
        assert all(torch.equal(row, before) for row, before in zip(work.stack.rows, states[0], strict=True))

    def test_a_gradient_that_is_no_number_stops_one_copy(self):
        """The gradient of a huge but finite loss overflows."""
        models = [build("gru", seed) for seed in range(2)]
        with torch.no_grad():
            models[1].model.readout.weight.fill_(1e30)
        found = trainer(models, splits(), diverged_loss=1e300).fit()
        assert [one.status for one in found] == ["ok", "diverged"]
        (alone,) = trainer([build("gru", 0)], splits(), diverged_loss=1e300).fit()
        assert rows(found[0].history) == rows(alone.history)


class TestNetworks:
    def test_those_that_are_more_than_kernels_are_left_to_torch(self):
        assert network_of(make("linoss", discretisation="imex")) is None
        assert network_of(make("liquid_s4", kernel="kb")) is None
        assert network_of(make("liquid_s4", base="dplr")) is None
        assert network_of(make("liquid_s4", discretisation="bilinear")) is None
        assert network_of(make("cfc", backbone_dropout=0.1)) is None
        assert network_of(make("ltc", implementation="loop")) is None
        assert network_of(make("ltc", solver="rk4")) is None

    def test_frozen_weights_are_left_to_torch(self):
        model = make("gru")
        assert network_of(model) is not None
        next(model.parameters()).requires_grad_(False)
        assert network_of(model) is None
