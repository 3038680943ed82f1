import re
import tomllib
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from toy_study import CPU

from lnncmp.cases.base import case_names, load_case, load_source
from lnncmp.common.files import share_dir
from lnncmp.common.registry import load_member, member_names
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.models.base import ModelSpec, load_model
from lnncmp.recipe.load import load_recipe, preset_names
from lnncmp.training.build import build_model
from lnncmp.training.trainer import Trainer

RECIPES = [(case, preset) for case in case_names() for preset in preset_names(case)]
ROWS = [(case, preset, label) for case, preset in RECIPES for label in load_recipe(case, preset).models]
FAIR = [(case, preset) for case, preset in RECIPES if load_recipe(case, preset).match != "own"]


def resolved(recipe):
    """Return the whole recipe with every default filled in."""
    tables = {
        "data": recipe.data_settings().model_dump(),
        "train": recipe.train_settings().model_dump(),
        "evaluate": recipe.evaluate_settings().model_dump(),
        "models": {label: {"arguments": recipe.arguments(label).model_dump()} for label in recipe.models},
    }
    return {**recipe.model_dump(), **tables}


def test_every_file_is_a_recipe_or_extended_by_one():
    names = {path.name.removesuffix(".toml") for path in share_dir("recipes").glob("*.toml")}
    loaded = {f"{case}.{preset}" for case, preset in RECIPES}
    bases = {tomllib.loads((share_dir("recipes") / f"{name}.toml").read_text()).get("extends") for name in loaded}
    assert names == loaded | (bases - {None}) | {"claims"}


@pytest.mark.parametrize("case, preset", list(product(["walker2d"], ["quick", "standard", "paper"])))
def test_the_presets_of_the_command_line_exist(case, preset):
    assert preset in preset_names(case)


@pytest.mark.parametrize("case, preset", RECIPES)
class TestEveryRecipe:
    def test_names_real_things(self, case, preset):
        recipe = load_recipe(case, preset)
        assert (recipe.case, recipe.preset) == (case, preset)
        assert load_source(load_case(case), recipe.source).load is not None
        assert recipe.reference in recipe.models and len(set(recipe.seeds)) == len(recipe.seeds)
        assert recipe.evaluate_settings().horizon >= min(load_case(case).horizons, default=1)
        for label in recipe.models:
            assert load_model(recipe.entry(label).model).summary

    def test_assumptions_are_about_keys_that_exist(self, case, preset):
        recipe = load_recipe(case, preset)
        for key, why in recipe.assumptions.items():
            value = resolved(recipe)
            for part in key.split("."):
                assert part in value, f"[assumptions] explains '{key}', which is no key of the recipe"
                value = value[part]
            assert len(why) > 10

    def test_published_numbers_say_where_they_stand(self, case, preset):
        recipe = load_recipe(case, preset)
        for label in recipe.models:
            published = recipe.entry(label).published
            if published is not None:
                assert published.mean > 0 and (published.std or 0) >= 0
                assert re.search(r"\.py|Table|table|\d{4}", published.source) and published.differences


@pytest.mark.parametrize("case, preset", FAIR)
def test_all_models_of_a_fair_comparison_are_trained_alike(case, preset):
    recipe = load_recipe(case, preset)
    settings = [recipe.train_settings(label) for label in recipe.models]
    # Alike but for what was tuned with one budget: the learning rate from one grid, or what `lnncmp tune` found.
    budgets = {tuning and tuning.budget for tuning in (recipe.entry(label).tuning for label in recipe.models)}
    assert len(budgets) == 1
    untuned = budgets == {None}
    assert {one.learning_rate for one in settings} <= {0.003, 0.01, 0.03, 0.1} or not untuned
    alike = {"learning_rate": 0.1} | ({} if untuned else {"decay": 0.9})
    assert len({one.model_copy(update=alike) for one in settings}) == 1
    assert settings[0].restore == "best" and recipe.dt_as_input
    hidden = {recipe.arguments(label).hidden for label in recipe.models}
    assert recipe.match == "params" or hidden == {recipe.hidden}


