"""Whether a model or a case of another package keeps its contract: what `lnncmp doctor` finds by trying it."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lnncmp import models
from lnncmp.cases.base import load_case
from lnncmp.common.registry import own_names
from lnncmp.data.encoding import Quantity, as_measured
from lnncmp.evaluation import contract
from lnncmp.evaluation.contract import case_faults, model_faults
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.models.base import load_model


class Linear(SequenceModel):
    """A map of each step alone, which keeps the contract; its subclasses break it."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.map = nn.Linear(inputs, outputs)

    def initial_state(self, batch):
        return ()

    def sequence(self, x, dt, valid, state):
        if valid is not None:
            x = x.where(valid[..., None], x.new_zeros(()))
        return self.map(x), ()


class Leaks(Linear):
    def sequence(self, x, dt, valid, state):
        return self.map(x) + 0 * x.sum(), ()


class LooksAhead(Linear):
    def sequence(self, x, dt, valid, state):
        y, state = super().sequence(x, dt, valid, state)
        return y + x[:, -1:, :1], state


class Random(Linear):
    def sequence(self, x, dt, valid, state):
        y, state = super().sequence(x, dt, valid, state)
        return y + torch.rand(()), state


class UsesTime(Linear):
    def sequence(self, x, dt, valid, state):
        y, state = super().sequence(x, dt, valid, state)
        return y * dt[..., None], state


class Detached(Linear):
    def sequence(self, x, dt, valid, state):
        y, state = super().sequence(x, dt, valid, state)
        return y.detach() + (0 * y).sum(), state


class Infinite(Linear):
    def sequence(self, x, dt, valid, state):
        return super().sequence(x, dt, valid, state)[0] / 0, ()


class OneTarget(Linear):
    def sequence(self, x, dt, valid, state):
        return super().sequence(x, dt, valid, state)[0][..., :1], ()


@pytest.fixture
def faults(monkeypatch):
    def call(kind):
        spec = replace(load_model("lstm"), build=lambda arguments, inputs, outputs, seed: kind(inputs, outputs))
        monkeypatch.setattr(contract, "load_model", lambda name: spec)
        return model_faults("mine")

    return call


@pytest.mark.parametrize("name", own_names(models))
def test_lnncmps_own_models_keep_it(name):
    assert model_faults(name) == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Leaks, "what is in padding reaches its outputs"),
        (LooksAhead, "step by step it gives other outputs than for the whole sequence"),
        (Random, "built twice from one seed, it gives different outputs"),
        (UsesTime, "uses_dt is False, but elapsed times change its outputs"),
        (Detached, "no gradient reaches its parameters"),
        (Infinite, "its outputs are not finite"),
        (OneTarget, "its outputs have shape (4, 5, 1), they should have (rows, steps, targets) = (4, 5, 2)"),
    ],
)
def test_each_way_to_break_it_is_found(faults, kind, said):
    assert said in faults(kind)


def test_a_plain_model_keeps_it(faults):
    assert faults(Linear) == []


def test_a_case_whose_parts_do_not_fit(monkeypatch):
    sine = load_case("sine")
    assert case_faults("sine") == []
    prepared = sine.sample()
    other = replace(
        sine,
        targets=(*sine.targets, *sine.targets),
        encoding=lambda settings: as_measured([Quantity("a", "1"), Quantity("b", "1")]),
        sample=lambda: replace(prepared, baselines=dict),
    )
    monkeypatch.setattr(contract, "load_case", lambda name: other)
    assert case_faults("mine") == [
        "its windows have 1 targets, CASE names 2",
        "its windows have 1 features, its encoding 2",
        "it has no untrained baseline",
    ]
