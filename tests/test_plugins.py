"""Models, cases and sources of installed packages: found, refused in one sentence, and never in the way of others."""

import json
import sys

import pytest
from cli_runs import environment, refused, run, run_here
from plugin_packages import ALL, CASE, MODEL, TOY, install, seen

from lnncmp import cases, models
from lnncmp.cases.base import case_names, load_case, load_source, packages_of_case, refused_members
from lnncmp.cli.doctor_plugins import plugin_rows
from lnncmp.cli.main import app
from lnncmp.common import plugins
from lnncmp.common.plugins import PluginError
from lnncmp.common.registry import member_names, own_names
from lnncmp.common.registry import refused as refusals
from lnncmp.errors import UsageError
from lnncmp.models.base import load_model, model_names, packages_of_model
from lnncmp.recipe.files import preset_names

BOOM = "raise RuntimeError('boom')\n"


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, *args)


@pytest.fixture
def toy(tmp_path):
    """The toy package, found by this process."""
    with seen(install(tmp_path / "site", ALL)):
        yield


class TestFound:
    def test_members_beside_lnncmps_own(self, toy):
        assert set(model_names()) - set(own_names(models)) == {"toy_lstm"}
        assert set(case_names()) - set(own_names(cases)) == {"toy"}
        assert load_model("toy_lstm").summary == "An LSTM by another name."
        assert load_case("toy").title == "Toy waves" and load_source(load_case("toy"), "made").summary == "Toy waves."
        assert list(load_case("sine").sources) == ["generated", "toy"]
        assert load_source(load_case("sine"), "toy").name == "made"
        assert refused_members() == [] and refusals(models) == {}

    def test_where_they_come_from(self, toy):
        own = {"toy-package": "1.2"}
        assert (
            packages_of_case("toy", "made") == packages_of_case("sine", "toy") == packages_of_model("toy_lstm") == own
        )
        assert packages_of_case("sine", "generated") == packages_of_model("lstm") == {}

    def test_names_are_listed_without_an_import(self, tmp_path, command):
        files = {"boom.py": BOOM}
        with seen(
            install(tmp_path, {"models": {"m": "boom"}, "cases": {"c": "boom"}, "sources": {"sine.s": "boom"}}, files)
        ):
            assert "m" in member_names(models) and "c" in member_names(cases) and "s" in load_case("sine").sources
            answer = command("--help")
            assert answer.code == 0 and "Case study of the package toy-package." in answer.out
            assert "boom" not in sys.modules
        assert "m" not in member_names(models) and "c" not in case_names() and "s" not in load_case("sine").sources

    def test_the_command_of_a_case_is_that_of_every_case(self, toy, command):
        answer = command("toy", "--help")
        assert answer.code == 0
        for part in ("Predict toy waves. Executes missing runs", "--preset", "--recipe", "--noise"):
            assert part in answer.out
        refused(command("toyy"), 2, "No such command 'toyy'", "'toy'")

    def test_help_loads_no_torch(self, tmp_path):
        path = install(tmp_path, {"cases": {"toy": "heavy"}}, {"heavy.py": "import torch\n"})
        answer = run("--help", env=environment(PYTHONPATH=str(path), PYTHONPROFILEIMPORTTIME="1"))
        assert answer.code == 0 and "Case study of the package toy-package." in answer.out
        loaded = {line.rpartition("|")[2].strip() for line in answer.err.splitlines()}
        assert "typer" in loaded and loaded.isdisjoint({"torch", "heavy"})

    def test_lists_show_them(self, toy, command):
        shown = [json.loads(command(*words, "--format", "json").out) for words in (["models"], ["data", "list"])]
        assert "toy_lstm" in [row["model"] for row in shown[0]]
        assert {("toy", "made"), ("sine", "toy")} <= {(row["case"], row["source"]) for row in shown[1]}
        assert "An LSTM by another name." in command("models", "toy_lstm").out


