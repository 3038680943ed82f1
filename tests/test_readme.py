"""Every command that the README shows exists, with the options it is shown with."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lnncmp.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
LINES = [
    line.strip() for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("    ")
]
COMMANDS = [line.partition("#")[0].strip() for line in LINES if line.startswith("lnncmp ")]
TARGETS = re.findall(r"(?:^    |`)make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_commands():
    assert len(COMMANDS) >= 4 and {"reproduce-all", "test", "install"} <= set(TARGETS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists_with_its_options(command):
    # --help wins over everything but an option or command that does not exist.
    answer = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])
    assert answer.exit_code == 0, answer.output


def test_an_option_that_does_not_exist_would_be_found():
    assert CliRunner().invoke(app, ["walker2d", "--no-such-option", "--help"]).exit_code == 2


@pytest.mark.parametrize("target", sorted(set(TARGETS)))
def test_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_exit_codes_and_presets_of_the_readme_are_real():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for preset in re.findall(r"--preset (\w+)|PRESET=(\w+)", text):
        name = "".join(preset)
        assert (ROOT / "recipes" / f"walker2d.{name}.toml").is_file(), name
