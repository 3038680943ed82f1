"""Files of open choices: what ships can be run, and what says nothing or does not exist is refused in one sentence."""

import pytest
from multiverse_toys import DIVERGING, HEAD, MODELS, NOISE, READING, UNITS, written

from lnncmp.errors import DataError, LnncmpError, UsageError
from lnncmp.models.base import model_names
from lnncmp.multiverse.choices import load_choices
from lnncmp.multiverse.recipes import check_alternatives, recipes_of
from lnncmp.multiverse.universes import Universe, all_universes
from lnncmp.recipe.tuned import load_tuned


def load(tmp_path, *parts):
    return load_choices("sine", written(tmp_path, *parts))


@pytest.mark.parametrize("case", ["sine", "walker2d", "mimic3"])
def test_the_files_that_ship_make_recipes_of_every_alternative(case):
    choices = load_choices(case)
    check_alternatives(choices)
    assert choices.possible > choices.universes > 20
    assert len(choices.seeds) >= 6
    assert all(one.why.strip() for choice in choices.choice for one in choice.alternative)


def test_the_sine_file_asks_what_the_study_left_open():
    asked = {choice.name: [one.name for one in choice.alternative] for choice in load_choices("sine").choice}
    assert len(asked["reading"]) == 7
    assert {"16", "32", "64"} == set(asked["units"])
    assert {"100", "500", "1000"} == set(asked["waves"])
    assert {"0.05", "0.1", "0.2"} == set(asked["noise"])
    assert {"matching", "budget", "damping", "samples", "time", "data seed"} <= set(asked)


@pytest.mark.parametrize("case", ["sine", "walker2d", "mimic3"])
def test_the_alternative_that_is_called_tuned_has_the_values_of_the_tuned_recipe(case):
    choices = load_choices(case)
    tuned = load_tuned(case, True)[0].models
    (found,) = (one for choice in choices.choice for one in choice.alternative if one.name == "tuned")
    set_here = {key.removeprefix("models."): value for key, value in (one.split("=") for one in found.set)}
    expected = {}
    for label in {key.split(".")[0] for key in set_here}:
        own = tuned[choices.models.get(label, {}).get("model", label)]
        expected |= {f"{label}.train.{key}": f"{value:.3g}" for key, value in own.train.model_dump().items()}
        expected |= {f"{label}.arguments.{key}": str(value) for key, value in own.arguments.items()}
    assert set_here == expected
    assert set(choices.sides) <= {key.split(".")[0] for key in set_here}


class TestRecipes:
    def test_a_universe_changes_the_recipe_of_the_variants_that_it_names(self, tmp_path):
        choices = load(tmp_path, HEAD, UNITS, NOISE)
        recipes = recipes_of(Universe(choices, (1, 1)), (3, 4))
        assert [recipe.hidden for recipe in recipes.values()] == [6, 6]
        assert [recipe.data_settings().noise_std for recipe in recipes.values()] == [0.0, 0.3]
        assert [recipe.seeds for recipe in recipes.values()] == [(3, 4), (3, 4)]
        assert [list(recipe.models) for recipe in recipes.values()] == [["liquid_ncp", "gru"]] * 2

    def test_another_model_may_take_a_side(self, tmp_path):
        choices = load(tmp_path, HEAD, MODELS, READING)
        default, other = (recipes_of(Universe(choices, (level,)), (0,))[""] for level in (0, 1))
        assert list(default.models) == ["liquid_ncp", "gru"]
        assert list(other.models) == ["cfc", "gru"]
        assert other.train_settings("cfc").learning_rate == 0.01

    def test_changes_for_all_universes_win(self, tmp_path):
        choices = load(tmp_path, HEAD, UNITS)
        assert recipes_of(Universe(choices, (1,)), (0,), ["hidden=12"])[""].hidden == 12


class TestRefusals:
    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            (UNITS.replace("question", "qestion"), ("choice 'units'", "unknown key 'qestion'")),
            (UNITS.replace('why = "small"\n', ""), ("choice 'units'", "lacks the key 'alternative.1.why'")),
            (UNITS.replace('set = ["hidden=6"]', ""), ("choice 'units', alternative '6' is empty",)),
            (UNITS.replace('"6"', '"8"'), ("names the alternative '8' twice",)),
            (UNITS[: UNITS.rindex("[[choice.alt")], ("choice 'units' has one alternative",)),
            (UNITS + UNITS, ("names the choice 'units' twice",)),
            (UNITS.replace("hidden=6", "models.grux.arguments.hidden=6"), ("choice 'units'", "unknown model 'grux'")),
            (UNITS.replace("hidden=6", "seeds=[1]"), ("changes the seeds",)),
            (NOISE.replace('variants = ["noise"]', 'variants = ["noisy"]'), ("unknown variant 'noisy'",)),
            (READING, ("alternative 'CfC'", "unknown model 'cfc'")),
        ],
    )
    def test_of_a_file_name_the_choice(self, tmp_path, broken, said):
        with pytest.raises(UsageError) as refused:
            load(tmp_path, HEAD, broken)
        assert all(part in refused.value.message for part in said), refused.value.message
        assert "\n" not in refused.value.message

    def test_the_nearest_match_is_named(self, tmp_path):
        with pytest.raises(UsageError) as refused:
            load(tmp_path, HEAD, MODELS, READING.replace("liquid_ncp =", "liquid_npc ="))
        assert "unknown side 'liquid_npc'" in refused.value.message
        assert "Did you mean 'liquid_ncp'?" in refused.value.hint

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ("models.gru.arguments.backbone_layers=2", "unknown recipe key 'models.gru.arguments.backbone_layers'"),
            ("data.wavs=100", "unknown recipe key 'data.wavs'"),
            ("train.epochs=0", "train.epochs"),
        ],
    )
    def test_a_choice_that_no_model_or_recipe_has_is_refused_before_anything_runs(self, tmp_path, change, said):
        choices = load(tmp_path, HEAD, UNITS.replace("hidden=6", change))
        with pytest.raises(UsageError) as refused:
            check_alternatives(choices)
        assert refused.value.message.startswith("choice 'units', alternative '6': ")
        assert said in refused.value.message

    def test_of_another_case_and_of_no_file(self, tmp_path):
        with pytest.raises(UsageError, match="lists the choices of sine, not of walker2d"):
            load_choices("walker2d", written(tmp_path, HEAD, UNITS))
        with pytest.raises(DataError, match="cannot read the choices"):
            load_choices("sine", tmp_path / "absent.toml")
        with pytest.raises(LnncmpError, match="is no TOML file"):
            load(tmp_path, "case = ")


def test_all_models_of_the_files_exist():
    for case in ("sine", "walker2d", "mimic3"):
        choices = load_choices(case)
        assert {choices.models.get(name, {}).get("model", name) for name in choices.known_models} <= set(model_names())


def test_a_diverging_alternative_is_a_reading_like_any_other(tmp_path):
    assert len(all_universes(load(tmp_path, HEAD, UNITS, DIVERGING))) == 4