BROKEN = [
    ("boom.py", "boom", BOOM, "boom raises RuntimeError: boom"),
    ("boom.py", "boom", "import sys\nsys.exit(3)\n", "boom raises SystemExit: 3"),
    ("boom.py", "boom", "import not_there\n", "boom raises ModuleNotFoundError: No module named 'not_there'"),
    ("boom.py", "boom", "raise ValueError\n", "boom raises ValueError: no message"),
    ("boom.py", "gone", "", "gone raises ModuleNotFoundError: No module named 'gone'"),
    ("boom.py", "boom", "", "boom raises AttributeError: module 'boom' has no attribute 'MODEL'"),
    ("boom.py", "boom:OTHER", "MODEL = 5\n", "boom raises AttributeError: module 'boom' has no attribute 'OTHER'"),
    ("boom.py", "boom", "MODEL = 5\n", "boom should be a ModelSpec, it is a int"),
    ("boom.py", "boom:CASE", CASE, "boom:CASE should be a ModelSpec, it is a Case"),
    ("boom.py", ":", "", "raises ValueError"),
]


class TestRefused:
    @pytest.mark.parametrize(("file", "value", "text", "said"), BROKEN, ids=[said for *_, said in BROKEN])
    def test_one_that_cannot_be_used_names_its_package(self, tmp_path, command, file, value, text, said):
        with seen(install(tmp_path, {"models": {"mine": value}}, {file: text})):
            with pytest.raises(PluginError) as error:
                load_model("mine")
            whole = f"the model 'mine' of the package toy-package cannot be used: {said}"
            assert error.value.message.startswith(whole.rpartition(": ")[0] if value == ":" else whole)
            assert "\n" not in error.value.message and error.value.hint == (
                "Mend the package, or remove it: pip uninstall toy-package"
            )
            answer = command("models")
            assert answer.code == 0 and said in answer.err and "Traceback" not in answer.err
            assert "│ ltc " in answer.out

    def test_everything_else_goes_on(self, tmp_path, command):
        entries = {
            "models": {"m": "boom"},
            "cases": {"c": "boom", "toy": "toy_package.case"},
            "sources": {"toy.s": "boom"},
        }
        with seen(install(tmp_path, entries, {**TOY, "boom.py": BOOM})):
            for words in (["models"], ["recipes"], ["data", "list"], ["models", "lstm"], ["data", "describe", "sine"]):
                assert command(*words).code == 0, words
            refused(command("c"), 2, "the case 'c' of the package toy-package cannot be used: boom raises RuntimeError")
            refused(command("tune", "c"), 2, "the case 'c' of the package toy-package cannot be used")
            refused(
                command("data", "verify", "toy", "--source", "s"), 2, "the source 'toy.s' of the package toy-package"
            )
            refused(command("sine", "--models", "m"), 2, "the model 'm' of the package toy-package cannot be used")

    def test_lnncmps_own_members_win(self, tmp_path, command):
        entries = {"models": {"ltc": "boom"}, "cases": {"sine": "boom"}, "sources": {"sine.generated": "boom"}}
        with seen(install(tmp_path, entries, {"boom.py": BOOM})):
            assert "Liquid time-constant" in load_model("ltc").summary
            assert load_case("sine").title == "Damped sine" and list(load_case("sine").sources) == ["generated"]
            answer = command("models")
            assert "the model 'ltc' of the package toy-package is not used: lnncmp has one of that name" in answer.err
            said = command("data", "list").err
            assert "the case 'sine' of the package toy-package is not used: lnncmp has one of that name" in said
            assert "the source 'sine.generated' of the package toy-package is not used: sine has a source of" in said
            assert command("models", "ltc").err == ""

    def test_two_packages_of_one_name(self, tmp_path):
        one = install(tmp_path / "a", {"models": {"mine": "boom"}}, {"boom.py": MODEL})
        two = install(tmp_path / "b", {"models": {"mine": "boom"}}, {}, name="other-package")
        with seen(one, two):
            assert "mine" not in model_names()
            with pytest.raises(PluginError, match="package toy-package is not used: other-package offers one"):
                load_model("mine")
        with seen(two, one), pytest.raises(PluginError, match="package other-package is not used: toy-package offers"):
            load_model("mine")

    def test_one_package_that_is_found_twice_is_one(self, tmp_path):
        folders = [install(tmp_path / name, {"models": {"mine": "boom"}}, {"boom.py": MODEL}) for name in "ab"]
        with seen(*folders):
            assert load_model("mine").summary == "An LSTM by another name."

    @pytest.mark.parametrize("name", ["../mine", "Mine", "a b", "-x", "a/b"])
    def test_names_that_could_be_no_file_or_option(self, tmp_path, name):
        with seen(install(tmp_path, {"cases": {name: "boom"}}, {"boom.py": CASE})):
            assert case_names() == own_names(cases)
            assert any("a name has small letters, digits, _ and - only" in sentence for sentence in refused_members())

    @pytest.mark.parametrize("name", ["generated", "nix.made", "sine.", "toy"])
    def test_a_source_of_no_case(self, tmp_path, name):
        with seen(install(tmp_path, {"sources": {name: "toy_package.source"}})):
            (sentence,) = refused_members()
            assert f"the source '{name}' of the package toy-package is not used" in sentence

    def test_no_case_can_have_the_name_of_a_command(self, tmp_path, command):
        found = {one.name for one in (*app.registered_commands, *app.registered_groups)}
        assert set(cases.RESERVED) == found - set(own_names(cases))
        with seen(install(tmp_path, {"cases": {"data": "toy_package.case"}})):
            assert (
                "the case 'data' of the package toy-package is not used: lnncmp has a command"
                in command("data", "list").err
            )

    def test_metadata_that_cannot_be_read(self, tmp_path):
        folder = install(tmp_path, {"models": {}})
        (folder / "toy_package-1.2.dist-info" / "entry_points.txt").write_text("[lnncmp.models]\nnonsense\n")
        with seen(folder):
            assert model_names() == own_names(models)
            (sentence,) = plugins.unreadable()
            assert "the entry points of the package toy-package cannot be read" in sentence


