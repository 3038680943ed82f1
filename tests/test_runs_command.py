"""`lnncmp runs`: list, show, verify, prune, and weights made again that give the recorded score."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from cli_runs import leftovers, records, refused, run_here
from kept_networks import keep

import lnncmp
from lnncmp.cli import lists
from lnncmp.cli import reproduce as cli_reproduce
from lnncmp.cli import study as cli_study
from lnncmp.cli.progress import LiveProgress
from lnncmp.common.files import file_lock
from lnncmp.common.small_files import unsealed
from lnncmp.errors import DataError
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs import train_again
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.ready import Request, get_ready
from lnncmp.runs.worker import execute_runs

_SMALL = ("hidden=6", "data.waves=30", "data.validation_waves=10", "data.test_waves=10", "data.shifted_waves=4")
_SHORT = ("data.noise_levels=[0.1]", "evaluate.horizon=10", "train.epochs=3")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two runs on a sample, whose data cannot be made again."""
    return keep(tmp_path_factory.mktemp("kept"), "sine", "lstm", seeds=(0, 1))


@pytest.fixture
def copy(kept, tmp_path) -> Path:
    return Path(shutil.copytree(kept.out, tmp_path / "copy"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two runs of a small study, carried out in this process; their data are made again by whoever needs them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("study")
    recipe = load_recipe("sine", "quick", [*_SMALL, *_SHORT], {"seeds": (0,)}, ["lstm", "liquid_ncp"])
    with LiveProgress(quiet=True) as progress:
        ready = get_ready(recipe, Request(folder / "out", folder / "cache"), progress)
    for spec in ready.plan.runs:
        batch = RunBatch(runs=(spec,))
        execute_runs(batch, ready.prepared, ready.store, 1, lambda *p: None, lambda r: None, keep_weights=True)
    return folder / "out"


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, "runs", *args)


def test_list_says_whose_weights_are_kept(command, kept, copy):
    Store(copy).weights_path(kept.record.run_id).unlink()
    rows = json.loads(command("list", "--out", copy, "--format", "json").out)
    assert {row["seed"]: row["weights"] for row in rows} == {0: "pruned", 1: "kept"}
    assert rows[0]["study"] == "sine generated clean quick" and rows[0]["test_error"] > 0
    table = command("list", "--out", copy).out
    assert kept.record.run_id in table and "pruned" in table


def test_list_shows_those_that_are_asked_for(command, kept, copy):
    store, record = Store(copy), kept.record
    store.write_run(record.model_copy(update={"run_id": "0" * 16, "model": "gru", "status": "diverged"}))

    def seeds(*args):
        found = json.loads(command("list", "--out", copy, "--format", "json", *args).out)
        return {(row["model"], row["seed"]) for row in found}

    assert seeds() == {("lstm", 0), ("lstm", 1), ("gru", 0)}
    assert seeds("--models", "gru") == seeds("--status", "diverged") == {("gru", 0)}
    assert seeds("--seeds", "1-1") == {("lstm", 1)} and seeds("--case", "sine", "--models", "lstm", "--seeds", "1") == {
        ("lstm", 0)
    }
    answer = command("list", "--out", copy)
    assert "3 of 3 runs" in answer.err and "where other models have these seeds: gru seed 1." in answer.err
    refused(command("list", "--out", copy, "--models", "gur"), 2, "unknown model 'gur'", "Did you mean 'gru'?")


def test_a_long_list_has_no_frame(command, kept, copy, monkeypatch):
    monkeypatch.setattr(lists, "_LONG", 1)
    lines = command("list", "--out", copy).out.splitlines()
    assert lines[1].split() == ["run", "study", "model", "seed", "status", "test", "error", "weights"]
    assert lines[2].startswith(f"{kept.record.run_id}  sine generated clean quick  lstm   0     ok")


def test_a_list_is_right_whatever_became_of_its_index(command, kept, copy, tmp_path, monkeypatch):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))

    def listed():
        return command("list", "--out", copy, "--format", "json").out

    first = listed()
    (index,) = (tmp_path / "cache" / "index").iterdir()
    assert listed() == first
    content = index.read_bytes()
    for changed in (content[:-9], content.replace(b'"seed": 0', b'"seed": 7'), b"", b"[]"):
        index.write_bytes(changed)
        assert listed() == first
    index.unlink()
    assert listed() == first and index.exists()
    path = copy / "records" / f"{kept.record.run_id}.json"
    Store(copy).write_run(kept.record.model_copy(update={"model": "gru"}))
    assert {row["model"] for row in json.loads(listed())} == {"lstm", "gru"}
    path.unlink()
    assert [row["seed"] for row in json.loads(listed())] == [1]