def test_a_training_setting_set_for_all_holds_for_all():
    recipe = load_recipe("walker2d", "quick", ["train.learning_rate=0.002"])
    assert {recipe.train_settings(label).learning_rate for label in recipe.models} == {0.002}
    own = load_recipe("walker2d", "quick", ["models.cfc.train.learning_rate=0.002"])
    assert own.train_settings("cfc").learning_rate == 0.002 != own.train_settings("lstm").learning_rate


def test_a_size_that_matching_would_overrule_is_refused():
    change = "models.cfc.arguments.hidden=8"
    with pytest.raises(UsageError, match="sizes are matched by 'hidden'"):
        load_recipe("walker2d", "quick", [change])
    assert load_recipe("walker2d", "quick", [change], {"match": "own"}).arguments("cfc").hidden == 8


def test_the_paper_recipe_has_the_numbers_it_is_for():
    recipe = load_recipe("walker2d", "paper")
    published = {label: recipe.entry(label).published for label in recipe.models}
    variants = {"cfc_mixed_memory", "cfc_no_gate", "cfc_pure"}
    others = {"ctrnn", "ct_gru", "rnn_decay", "gru_d", "gru_ode", "ode_lstm", "transformer"}
    assert {label for label, number in published.items() if number} == {"cfc", "lstm", "ltc"} | variants | others
    assert published["cfc"].mean == 0.640 and published["lstm"].mean == 1.065 and published["ltc"].mean == 0.662
    data = recipe.data_settings()
    assert (recipe.source, data.window, data.stride, data.keep, data.scale) == ("original", 64, 16, 0.9, "none")


@pytest.mark.parametrize("case, preset", [row for row in RECIPES if row[1] == "standard"])
def test_verdicts_have_ten_seeds(case, preset):
    assert len(load_recipe(case, preset).seeds) >= 10


@pytest.mark.parametrize("case, preset", FAIR)
def test_every_value_that_a_fair_recipe_sets_is_explained(case, preset):
    """What a study says openly is a fact with its source; the rest is an assumption: both are in the same table."""
    recipe = load_recipe(case, preset)
    given = [f"{table}.{key}" for table in ("data", "train", "evaluate") for key in getattr(recipe, table)]
    explained = {*recipe.assumptions, "train.rate_left"} if "train.decay" in recipe.assumptions else recipe.assumptions
    assert [key for key in given if key not in explained] == []


@pytest.fixture(scope="module")
def samples():
    """A few windows of each case."""

    def few(part):
        return part.take(slice(0, 6))

    made = {name: load_case(name).sample().splits for name in case_names()}
    return {
        name: replace(
            splits,
            train=few(splits.train),
            validation=few(splits.validation),
            test=few(splits.test),
            input_scaler=replace(splits.input_scaler, fitted=False),
        )
        for name, splits in made.items()
    }


@pytest.mark.parametrize("case, preset, label", ROWS)
def test_trains_one_step_on_the_sample(case, preset, label, samples):
    hidden = {} if load_recipe(case, preset).match == "own" else {"hidden": 24}
    recipe = load_recipe(case, preset, ["train.epochs=1"], hidden)
    splits = samples[case]
    model = build_model(
        load_model(recipe.entry(label).model),
        recipe.arguments(label),
        splits.train.x.shape[2],
        splits.train.y.shape[2],
        dt_as_input=recipe.dt_as_input,
        model_seed=1,
        wiring_seed=2,
    )
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fitted = Trainer(model, splits, recipe.train_settings(label), 0, CPU).fit()
    assert fitted.status == "ok" and np.isfinite(fitted.history[0].train_loss) and fitted.history[0].grad_norm > 0
    changed = [not torch.equal(before[name], p) for name, p in model.named_parameters()]
    assert any(changed)


class TestRegistry:
    def test_members_are_the_files(self):
        from lnncmp import models

        assert {"lstm", "gru", "cfc"} <= set(member_names(models)) and "base" not in member_names(models)

    def test_an_unknown_member_is_never_imported(self):
        from lnncmp import models

        for name in ("lstn", "base", "os", "../errors"):
            with pytest.raises(UsageError, match="unknown model"):
                load_member(models, name, "MODEL", "model", ModelSpec)

    def test_shared_folders(self):
        assert (share_dir("recipes") / "walker2d.quick.toml").is_file() and share_dir("datasets").is_dir()
        with pytest.raises(LnncmpError, match="'nonsense' that belongs to lnncmp is missing"):
            share_dir("nonsense")
