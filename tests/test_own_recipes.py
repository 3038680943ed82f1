"""`--recipe FILE`: a recipe of the user's own in place of a preset, checked like those that ship, named by its file."""

import json
from dataclasses import replace

import pytest
from cli_runs import refused, run_here
from figure_records import run, write
from report_folders import small_folder

from lnncmp.cases.base import load_case
from lnncmp.cli import study
from lnncmp.comparison.studies import load_studies
from lnncmp.errors import DataError, UsageError
from lnncmp.multiverse.choices import load_choices
from lnncmp.multiverse.recipes import check_alternatives, recipes_of
from lnncmp.multiverse.universes import Universe
from lnncmp.recipe.files import has_variant, read_recipe
from lnncmp.recipe.load import load_recipe
from lnncmp.runs.plan import DataShape, make_plan

OWN = """
extends = "sine.quick"
only = ["cfc", "gru"]
hidden = 7

[data]
samples = 30
"""
WHOLE = """
case = "sine"
title = "All of it"
source = "generated"
reference = "gru"
[models.gru]
"""


@pytest.fixture
def write_recipe(tmp_path):
    def call(text=OWN, name="mine.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return call


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, *args)


@pytest.fixture
def reads_files(monkeypatch):
    """Let the case sine be one that reads the user's own files."""
    monkeypatch.setattr("lnncmp.cases.sine.CASE", replace(load_case("sine"), reads_files=True))


def loaded(path, *args, **more):
    return load_recipe("sine", read_recipe(path, "sine"), *args, **more)


class TestReading:
    def test_is_laid_over_what_it_extends(self, write_recipe):
        recipe, quick = loaded(write_recipe()), load_recipe("sine", "quick")
        assert (recipe.preset, recipe.hidden, list(recipe.models)) == ("mine", 7, ["cfc", "gru"])
        assert recipe.data_settings().samples == 30 and recipe.data_settings().waves == quick.data_settings().waves
        assert recipe.train_settings("cfc") == quick.train_settings("cfc") and recipe.seeds == quick.seeds

    def test_a_file_may_hold_everything(self, write_recipe):
        recipe = loaded(write_recipe(WHOLE))
        assert recipe.title == "All of it" and list(recipe.models) == ["gru"]

    def test_a_copy_of_a_recipe_that_ships_is_the_same_recipe(self, write_recipe):
        recipe = loaded(write_recipe('extends = "sine.standard"\n'))
        assert recipe.model_copy(update={"preset": "standard"}) == load_recipe("sine", "standard")

    def test_files_extend_files_beside_them(self, write_recipe):
        write_recipe('preset = "base"\n' + OWN, "deep/base.toml")
        path = write_recipe('extends = "deep/base.toml"\nhidden = 9\n', "top.toml")
        recipe = loaded(path)
        assert (recipe.preset, recipe.hidden, recipe.data_settings().samples) == ("top", 9, 30)

    def test_options_and_changes_win(self, write_recipe):
        path = write_recipe(OWN + "noise_std = 0.2\n[variants.noise.data]\nnoise_std = 0.3\n")
        recipe = loaded(path, ["hidden=5", "data.samples=40"], {"seeds": (3,)}, ["lstm"])
        assert (recipe.hidden, recipe.data_settings().samples, recipe.seeds) == (5, 40, (3,))
        assert list(recipe.models) == ["lstm"] and recipe.reference == "lstm"
        assert loaded(path, variant="noise").data_settings().noise_std == 0.3
        assert loaded(path).hidden == 7, "what was changed once is changed once"

    def test_its_name_is_a_key_or_that_of_the_file(self, write_recipe):
        assert loaded(write_recipe('preset = "long waves"\n' + OWN, "x.toml")).preset == "long waves"

    def test_files_of_data_are_relative_to_the_recipe(self, write_recipe, tmp_path, reads_files):
        path = write_recipe('files = ["a.csv", "../b.csv"]\n' + OWN, "deep/mine.toml")
        assert [str(one) for one in read_recipe(path).files] == [f"{tmp_path}/deep/a.csv", f"{tmp_path}/deep/../b.csv"]
        below = write_recipe('extends = "deep/mine.toml"\n', "below.toml")
        assert read_recipe(below).files == read_recipe(path).files

    def test_a_tuned_recipe_beside_it(self, write_recipe, tmp_path):
        path = write_recipe('tuned = "found.toml"\n' + OWN, "deep/mine.toml")
        with pytest.raises(DataError, match=r"cannot read the tuned recipe in .*deep/found\.toml"):
            loaded(path)

    def test_marks_of_windows_do_no_harm(self, tmp_path):
        (tmp_path / "mine.toml").write_bytes(b"\xef\xbb\xbf" + OWN.replace("\n", "\r\n").encode())
        assert loaded(tmp_path / "mine.toml").hidden == 7


