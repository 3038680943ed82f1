"""The claims that ship with lnncmp name real things, and a file with a mistake is refused in one sentence."""

import math
from typing import get_args

import pytest
from claim_texts import GOOD

from lnncmp import stats
from lnncmp.claims.claim import find_claim, load_claims
from lnncmp.comparison.run_metrics import FACTS
from lnncmp.errors import DataError, UsageError
from lnncmp.models.base import load_model


@pytest.fixture
def load(tmp_path):
    def call(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return load_claims(path)

    return call


def test_the_shipped_claims_cover_study_and_review():
    claims = load_claims()
    ids = {claim.id for claim in claims}
    assert len(ids) == len(claims) >= 30
    assert {claim.case for claim in claims} == {"walker2d", "sine", "mimic3", "gesture", "traffic", "mortality"}
    assert {"walker2d-ltc-lower-memory", "sine-noise-rejection", "mimic3-cfc-less-accumulation"} <= ids
    for claim in claims:
        assert claim.claim.endswith(".") and claim.where
        assert claim.not_testable or claim.measure


def test_ten_seeds_show_a_factor_of_two_among_all_of_them():
    """At the spread over seeds of the simulations in docs/statistics.md, corrected for every claim that is tested."""
    tested = [claim for claim in load_claims() if claim.measure not in FACTS and claim.not_testable is None]
    assert stats.seeds_needed((0.3, 0.3), math.log(2), level=stats.SIGNIFICANCE / len(tested)) <= 10


def test_claims_about_patients_are_judged_on_patients():
    errors = [claim for claim in load_claims() if claim.case == "mimic3" and claim.measure not in FACTS]
    assert errors and all(
        set(claim.judged_on) == {"clinical", "challenge2012", "demo", "waveforms"} for claim in errors
    )


@pytest.mark.parametrize("case", ["walker2d", "sine"])
def test_the_speed_of_closed_form_is_held_against_each_solver_by_name(case):
    named = {
        claim.right_arguments.get("solver") for claim in load_claims() if claim.id.startswith(f"{case}-cfc-faster")
    }
    known = get_args(load_model("ltc").arguments.model_fields["solver"].annotation)
    assert named == set(known) == {"semi_implicit", "explicit_euler", "rk4", "dopri5"}


def test_a_file_of_ones_own(load):
    (claim,) = load(GOOD)
    assert claim.id == "a-claim" and claim.at_least == 1


MISTAKES = [
    ('measure = "mse"', 'measure = "msee"', "claim 'a-claim': unknown measure 'msee'", "Did you mean 'mse'?"),
    ('measure = "mse"', 'measure = "epoch_secs"', "unknown measure 'epoch_secs'", "Did you mean 'epoch_seconds'?"),
    ('measure = "mse"', 'measure = "mse_peak"', "unknown measure 'mse_peak'", ""),
    ('left = "cfc"', 'left = "cfk"', "claim 'a-claim': unknown model 'cfk'", "Did you mean 'cfc'?"),
    ('case = "walker2d"', 'case = "walker"', "claim 'a-claim': unknown case 'walker'", "Did you mean 'walker2d'?"),
    ('direction = "lower"', 'direction = "less"', "claim 'a-claim': 'direction' is 'less'", ""),
    ('direction = "lower"', 'directoin = "lower"', "claim 'a-claim'", "direction"),
    ('where = "nowhere"\n', "", "claim 'a-claim' lacks the key 'where'", ""),
    ('id = "a-claim"\n', "", "claim number 1 lacks the key 'id'", ""),
    ('id = "a-claim"', 'id = "A claim"', "'id' is 'A claim'", ""),
    ("matters = 1.1", "matters = 0.9", "'matters' is 0.9: should be a ratio above 1", ""),
    ("matters = 1.1", "matters = inf", "'matters' is inf", ""),
    ("matters = 1.1", 'matters = 1.1\ngroups = ["noise"]', "mse has no use for groups", ""),
    ('measure = "mse"', 'measure = "perturbed_mse"', "perturbed_mse needs groups", ""),
    ("matters = 1.1", 'matters = 1.1\ncheck = "neurons"', "neurons says nothing of mse", "errors by errors"),
    ("matters = 1.1", 'matters = 1.1\nbeside = ["nmse", "msee"]', "unknown measure 'msee'", "Did you mean 'mse'?"),
    ("matters = 1.1", 'matters = 1.1\nbeside = ["nmse", "synapses"]', "synapses says nothing of mse", ""),
    ("matters = 1.1", 'matters = 1.1\ncheck = "trained_without_time"', "unknown measure 'trained_without_time'", ""),
    ("matters = 1.1", 'matters = 1.1\ncheck = "perturbed_nmse"', "perturbed_nmse needs groups", ""),
    ('direction = "lower"', 'direction = "comparable"\ncheck = "nmse"', "only claims that one model is better", ""),
    ("matters = 1.1", 'matters = 1.1\nbaseline = "mean"\ncheck = "nmse"', "only claims that one model is better", ""),
    ("matters = 1.1", 'matters = 1.1\nbaseline = "mean"\ndirection = "higher"', "no TOML file", ""),
    ('direction = "lower"', 'direction = "higher"\nbaseline = "mean"', "only a lower error can be claimed", ""),
    ('direction = "lower"', 'direction = "comparable"\nat_least = 2', "'at_least' is 2", ""),
    ('direction = "lower"', 'direction = "not higher"\ncheck = "nmse"', "only claims that one model is better", ""),
    ("matters = 1.1", "matters = 1.1\nlevels = [0.1]", "levels need groups", ""),
    ("matters = 1.1", 'matters = 1.1\njudged_on = ["orginal"]', "unknown source 'orginal'", "'original'"),
    ('measure = "mse"', 'measure = "neurons"\njudged_on = ["original"]', "the same on any data", ""),
    ('right = "lstm"', 'right = "cfc"', "holds cfc against itself", ""),
    ('measure = "mse"\ndirection = "lower"', 'measure = "neurons"\ndirection = "comparable"', "not comparable", ""),
]


@pytest.mark.parametrize(("old", "new", "sentence", "hint"), MISTAKES, ids=[new for _, new, *_ in MISTAKES])
def test_a_mistake_is_refused(load, old, new, sentence, hint):
    assert old in GOOD
    with pytest.raises(UsageError) as refused:
        load(GOOD.replace(old, new))
    assert sentence in refused.value.message and hint in refused.value.hint + refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    "text", ["", "claim = 5", "[[claims]]\nid = 'a'", "[claim]\nid = 'a'", "[[claim]", GOOD + GOOD]
)
def test_a_file_of_another_form_is_refused(load, text):
    with pytest.raises(UsageError):
        load(text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot read the claims"):
        load_claims(tmp_path / "nothing.toml")


def test_an_unknown_claim_gets_the_nearest_match():
    with pytest.raises(UsageError) as refused:
        find_claim(load_claims(), "sine-noise-rejectoin")
    assert "Did you mean 'sine-noise-rejection'?" in refused.value.hint
