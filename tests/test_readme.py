"""What README and docs/ show is there: commands with their options, make targets, paths, links, imports of examples."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lnncmp.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
EXAMPLES = {"walk", "elman", "pulled_walk", "strong"}
"""A case, a model and a source that pages show how to add; they are not part of lnncmp."""


def _commands(text):
    """Return the commands of indented blocks, and those in running text."""
    lines = [line.strip().partition("#")[0].partition(">")[0].strip() for line in text.splitlines()]
    shown = [line for line in lines if line.startswith("lnncmp ")]
    return shown + re.findall(r"`(lnncmp [a-z][^`]*)`", text)


COMMANDS = sorted({command for text in TEXTS.values() for command in _commands(text)})
TARGETS = sorted({target for text in TEXTS.values() for target in re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.M)})
PATHS = sorted(
    {
        (name, path)
        for name, text in TEXTS.items()
        for path in re.findall(r"`((?:lnncmp|recipes|datasets|docs|tests)/[\w./-]*)", text)
    }
)
LINKS = sorted({(name, link) for name, text in TEXTS.items() for link in re.findall(r"\]\((?!http)([^)]+)\)", text)})


def test_there_are_commands_and_targets():
    assert len(COMMANDS) >= 20 and {"reproduce-all", "test", "install"} <= set(TARGETS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists_with_its_options(command):
    words = shlex.split(command)[1:]
    # --help wins over everything but an option or command that does not exist.
    answer = CliRunner().invoke(app, [*words, "--help"])
    assert answer.exit_code == (2 if words[0] in EXAMPLES else 0), answer.output


def test_an_option_that_does_not_exist_would_be_found():
    assert CliRunner().invoke(app, ["walker2d", "--no-such-option", "--help"]).exit_code == 2


@pytest.mark.parametrize("target", TARGETS)
def test_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_presets_are_real():
    for preset in re.findall(r"--preset (\w+)|PRESET=(\w+)", "".join(TEXTS.values())):
        name = "".join(preset)
        assert (ROOT / "recipes" / f"walker2d.{name}.toml").is_file(), name


@pytest.mark.parametrize(("page", "path"), PATHS)
def test_path_exists(page, path):
    made_by_reader = {part.partition(".")[0] for part in Path(path).parts} & EXAMPLES
    assert made_by_reader or (ROOT / path).exists(), f"{page} names {path}"


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_link_leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    target = (PAGES[page].parent / path).resolve() if path else PAGES[page]
    assert target.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_tree_shows_every_folder():
    tree = TEXTS["README.md"].partition("## The tree")[2].partition("\n## ")[0]
    folders = {path.parent.name for path in (ROOT / "lnncmp").glob("*/__init__.py")}
    assert folders == set(re.findall(r"(?:lnncmp/|, )(\w+)/", tree))


@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if "```python" in text])
def test_examples_import_what_exists(page):
    blocks = re.findall(r"```python\n(.*?)```", TEXTS[page], re.DOTALL)
    for node in (node for block in blocks for node in ast.walk(ast.parse(block))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.rpartition(".")[2] not in EXAMPLES:
            exec(ast.unparse(node), {})