def test_show_says_what_a_network_reads(command, kept):
    shown = json.loads(command("show", kept.record.run_id[:8], "--out", kept.out, "--format", "json").out)
    assert shown["reads"] == {"y": "1"} and shown["predicts"] == ["y"] and shown["time_unit"] == "sample"
    assert shown["weights_bytes"] == kept.weights.stat().st_size
    assert kept.record.weights.sha256[:20] in command("show", kept.json).out


@pytest.mark.parametrize("name", ["show", "prune", "train-weights"])
def test_an_unknown_run_is_one_sentence_with_the_nearest(command, kept, name):
    near = "x" + kept.record.run_id[1:]
    answer = command(name, near, "--out", kept.out)
    refused(answer, 2, f"unknown run '{near}'", f"Did you mean '{kept.record.run_id}'?")


@pytest.mark.parametrize("name", ["list", "verify", "prune"])
def test_no_records_are_one_sentence(command, tmp_path, name):
    refused(command(name, "--out", tmp_path / "nothing"), 3, "nothing")


def test_verify_finds_what_is_damaged_and_changes_nothing(command, kept, copy):
    assert command("verify", "--out", copy).out.endswith("2 records and 2 files of weights are whole\n")
    Store(copy).save_checkpoint("cdef", {"history": []})
    Store(copy).checkpoint_path("cdef").write_bytes(Store(copy).checkpoint_path("cdef").read_bytes()[:-1])
    path = Store(copy).weights_path(kept.record.run_id)
    path.write_bytes(path.read_bytes()[:-1])
    shutil.copy(path, path.with_name("0123.safetensors"))
    (copy / "records" / "4567.json").write_text("{}")
    shutil.copy(kept.json, copy / "records" / "89ab.json")
    before = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    answer = command("verify", "--out", copy)
    assert answer.code == 3 and "5 of the files" in answer.err
    said = " ".join(answer.out.split())
    assert "2 records and 1 files of weights are whole" in said
    for phrase in (
        "SHA-256 begins with",
        "0123.safetensors has no record",
        "4567.json",
        "under another name",
        "cdef.pt",
    ):
        assert phrase in said
    assert before == {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}


def test_prune_removes_weights_and_nothing_else(command, kept, copy):
    size = sum(path.stat().st_size for path in (copy / "records").glob("*.safetensors"))
    assert f"weights of 2 runs, {size:,} bytes, would be removed (--yes" in command("prune", "--out", copy).out
    assert len(list((copy / "records").glob("*.safetensors"))) == 2
    assert "weights of 1 runs" in command("prune", kept.record.run_id, "--out", copy, "--yes").out
    assert not Store(copy).weights_path(kept.record.run_id).exists()
    (copy / "records" / "0123.safetensors").write_bytes(b"without a record")
    assert "weights of 2 runs" in command("prune", "--out", copy, "--yes").out
    assert not list((copy / "records").glob("*.safetensors"))
    assert records(copy) == records(kept.out)


def test_prune_removes_what_nobody_needs(command, kept, copy):
    store = Store(copy)
    store.save_checkpoint(kept.record.run_id, {"history": []})  # of a finished run
    store.save_checkpoint("unfinished", {"history": []})
    (copy / "records" / "4567.json.damaged").write_bytes(b"{")
    (copy / "records" / "89ab.json.damaged").mkdir()
    (copy / "records" / ".0123.json.x7.part").touch()
    (copy / "locks").mkdir(exist_ok=True)
    (copy / "locks" / "0123.lock").touch()
    before = {path for path in copy.rglob("*") if path.is_file()}
    assert "and 5 other files" in command("prune", "--out", copy).out
    assert {path for path in copy.rglob("*") if path.is_file()} == before
    assert "weights of 2 runs and 5 other files" in command("prune", "--out", copy, "--yes").out
    left = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert left == {*(f"records/{one.run_id}.json" for one in records(copy).values()), "checkpoints/unfinished.pt"}


def test_prune_leaves_a_run_that_another_process_works_on(command, kept, copy):
    with file_lock(copy / "locks" / f"{kept.record.run_id}.lock", wait=False):
        answer = command("prune", "--out", copy, "--yes")
    assert "weights of 1 runs" in answer.out and "another process works on it" in answer.err


def test_a_study_keeps_the_weights_of_all_its_runs(finished):
    assert all(lnncmp.load(record.run_id, out=finished).record == record for record in records(finished).values())
    assert len(list((finished / "records").glob("*.safetensors"))) == len(records(finished))