MISTAKES = [
    (OWN.replace("samples", "sampels"), "mine.toml: unknown recipe key 'data.sampels'", "Did you mean 'samples'?"),
    (OWN.replace("hidden", "hiden"), "mine.toml: unknown recipe key 'hiden'", "Did you mean 'hidden'?"),
    (OWN.replace("30", "3"), "mine.toml: recipe key 'data.samples' is 3", ""),
    (OWN.replace('"cfc"', '"cfk"'), "mine.toml: unknown model 'cfk'", "Did you mean 'cfc'?"),
    (OWN.replace('["cfc", "gru"]', '"cfc"'), "mine.toml: recipe key 'only' is 'cfc': it should list models", ""),
    (OWN.replace("sine.quick", "sine.quik"), "mine.toml: unknown recipe to extend 'sine.quik'", "'sine.quick'"),
    (OWN.replace("sine.quick", "../sine.quick"), "mine.toml: unknown recipe to extend '../sine.quick'", ""),
    (OWN.replace('"sine.quick"', "[5]"), "mine.toml: unknown recipe to extend '[5]'", ""),
    (OWN.replace("sine.quick", "walker2d.quick"), "mine.toml: it is a recipe of the case walker2d, not of sine", ""),
    (OWN.replace("sine.quick", "mine.toml"), "mine.toml: it extends itself, by way of mine.toml", ""),
    ('preset = "quick"\n' + OWN, "mine.toml: lnncmp has a recipe of the name quick for sine", "key preset"),
    ('preset = "a/b"\n' + OWN, "mine.toml: 'a/b' cannot be the name of a recipe", "key preset"),
    ("preset = 5\n" + OWN, "mine.toml: '5' cannot be the name of a recipe", ""),
    ('files = ["a.csv"]\n' + OWN, "mine.toml: recipe key 'files' names data, but the case sine reads no", ""),
    ("files = 5\n" + OWN, "mine.toml: recipe key 'files' is 5: it should list paths", ""),
    ("variants = 5\n" + OWN, "mine.toml: recipe key 'variants' should hold tables", ""),
    (OWN + "[variants.nois.data]\nsamples = 9\n", "mine.toml: unknown variant 'nois'", "Did you mean 'noise'?"),
    ("models = 5\n" + OWN, "mine.toml: recipe key 'models' is 5", ""),
    ("data = 5\n" + OWN.partition("[data]")[0], "mine.toml: recipe key 'data' is 5", ""),
    ("cost_only = 5\n" + OWN, "mine.toml: recipe key 'cost_only' is 5", ""),
    (WHOLE.replace('case = "sine"\n', ""), "mine.toml: the recipe lacks the key 'case'", "sine"),
    (WHOLE.replace('"sine"', '"sin"'), "mine.toml: unknown case 'sin'", "Did you mean 'sine'?"),
    (WHOLE.replace('"sine"', "[1]"), "mine.toml: unknown case '[1]'", ""),
    (WHOLE.replace('title = "All of it"\n', ""), "mine.toml: the recipe lacks the key 'title'", ""),
    (WHOLE.replace("[models.gru]", ""), "mine.toml: the recipe lacks the key 'models'", ""),
    ("tuned = true\n" + WHOLE.replace("[models.gru]", ""), "mine.toml: the recipe lacks the key 'models'", ""),
    (WHOLE.replace("generated", "genrated"), "mine.toml: unknown source 'genrated'", "'generated'"),
    ("case = ", "mine.toml is no TOML file", ""),
    ("a = " + "[" * 5000, "mine.toml cannot be the recipe: its values are nested too deeply", ""),
    ("a" + ".a" * 500 + " = 1", "mine.toml cannot be the recipe: its values are nested too deeply", ""),
    ("#" * 1_000_001, "mine.toml is larger than 1,000,000 bytes: it cannot be the recipe", ""),
]


class TestRefused:
    @pytest.mark.parametrize(("text", "said", "hint"), MISTAKES, ids=[said for _, said, _ in MISTAKES])
    def test_a_mistake_is_one_sentence_with_the_files_name(self, write_recipe, text, said, hint):
        path = write_recipe(text)
        with pytest.raises(UsageError) as error:
            loaded(path)
        assert error.value.message.startswith(said) and "\n" not in error.value.message
        assert hint in error.value.hint + error.value.message

    def test_a_circle_of_files(self, write_recipe):
        write_recipe('extends = "b.toml"\n', "a.toml")
        with pytest.raises(UsageError, match=r"a.toml: it extends itself, by way of b.toml"):
            read_recipe(write_recipe('extends = "a.toml"\n', "b.toml").parent / "a.toml")

    def test_what_cannot_be_read(self, tmp_path, write_recipe):
        with pytest.raises(DataError, match="cannot read the recipe in"):
            read_recipe(tmp_path / "none.toml")
        with pytest.raises(UsageError, match="is not a regular file: it cannot be the recipe"):
            read_recipe(tmp_path)
        with pytest.raises(DataError, match=r"cannot read the recipe in .*gone\.toml"):
            read_recipe(write_recipe('extends = "gone.toml"\n'))

    def test_a_mistake_in_an_option_is_not_the_files(self, write_recipe):
        with pytest.raises(UsageError) as error:
            loaded(write_recipe(), ["data.sampels=3"])
        assert error.value.message == "unknown recipe key 'data.sampels'"


