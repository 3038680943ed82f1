"""Values and keys of `--set`, seeds and recipe files that are nonsense: one sentence, quickly, whatever is compared."""

import pytest

from lnncmp.cli.options import parse_seeds
from lnncmp.cli.terminal import print_result
from lnncmp.errors import DataError, LnncmpError, UsageError
from lnncmp.recipe.files import read_recipe
from lnncmp.recipe.load import load_recipe
from lnncmp.runs.listener import task_name
from lnncmp.runs.plan import RunBatch, RunSpec
from lnncmp.runs.ready import require_threads


def refused(*changes, only=None):
    with pytest.raises(LnncmpError) as caught:
        load_recipe("sine", "quick", changes, only=only)
    message = caught.value.message
    assert "\n" not in message and "\x1b" not in message and len(message) < 400
    return message + caught.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.epochs=" + "[" * 100_000, "nested too deeply"),
        ("train.epochs=" + "[" * 60 + "]" * 60, "nested too deeply"),
        ("train.epochs=" + "9" * 5000, "too many digits"),
        ("hidden=" + "9" * 40, "more than 64 bits"),
        ("train.learning_rate=1" + "0" * 400, "more than 64 bits"),
        ("train.epochs=1\nhidden=3", "more than one line"),
        ('title="\x1b[31m"', "control characters"),
        ('title="\\u001b[31m"', "control characters"),
        ("a." * 100_000 + "b=1", "takes key=value"),
        ("a..b=1", "takes key=value"),
        ("x" * 100_000 + "=1", "takes key=value"),
        ("models.\x1b.train.epochs=1", "unknown model '?'"),
        ("train.epochs=true", "should be a number"),
        ('hidden="16"', "should be a number"),
        ("seeds=[0, true]", "should be a number"),
        ("seeds=[9223372036854775807]", "less than 4294967296"),
        ("threads=" + "x" * 5000, "threads"),
        ("train.epochs=five", "train.epochs"),
    ],
    ids=range(18),
)
def test_values_and_keys(change, words):
    assert words in refused(change)


@pytest.mark.parametrize("only", [None, ["gru"]])
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("models.ltcc.train.epochs=3", "Did you mean 'ltc'?"),
        ("models.ltc.trian.epochs=3", "trian"),
        ("models.ltc.train.epohcs=3", "Did you mean 'epochs'?"),
        ("models.ltc.arguments.hiden=3", "Did you mean 'hidden'?"),
        ("cost_only.x.model=ltcc", "Did you mean 'ltc'?"),
        ("data.sampels=3", "Did you mean 'samples'?"),
    ],
)
def test_every_key_is_checked_whatever_is_compared(key, words, only):
    assert words in refused(key, only=only)


@pytest.mark.parametrize(
    "text",
    [
        "1001",
        "0-1000",
        "9" * 5000,
        "-1",
        "3-",
        "0,0",
        "1,x",
        "0-" + "9" * 40,
        ",".join(map(str, range(1001))),
        "",
        ",",
        "⅕",
    ],
)
def test_seeds(text):
    with pytest.raises(UsageError) as caught:
        parse_seeds(text)
    assert len(caught.value.message) < 250


def test_seeds_far_apart_take_no_memory():
    assert parse_seeds("0,1000000000") == (0, 1_000_000_000)
    specs = [RunSpec.model_construct(label="ltc", seed=seed) for seed in (42, 2_025_112_800)]
    assert task_name(RunBatch.model_construct(runs=specs, label="ltc")) == "ltc seeds 42,2025112800"


def test_results_on_a_closed_standard_output_are_an_error(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(DataError, match="standard output: it is closed"):
        print_result("a table")


def test_more_threads_than_cores():
    require_threads(1)
    with pytest.raises(UsageError, match="100,000 threads for each process are more than the"):
        require_threads(100_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = " + "[" * 100_000, "nested too deeply"),
        ("x = " + "9" * 5000, "no TOML file"),
        ('title = "\\u0007"', "control characters"),
        ('[models."\\u001b[31m"]', "control characters"),
        ("[models.ltcc]", "Did you mean 'ltc'?"),
        ("only = ['gru']\n[models.ltcc]", "Did you mean 'ltc'?"),
        ("[variants.noise.train]\nepohcs = 3", "Did you mean 'epochs'?"),
        ('tuned = "\\u0000.toml"', "control characters"),
        ('preset = "' + "x" * 300 + '"', "cannot be the name of a recipe"),
        ("seeds = [0, 0]", "each seed once"),
    ],
    ids=range(10),
)
def test_recipe_files(text, words, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'case = "sine"\nextends = "sine.quick"\n{text}\n')
    with pytest.raises(LnncmpError) as caught:
        load_recipe("sine", read_recipe(path))
    assert words in caught.value.message + caught.value.hint and len(caught.value.message) < 400
