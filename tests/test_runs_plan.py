"""Identities of runs and measurements: what changes them and what does not."""

from dataclasses import replace

import pytest

from lnncmp.recipe.load import load_recipe
from lnncmp.runs.plan import DataShape, make_plan

SHAPE = DataShape(
    data_hash="d" * 16, train_windows=100, validation_windows=10, test_windows=10, steps=10, inputs=17, outputs=17
)


def plan(*changes, shape=SHAPE, preset="quick", only=("lstm", "cfc")):
    recipe = load_recipe("walker2d", preset, changes, None, only)
    return make_plan(recipe, shape, {label: recipe.arguments(label) for label in recipe.models})


def ids(made):
    return {(spec.label, spec.seed): spec.run_id for spec in made.runs}


def test_every_run_has_an_identity_of_its_own_that_stays():
    made = ids(plan())
    assert len(set(made.values())) == len(made) == 12
    assert ids(plan()) == made


@pytest.mark.parametrize("change", ["train.epochs=3", "hidden=12", "data.keep=0.8", "dt_as_input=false", "threads=2"])
def test_whatever_can_change_a_number_changes_the_identity(change):
    assert not set(ids(plan()).values()) & set(ids(plan(change)).values())


def test_another_choice_of_seeds_or_models_leaves_the_identities_alone():
    few = ids(plan("seeds=[1]", only=("lstm",)))
    assert few == {("lstm", 1): ids(plan())["lstm", 1]}


def test_one_model_in_two_rows_is_measured_for_each():
    made = plan('models.again.model="lstm"', "models.again.train.learning_rate=0.03", only=("lstm", "again"))
    first, second = made.measurements
    assert (first.label, second.label) == ("lstm", "again") and first.arguments == second.arguments
    assert first.measurement_id != second.measurement_id


def costs(*changes, case="walker2d", preset="quick", shape=SHAPE, only=("ltc", "cfc")):
    recipe = load_recipe(case, preset, changes, None, only)
    made = make_plan(recipe, shape, {label: recipe.arguments(label) for label in recipe.models})
    return {spec.label: spec for spec in made.measurements}


def test_a_measurement_belongs_to_one_case_size_and_company():
    one = "cost_only={}"
    first = costs(one)["cfc"]
    assert costs(one)["cfc"] == first
    of_sine = costs(one, "train.batch_size=64", "hidden=32", case="sine")["cfc"]
    assert (of_sine.batch, of_sine.steps, of_sine.arguments) == (first.batch, first.steps, first.arguments)
    assert of_sine.measurement_id != first.measurement_id, "equal shapes of two cases"
    more = costs(one, shape=replace(SHAPE, train_windows=99))["cfc"]
    assert more.measurement_id != first.measurement_id, "another number of steps in an epoch"
    assert costs(one, only=("cfc", "gru"))["cfc"].measurement_id != first.measurement_id, "not in turn with ltc"


def test_models_that_are_only_measured_have_no_runs_and_leave_the_identities_of_runs():
    made = costs(preset="standard")
    assert list(made) == ["ltc", "cfc", "ltc_euler", "ltc_rk4", "ltc_dopri5"]
    adaptive = made["ltc_dopri5"]
    assert (adaptive.model, adaptive.arguments["solver"]) == ("ltc", "dopri5")
    assert adaptive.arguments["hidden"] == made["ltc"].arguments["hidden"]
    assert ids(plan(only=("ltc",))) == ids(plan("cost_only={}", only=("ltc",)))
    assert list(costs(preset="standard", only=("cfc", "gru"))) == ["cfc", "gru"], (
        "not those of models that were not chosen"
    )


def test_a_model_that_is_only_measured_has_the_size_that_was_matched():
    recipe = load_recipe("walker2d", "quick", (), None, ("ltc",))
    sized = {"ltc": recipe.arguments("ltc").model_copy(update={"hidden": 11})}
    made = {spec.label: spec.arguments["hidden"] for spec in make_plan(recipe, SHAPE, sized).measurements}
    assert set(made.values()) == {11}