class TestFilesOfAPackage:
    def test_recipes_and_cards_lie_in_it(self, tmp_path, command):
        files = {
            **TOY,
            "toy_package/recipes/toy.mini.toml": 'extends = "toy"\nhidden = 4\n',
            "toy_package/recipes/toy.toml": 'case = "toy"\ntitle = "Toy"\nsource = "made"\n[models.lstm]\n',
            "toy_package/recipes/toy.bad.toml": 'extends = "toy"\nhiden = 4\n',
            "toy_package/datasets/sine/made.md": "# Toy card\n",
        }
        with seen(install(tmp_path, ALL, files)):
            assert preset_names("toy") == ["bad", "mini"]
            answer = command("recipes", "--format", "json")
            assert '"command": "lnncmp toy --preset mini"' in answer.out and "toy.standard" not in answer.out
            assert answer.err == "toy.bad: unknown recipe key 'hiden'\n"
            assert command("data", "describe", "toy").out == "# Toy card\n"
            assert command("data", "describe", "sine", "--source", "toy").out == "# Toy card\n"
            refused(command("toy", "--preset", "mni"), 2, "unknown preset 'mni'", "Did you mean 'mini'?")

    def test_a_package_without_them_is_told_so(self, toy, command):
        refused(command("toy"), 2, "the case toy comes without recipes", "lnncmp toy --recipe FILE.toml")
        refused(command("data", "describe", "toy"), 3, "the source made has no data card", "datasets/sine/made.md")
        refused(command("multiverse", "toy"), 3, "no open choices are listed for toy", "--choices")


class TestDoctor:
    def test_says_which_plugins_keep_their_contract(self, tmp_path, monkeypatch):
        here = "lnncmp.cli.doctor_plugins.in_fresh_process"
        monkeypatch.setattr(here, lambda work, name, **rest: work(lambda *progress: None, name))
        faulty = MODEL.replace('name."', 'name.", uses_dt=True')
        entries = {**ALL, "models": {"toy_lstm": "toy_package.model", "late": "faulty", "ltc": "faulty"}}
        with seen(install(tmp_path, entries, {**TOY, "faulty.py": faulty})):
            rows = {row["check"]: row for row in plugin_rows(lambda sentence: None)}
        assert [rows[f"plugin {name}"]["advice"] for name in ("toy_lstm", "toy", "sine.toy")] == ["", "", ""]
        assert rows["plugin late"]["advice"] == "Broken: uses_dt is True, but elapsed times do not change its outputs."
        assert rows["plugins"]["advice"].startswith("the model 'ltc' of the package toy-package is not used")
        assert rows["plugin toy"]["found"] == "toy-package 1.2"


def test_an_unknown_name_is_not_a_plugins_fault(toy):
    with pytest.raises(UsageError, match="unknown model 'toy_lstn'") as error:
        load_model("toy_lstn")
    assert type(error.value) is UsageError and "Did you mean 'toy_lstm'?" in error.value.hint
