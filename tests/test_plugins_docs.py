"""docs/plugins.md followed step by step: its package, with the files of the two pages that it names, runs a study."""

import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from cli_runs import records, run, run_here
from plugin_packages import install, seen
from report_folders import small_folder

from lnncmp.evaluation.contract import case_faults, model_faults
from lnncmp.records.read import parse_record
from lnncmp.records.schema import BaselineRecord

DOCS = Path(__file__).resolve().parent.parent / "docs"
FEW = ["--seeds", "1", "--models", "elman,gru", "--set", "train.epochs=2", "--set", "cost_repeats=1", "-q"]


def blocks(page, kind):
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def moved(text):
    """Change what the page says has to be changed where the files lie in another package."""
    text = text.replace("lnncmp.layers.elman", "lnncmp_walk.elman_layer")
    text = text.replace("lnncmp.sources.pulled_walk", "lnncmp_walk.pulled_walk")
    return text.replace('{"generated": "pulled_walk"}', '{"generated": "lnncmp_walk.pulled_walk:SOURCE"}')


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The package of the page, installed."""
    layer, model = blocks("adding-a-model.md", "python")
    source, case = blocks("adding-a-case.md", "python")
    (strong,) = blocks("plugins.md", "python")
    (recipe,) = blocks("adding-a-case.md", "toml")
    project = tomllib.loads(blocks("plugins.md", "toml")[0])["project"]
    files = {
        "__init__.py": "",
        "elman_layer.py": layer,
        "elman.py": model,
        "pulled_walk.py": source,
        "walk.py": case,
        "strong.py": strong,
        "recipes/walk.quick.toml": recipe,
        "datasets/walk/generated.md": "# Walks\n",
        "datasets/walk/strong.md": "# Strong walks\n",
    }
    listed = (DOCS / "plugins.md").read_text(encoding="utf-8")
    assert all(name.rpartition("/")[2] in listed for name in files), "the page lists every file"
    entries = {group.removeprefix("lnncmp."): own for group, own in project["entry-points"].items()}
    files = {f"lnncmp_walk/{name}": moved(text) for name, text in files.items()}
    return install(tmp_path_factory.mktemp("site"), entries, files, project["name"])


@pytest.fixture(scope="module")
def out(site, tmp_path_factory):
    """A study of the case and the model, with the second source, carried out by worker processes."""
    folder = tmp_path_factory.mktemp("walks") / "out"
    paths = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    study = ["walk", "--preset", "quick", "--source", "strong", *FEW, "--out", folder]
    answer = run(*study, env={**os.environ, "PYTHONPATH": paths})
    assert answer.code == 0 and "Pulled walk (strong), preset quick" in answer.out, answer
    return folder


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, *args)


def test_the_commands_of_the_page(site, command):
    with seen(site):
        assert "Elman network, one layer, with a linear readout." in command("models", "elman").out
        assert command("data", "describe", "walk", "--source", "strong").out == "# Strong walks\n"
        verified = command("data", "verify", "walk", "--source", "strong").out
        assert verified == "walk (strong): 60 recordings, 6,060 steps, verified\n"
        assert "Case study of the package lnncmp-walk." in command("--help").out


def test_the_members_keep_their_contracts(site):
    with seen(site):
        assert model_faults("elman") == [] and case_faults("walk") == []


def test_records_name_the_package(out):
    found = records(out)
    assert set(found) == {("elman", 0), ("gru", 0)}
    for record in found.values():
        assert (record.case, record.source, record.recipe.case_version) == ("walk", "strong", 1)
        assert record.provenance.packages["lnncmp-walk"] == "1.2" and record.weights is not None


def test_the_example_is_what_it_says(out):
    """The variance of the noise, 1, is the floor of its error: the best baseline comes close to it."""
    made = [parse_record(path.read_bytes(), BaselineRecord) for path in (out / "baselines").glob("*.json")]
    assert 0.9 < min(one.scores.metrics["test"]["mse"] for one in made) < 1.1


def test_without_the_package_its_records_are_named(out, site, command, tmp_path):
    (one, *_) = records(out).values()
    show = ("runs", "show", one.run_id, "--out", out)
    for words in ("compare", out), ("report", "--out", out, "--to", tmp_path), show:
        gone = command(*words)
        assert gone.code in (2, 3) and "Traceback" not in gone.err and "walk" in gone.err, gone
    assert command("runs", "list", "--out", out).code == command("runs", "verify", "--out", out).code == 0
    with seen(site):
        for words in ("compare", out), show, ("claims", "--out", out):
            assert command(*words).code == 0, words


def test_other_records_are_compared_without_it(out, command, tmp_path):
    mixed = small_folder(tmp_path / "mixed")
    for path in (out / "records").glob("*.json"):
        shutil.copy(path, mixed / "records")
    answer = command("compare", mixed)
    assert answer.code == 0 and "Walker2d" in answer.out
    assert answer.err == "Not used: records of walk, a case that neither lnncmp nor an installed package has.\n"
    assert command("report", "--out", mixed, "-q").code == 0
    assert "records of walk, a case that neither" in (mixed / "report" / "report.md").read_text()
