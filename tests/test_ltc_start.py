"""The start of the LTC paper's code (`start = paper`), and that the usual one leaves the identities of runs alone."""

import torch

from lnncmp.models.base import load_model
from lnncmp.training.build import build_model

SPEC = load_model("ltc")


def built(seed=0, **arguments):
    given = SPEC.arguments(hidden=32, **arguments)
    return build_model(SPEC, given, 32, 5, dt_as_input=False, model_seed=seed, wiring_seed=seed).layer


def test_the_papers_start_has_its_constants_and_as_many_inhibitory_synapses_as_others():
    layer = built(start="paper", constraint="clip")
    assert (layer.gleak == 1).all() and (layer.cm == 0.5).all()
    for synapses in (layer.recurrent, layer.sensory):
        assert synapses.w.min() >= 0.01 and synapses.w.max() <= 1
        assert synapses.erev.abs().eq(1).all() and 0.45 < (synapses.erev < 0).float().mean() < 0.55
    assert layer.wiring.structure() == {"neurons": 32, "synapses": 1024, "sensory_synapses": 1024}
    assert torch.equal(layer.recurrent.erev, torch.as_tensor(layer.wiring.polarity).float())


def test_it_follows_from_the_seeds():
    one, same, other = (built(seed, start="paper") for seed in (0, 0, 1))
    assert torch.equal(one.recurrent.w, same.recurrent.w) and torch.equal(one.sensory.erev, same.sensory.erev)
    assert not torch.equal(one.sensory.erev, other.sensory.erev)


def test_the_usual_start_is_that_of_ncps():
    layer = built()
    assert layer.gleak.std() > 0.1 and 0.25 < (layer.recurrent.erev < 0).float().mean() < 0.42


def test_a_record_names_the_start_only_if_it_is_not_the_usual_one():
    usual, paper = SPEC.arguments(hidden=4), SPEC.arguments(hidden=4, start="paper")
    assert "start" not in usual.model_dump(mode="json") and paper.model_dump(mode="json")["start"] == "paper"
    assert SPEC.arguments(**usual.model_dump()) == usual and SPEC.arguments(**paper.model_dump()) == paper
