"""Identities of runs and measurements: what changes them and what does not."""

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
    assert len(set(made.values())) == len(made) == 6
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