class TestCommands:
    def test_show_every_value(self, write_recipe, command, tmp_path, reads_files):
        path = write_recipe('files = ["a.csv"]\n' + OWN)
        shown = json.loads(command("recipes", path, "--format", "json").out)
        assert (shown["preset"], shown["case"], shown["data"]["samples"]) == ("mine", "sine", 30)
        assert shown["files"] == [str(tmp_path / "a.csv")] and shown["data"]["gap"] == 0.2, "defaults are filled in"
        assert shown["models"]["cfc"]["arguments"]["hidden"] == 7 and "data.samples" in shown["assumptions"]
        table = command("recipes", path)
        assert table.code == 0 and "mine.toml: sine, mine" in table.out and "data.samples" in table.out
        refused(command("recipes", write_recipe("case = ")), 2, "mine.toml is no TOML file")

    def test_take_a_preset_or_a_file(self, write_recipe, command):
        path = write_recipe()
        for words in (["sine"], ["tune", "sine"]):
            refused(
                command(*words, "--preset", "quick", "--recipe", path), 2, "--preset and --recipe both name a recipe"
            )
            refused(command(*words, "--recipe", write_recipe("case = ")), 2, "mine.toml is no TOML file")
            write_recipe()
        refused(command("walker2d", "--recipe", path), 2, "mine.toml: it is a recipe of the case sine, not of walker2d")
        refused(command("multiverse", "walker2d", "--recipe", path), 2, "mine.toml: it is a recipe of the case sine")

    def test_hand_the_files_to_the_case(self, write_recipe, command, monkeypatch, tmp_path, reads_files):
        asked = []
        monkeypatch.setattr(study, "_plan", lambda recipe, request, *rest: asked.append((recipe, request)))
        assert command("sine", "--dry-run", "--recipe", write_recipe('files = ["a.csv"]\n' + OWN)).code == 0
        ((recipe, request),) = asked
        assert recipe.preset == "mine" and request.files == (tmp_path / "a.csv",)

    def test_describe_the_source_that_it_names(self, write_recipe, command, monkeypatch):
        path = write_recipe('extends = "walker2d.quick"\nsource = "original"\n')
        assert "2006.04418" in command("data", "describe", "walker2d", "--recipe", path).out

    def test_start_a_multiverse_from_it(self, write_recipe, command, monkeypatch):
        def stop(choices, wanted, request, progress):
            raise UsageError(f"own {wanted.own.preset}, claims {wanted.claims.name}, beside {wanted.beside}")

        monkeypatch.setattr("lnncmp.multiverse.study.get_multiverse", stop)
        path = write_recipe('extends = "sine.quick"\n[data]\ngap = 0.3\n')
        words = ["--recipe", path, "--claims", "mine-claims.toml", "--beside"]
        refused(command("multiverse", "sine", *words), 2, "own mine, claims mine-claims.toml, beside True")
        choices = load_choices("sine")
        universe = Universe(choices, tuple(0 for _ in choices.choice))
        for recipe in recipes_of(universe, (0,), own=read_recipe(path)).values():
            assert recipe.preset == "mine" and recipe.data_settings().gap == 0.3
        check_alternatives(choices, own=read_recipe(path))

    def test_tune_without_variants_that_it_lacks(self, write_recipe):
        assert has_variant(read_recipe(write_recipe()), "noise") and has_variant("quick", "noise")
        assert not has_variant(read_recipe(write_recipe(WHOLE)), "noise")


def test_runs_and_tables_bear_its_name(write_recipe):
    recipe = loaded(write_recipe())
    arguments = {label: recipe.arguments(label) for label in recipe.models}
    plan = make_plan(recipe, DataShape("d" * 16, 9, 9, 9, 30, 1, 1), arguments)
    assert {run.preset for run in plan.runs} == {"mine"}
    named = recipe.model_copy(update={"preset": "quick"})
    same = make_plan(named, plan.shape, arguments)
    assert [one.run_id for one in same.runs] == [one.run_id for one in plan.runs], "a name changes no number"


class TestFoundAgain:
    def test_records_of_a_recipe_that_is_not_here_are_compared(self, tmp_path):
        (found,) = load_studies(write(tmp_path, [run("gru", 0, preset="somebody's")], ()))
        assert found.recipe is None and found.table.preset == "somebody's"

    def test_report_and_claims_do_without_it(self, tmp_path, command):
        out = small_folder(tmp_path / "out", preset="mine")
        assert "preset mine" in command("compare", out).out
        assert command("report", "--out", out, "-q").code == 0
        text = (out / "report" / "report.md").read_text()
        assert "lnncmp walker2d --recipe mine.toml --models gru --seeds 1" in text
        assert command("claims", "--out", out).code == 0
