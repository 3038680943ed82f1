"""Tuned recipes: what they change, what they leave alone, and what is refused."""

import tomllib
from pathlib import Path

import pytest

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError, UsageError
from lnncmp.recipe.decay import decay_of, rate_left_of
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.tuned import TunedRecipe
from lnncmp.runs.plan import DataShape, make_plan

SHAPE = DataShape("d" * 16, 100, 10, 10, 50, 1, 1)
PROVENANCE = {
    "case": "sine",
    "case_version": 1,
    "source": "generated",
    "conditions": ["clean", "noise 0.1"],
    "data_hash": ["a", "b"],
    "preset": "standard",
    "match": "hidden",
    "epochs": 40,
    "trials": 16,
    "seeds": [1000, 1001],
    "sampler": "somehow",
}
LTC = {
    "model": "ltc",
    "version": 1,
    "train": {"learning_rate": 0.0173, "rate_left": 0.25},
    "arguments": {"constraint": "clip"},
}


@pytest.fixture
def write(tmp_path):
    """Write a tuned recipe, with one text of it replaced, and return its path as text."""

    def write(old="", new=""):
        text = TunedRecipe.model_validate({"tuning": PROVENANCE, "models": {"ltc": LTC}}).as_toml()
        assert old in text
        (tmp_path / "sine.toml").write_text(text.replace(old, new) if old else text)
        return str(tmp_path / "sine.toml")

    return write


def load(path, *changes, preset="standard", **options):
    return load_recipe("sine", preset, changes, {"tuned": path}, **options)


def test_a_tuned_recipe_survives_its_file(write):
    found = tomllib.loads(Path(write()).read_text())
    assert found == {"tuning": PROVENANCE, "models": {"ltc": LTC}}
    assert TunedRecipe.model_validate(found).models["ltc"].train.rate_left == 0.25


def test_it_changes_what_was_tuned_and_nothing_else(write):
    usual, made = load_recipe("sine", "standard", overrides={"tuned": False}), load(write())
    assert made.train_settings("ltc").learning_rate == 0.0173 and made.arguments("ltc").constraint == "clip"
    assert made.train_settings("gru") == usual.train_settings("gru") and made.entry("gru").tuning is None
    note = made.entry("ltc").tuning
    assert (note.trials, len(note.dimensions)) == (16, 3) and "seeds 1000-1001" in note.origin
    assert "/" not in note.origin  # a record holds no path of a machine


@pytest.mark.parametrize("epochs", [8, 40, 400])
def test_the_decay_means_the_same_at_any_number_of_epochs(write, epochs):
    train = load(write(), f"train.epochs={epochs}").train_settings("ltc")
    assert train.decay == pytest.approx(0.25 ** (1 / epochs)) and train.decay**epochs == pytest.approx(0.25)


def test_decay_and_share_are_inverse():
    for decay, epochs in ((0.95, 40), (0.9, 20), (1.0, 7), (0.997, 400)):
        assert decay_of(rate_left_of(decay, epochs), epochs) == decay


def test_what_the_user_sets_wins_and_counts_as_untuned(write):
    path = write()
    for change in ("train.learning_rate=0.01", "models.ltc.train.learning_rate=0.01"):
        made = load(path, change)
        assert made.train_settings("ltc").learning_rate == 0.01 and made.entry("ltc").tuning is None
    for change in ("train.decay=0.5", "models.ltc.train.decay=0.5"):
        made = load(path, change)
        assert made.train_settings("ltc").decay == 0.5 and made.entry("ltc").tuning is None
    made = load(path, 'models.ltc.arguments.constraint="softplus"')
    assert made.arguments("ltc").constraint == "softplus" and made.entry("ltc").tuning is None
    assert load(path, "train.epochs=3", "models.ltc.arguments.unfolds=3").entry("ltc").tuning is not None


def test_a_share_may_stand_in_any_recipe():
    made = load_recipe("sine", "quick", ["train.rate_left=0.01", "train.epochs=2"])
    assert {made.train_settings(label).decay for label in made.models} == {0.1} == {made.train_settings().decay}
    assert load_recipe("sine", "quick", ["train.rate_left=0.01", "train.decay=0.7"]).train_settings().decay == 0.7
    for bad in ("0", "1.5", "true", '"half"'):
        with pytest.raises(UsageError, match=r"'train.rate_left' is .*: it should be above 0 and at most 1"):
            load_recipe("sine", "quick", [f"train.rate_left={bad}"])