@pytest.mark.parametrize("name", ["sine", "reproduce-all"])
@pytest.mark.parametrize(("flag", "keeps"), [(None, True), ("--weights", True), ("--no-weights", False)])
def test_weights_are_kept_unless_asked_otherwise(capsys, monkeypatch, tmp_path, name, flag, keeps):
    asked = []

    def carry_out(recipe, request, quiet):
        asked.append(request.keep_weights)
        raise DataError("that was all")

    monkeypatch.setattr(cli_study, "carry_out", carry_out)
    monkeypatch.setattr(cli_reproduce, "carry_out", carry_out)
    answer = run_here(capsys, monkeypatch, name, "--out", tmp_path, *filter(None, [flag]))
    refused(answer, 3, "that was all")
    assert asked == [keeps]


@pytest.mark.parametrize(("model", "how"), [("lstm", "pruned"), ("liquid_ncp", "never kept")])
def test_weights_are_made_again(command, study, tmp_path, model, how):
    out = Path(shutil.copytree(study, tmp_path / "out"))
    record, store = records(out)[model, 0], Store(out)
    path = store.weights_path(record.run_id)
    before = path.read_bytes()
    path.unlink()
    if how == "never kept":
        store.write_run(record.model_copy(update={"weights": None}))
    answer = command("train-weights", record.run_id, "--out", out, "-q")
    assert answer.code == 0 and "give the recorded score and are kept" in " ".join(answer.out.split()), answer
    assert path.read_bytes() == before, "the same recipe, seed and machine give the same numbers"
    assert records(out)[model, 0] == record
    assert not (out / "weights-again").exists() and not leftovers(out)


def test_damaged_weights_are_made_again(study, tmp_path, monkeypatch):
    """Whole weights are left alone; others are not trusted, whatever made them so. Nothing is trained here."""
    out = Path(shutil.copytree(study, tmp_path / "out"))
    record, store = records(out)["lstm", 0], Store(out)
    path, trained = store.weights_path(record.run_id), []
    before = path.read_bytes()
    path.write_bytes(before[:-1])

    def train(record, again, request, listener):
        trained.append(record.run_id)
        again.weights_path(record.run_id).parent.mkdir(exist_ok=True)
        again.weights_path(record.run_id).write_bytes(before)
        return record

    monkeypatch.setattr(train_again, "trained_again", train)
    with LiveProgress(quiet=True) as progress:
        assert train_again.train_weights(record, Request(out, tmp_path / "cache"), progress) == record.weights
        assert path.read_bytes() == before
        assert train_again.train_weights(record, Request(out, tmp_path / "cache"), progress) is None
    assert trained == [record.run_id]


def test_weights_that_are_there_are_left_alone(command, study):
    record = records(study)["lstm", 0]
    assert "were there already" in " ".join(command("train-weights", record.run_id, "--out", study).out.split())


def _other_score(record):
    table = record.model_dump()
    table["scores"]["metrics"]["test"]["mse"] *= 1.01
    return table


CHANGES = {
    "another score": (_other_score, "nothing was kept"),
    "other data": (lambda record: {**record.model_dump(), "data_hash": "0" * 16}, "are not those of run"),
    "a diverged run": (lambda record: {**record.model_dump(), "status": "diverged"}, "it has no weights to keep"),
}


@pytest.mark.parametrize(("change", "phrase"), CHANGES.values(), ids=CHANGES)
def test_weights_that_are_not_the_recorded_ones_are_not_kept(command, study, tmp_path, change, phrase):
    out = Path(shutil.copytree(study, tmp_path / "out"))
    record = records(out)["lstm", 0]
    Store(out).prune_weights(record.run_id)
    path = out / "records" / f"{record.run_id}.json"
    path.write_text(type(record).model_validate(change(record)).model_dump_json())
    before = path.read_bytes()
    answer = command("train-weights", record.run_id, "--out", out, "-q")
    refused(answer, 3)
    assert phrase in " ".join(answer.err.split())
    assert path.read_bytes() == before and not Store(out).weights_path(record.run_id).exists()
    assert not (out / "weights-again").exists()


def test_a_run_of_an_edited_recipe_is_refused(command, study, tmp_path):
    out = Path(shutil.copytree(study, tmp_path / "out"))
    record = records(out)["lstm", 0]
    Store(out).prune_weights(record.run_id)
    path = out / "records" / f"{record.run_id}.json"
    table = unsealed(path.read_bytes())
    table["recipe"]["train"]["learning_rate"] *= 2
    path.write_text(json.dumps(table))
    answer = command("train-weights", record.run_id, "--out", out, "-q")
    refused(answer, 3)
    assert "gives another run id" in " ".join(answer.err.split())
