"""What all commands have in common: -h, silence with --quiet, values that a shell completes."""

import subprocess
import sys

import pytest
from cli_runs import environment, run_here
from typer.main import get_command

from lnncmp.claims.claim import load_claims
from lnncmp.cli import complete, options
from lnncmp.cli.main import app
from lnncmp.cli.terminal import be_quiet, note
from lnncmp.errors import UsageError
from lnncmp.models.base import model_names
from lnncmp.recipe.files import preset_names


def _commands(command, path=()):
    """Yield each command with its path."""
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from _commands(one, (*path, name))


COMMANDS = dict(_commands(get_command(app)))
QUIET = [path for path, command in COMMANDS.items() if any("--quiet" in param.opts for param in command.params)]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "lnncmp")
def test_h_is_help(capsys, monkeypatch, path):
    short, long = (run_here(capsys, monkeypatch, *path, flag) for flag in ("-h", "--help"))
    assert short.code == long.code == 0 and short.out == long.out
    assert "Usage: " in short.out and "-h, --help" in short.out


@pytest.mark.parametrize("path", QUIET, ids=" ".join)
def test_quiet_silences_every_note_of_a_command(capsys, path):
    command = COMMANDS[path]
    given = [word for param in command.params if param.required for word in (*param.opts[:1], "walker2d")]
    words = [word for word in given if not word.isidentifier() or word == "walker2d"]
    try:
        for flags, said in ((["-q"], ""), ([], "a note\n"), (["--quiet"], "")):
            capsys.readouterr()
            with command.make_context(path[-1], [*words, *flags]):
                note("a note")
            assert capsys.readouterr().err == said
    finally:
        be_quiet(False)


def test_these_commands_can_be_quiet():
    assert {("sine",), ("reproduce-all",), ("tune",), ("data", "bench"), ("runs", "train-weights")} <= set(QUIET)


@pytest.fixture
def completed(capsys, monkeypatch):
    """Complete the last word of a line in bash; return what is offered."""

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_LNNCMP_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        answer = run_here(capsys, monkeypatch)
        assert (answer.code, answer.err) == (0, "")
        return answer.out.split()

    return ask


def test_names_are_completed(completed):
    assert completed("lnncmp sine --preset ") == sorted(preset_names("sine"))
    assert completed("lnncmp tune walker2d --preset q") == ["quick"]
    assert completed("lnncmp reproduce-all --preset pa") == ["paper"]
    assert completed("lnncmp walker2d --source ") == completed("lnncmp data fetch walker2d --source ")
    assert completed("lnncmp data describe walker2d --source o") == ["original"]
    assert completed("lnncmp figures mor") == ["mortality"]
    assert completed("lnncmp report sine wal") == ["walker2d"]
    assert completed("lnncmp models") == ["models"] and completed("lnncmp models ") == model_names()
    assert completed("lnncmp claims show sine-ltc-on-par-with-g") == ["sine-ltc-on-par-with-gru"]
    assert completed("lnncmp claims show ") == [claim.id for claim in load_claims()]
    assert completed("lnncmp sine --format ") == list(options.FORMATS)
    assert completed("lnncmp models --format j") == ["json"]
    assert completed("lnncmp export abc --to o") == ["onnx"]


def test_the_last_of_several_names_is_completed(completed):
    assert completed("lnncmp sine --models lstm,gr") == [
        f"lstm,{name}" for name in model_names() if name.startswith("gr")
    ]
    assert completed("lnncmp reproduce-all --match hidden,") == [
        f"hidden,{name}" for name in options.MATCHES if name != "hidden"
    ]


def test_runs_recipes_and_ones_own_claims_are_completed(completed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("lnncmp-results/records/ab12.json", "out/records/cd34.json", "mine/a.toml", "mine/b.json", "c.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert completed("lnncmp runs show ") == ["ab12"]
    assert completed("lnncmp predict --out out c") == ["cd34"]
    assert completed("lnncmp sine --recipe mine/") == ["mine/a.toml"]
    assert completed("lnncmp recipes ") == ["c.toml", "lnncmp-results/", "mine/", "out/"]
    assert completed("lnncmp claims --claims c") == ["c.toml"]
    assert completed("lnncmp claims --claims c.toml show ") == []


@pytest.mark.parametrize(
    "line",
    [
        "lnncmp nosuch --preset ",
        "lnncmp tune nosuch --source ",
        "lnncmp tune --source ",
        "lnncmp sine --recipe /no/such/folder/",
        "lnncmp claims --claims /no/such/file show ",
        "lnncmp runs show --out /no/such/folder ",
        "lnncmp sine --seeds ",
        "lnncmp sine 'unclosed ",
    ],
)
def test_nothing_that_is_wrong_with_a_line_is_said(completed, line):
    completed(line)


def test_a_fault_while_completing_is_silent(completed, monkeypatch):
    def fault(ctx):
        raise RuntimeError("broken")

    assert complete.one_of(fault)(None, "") == []
    monkeypatch.setattr("lnncmp.cli.plugin_cases.Commands.resolve_command", fault)
    assert completed("lnncmp sine --preset ") == []


def test_completing_never_loads_torch(tmp_path):
    program = "import sys; sys.argv = ['lnncmp']; from lnncmp.__main__ import main; main()"
    env = environment(
        _LNNCMP_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="lnncmp claims show sine-ltc", PYTHONPROFILEIMPORTTIME="1"
    )
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and '"sine-ltc-on-par-with-gru"' in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded and loaded.isdisjoint({"torch", "scipy.stats", "matplotlib"})


def test_keys_of_set_are_completed(completed):
    offered = completed("lnncmp sine --preset quick --set ")
    assert {"hidden=", "match=", "train.epochs=", "train.rate_left=", "evaluate.horizon=", "models."} <= set(offered)
    assert not {"case=", "title=", "models.ltc.arguments.hidden="} & set(offered)
    assert "data.keep=" in completed("lnncmp walker2d --set data.ke") and "data.keep=" not in offered
    assert completed("lnncmp sine --set models.cfc.arguments.backbone_la") == ["models.cfc.arguments.backbone_layers="]
    assert completed("lnncmp sine --models gru --set models.cfc.") == []
    assert completed("lnncmp sine --models gru --set models.gru.train.ep") == ["models.gru.train.epochs="]
    assert completed("lnncmp tune sine --set train.epo") == ["train.epochs="]


def test_every_key_that_is_completed_can_be_set():
    from lnncmp.recipe.keys import keys, model_keys
    from lnncmp.recipe.load import load_recipe

    for key in (*keys("sine"), *model_keys("sine", "quick", only=["cfc"])):
        with pytest.raises(UsageError) as refused:
            load_recipe("sine", "quick", [f"{key}=[[]]"], only=["cfc"])
        assert "unknown recipe key" not in refused.value.message, key


LONG = "a" * 300
REFUSED = [
    ("compare", LONG),
    ("compare", "/".join(["b" * 200] * 30)),
    ("claims", "--out", LONG),
    ("report", "--out", LONG),
    ("figures", "--out", LONG),
    ("export", LONG, "--to", "csv"),
    ("runs", "list", "--out", LONG),
    ("runs", "verify", "--out", LONG),
    ("sine", "--preset", "quick", "--out", LONG),
    ("compare", "circle"),
]


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: " ".join(words)[:30])
def test_a_path_that_the_system_refuses_ends_in_a_sentence(capsys, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    found = run_here(capsys, monkeypatch, *words)
    assert found.code == 3 and "Traceback" not in found.err and found.err.startswith("Error: ")