def test_tuning_is_no_part_of_a_runs_identity(write):
    made = load(write(), "seeds=[0]")
    by_hand = ["models.ltc.train.learning_rate=0.0173", "models.ltc.train.rate_left=0.25", "seeds=[0]"]
    same = load_recipe("sine", "standard", [*by_hand, 'models.ltc.arguments.constraint="clip"'])

    def ids(recipe):
        return [run.run_id for run in make_plan(recipe, SHAPE, {"ltc": recipe.arguments("ltc")}).runs]

    assert ids(made) == ids(same)
    plan = make_plan(made, SHAPE, {label: made.arguments(label) for label in ("ltc", "gru")})
    assert [run.tuning is None for run in plan.runs] == [False, True]


def test_a_preset_can_ask_for_the_tuned_recipe_of_its_case(write, monkeypatch, tmp_path):
    folder = tmp_path / "recipes"
    (folder / "tuned").mkdir(parents=True)
    for path in share_dir("recipes").glob("sine*.toml"):
        (folder / path.name).write_text(path.read_text())
    (folder / "tuned" / "sine.toml").write_text(Path(write()).read_text())
    assert "tuned = true" in (folder / "sine.standard.toml").read_text()
    for module in ("lnncmp.recipe.tuned", "lnncmp.recipe.files"):
        monkeypatch.setattr(f"{module}.recipe_folder", lambda case: folder)
    assert load_recipe("sine", "standard").train_settings("ltc").learning_rate == 0.0173
    assert load_recipe("sine", "quick").entry("ltc").tuning is None
    assert load_recipe("sine", "quick", overrides={"tuned": True}).entry("ltc").tuning is not None
    assert load_recipe("sine", "quick", ['tuned="sine"'], variant="noise").entry("ltc").tuning is not None
    for off in ({"changes": ["tuned=false"]}, {"overrides": {"tuned": False}}):
        assert load_recipe("sine", "standard", **off).entry("ltc").tuning is None
    with pytest.raises(UsageError, match="there is no tuned recipe 'walker': available are sine"):
        load_recipe("sine", "quick", ['tuned="walker"'])


def test_a_chosen_model_that_was_not_tuned_is_untuned(write):
    made = load(write(), only=["ltc", "lstm"])
    assert [made.entry(label).tuning is None for label in made.models] == [False, True]


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('case = "sine"', 'case = "walker2d"', "sine.toml belongs to the case walker2d, not sine"),
        ("case_version = 1", "case_version = 9", "sine.toml was made for version 9 of sine; this is version"),
        ("\nversion = 1", "\nversion = 9", "sine.toml was made with version 9 of ltc; this is version 1"),
        ('model = "ltc"', 'model = "ltd"', "unknown model of ltc in the tuned recipe sine.toml 'ltd'"),
        ('model = "ltc"', 'model = "ncp"', "the tuned recipe sine has ncp as ltc, the recipe ltc"),
        ("[models.ltc]", "[models.ltz]", "unknown model in the tuned recipe sine 'ltz'"),
        ("constraint", "constrain", "unknown argument of ltc in the tuned recipe sine.toml 'constrain'"),
        ('"clip"', '"none"', "recipe key 'models.ltc.arguments.constraint' is 'none'"),
        ("0.0173", "-1.0", "'models.ltc.train.learning_rate' is -1.0"),
        ("rate_left = 0.25", "rate_left = 0.25, epochs = 3", "unknown recipe key 'models.ltc.train.epochs'"),
        ("[1000, 1001]", "[5, 1000]", "was tuned with seed 5, which these runs would use too"),
        ("trials = 16", "trials = 0", "recipe key 'tuning.trials' is 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(write, old, new, said):
    with pytest.raises(UsageError) as refused:
        load(write(old, new))
    assert said in refused.value.message and "\n" not in refused.value.message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"cannot read the tuned recipe [^\[]*: No such file"):
        load(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("models = [")
    with pytest.raises(UsageError, match=r"bad.toml is no TOML file"):
        load(str(tmp_path / "bad.toml"))
    (tmp_path / "other.toml").write_text("[models.ltc]\n")
    with pytest.raises(UsageError, match="the recipe lacks the key 'tuning'"):
        load(str(tmp_path / "other.toml"))
