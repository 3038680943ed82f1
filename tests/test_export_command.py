"""`lnncmp export`: the network that a run kept, as files; what cannot be exported is refused in one sentence."""

import json
import stat

import numpy as np
import pytest
from cli_runs import leftovers, refused, run_here
from kept_networks import keep

import lnncmp
from lnncmp.cli import export as command
from lnncmp.export import writing
from lnncmp.export.c.compiler import find_compiler, run_source
from lnncmp.export.from_run import portable
from lnncmp.export.writing import random_inputs

LOOP = "implementation=loop"
"""Without kernels, which play no part in an export."""
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler is installed")


@pytest.fixture(scope="module")
def walker(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("walker"), "walker2d", "lstm", LOOP)


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("patients"), "mimic3", "gru", LOOP)


@pytest.fixture
def ask(capsys, monkeypatch, tmp_path):
    """Run `lnncmp export` on a run, writing to a folder `made`."""

    def run(kept, *more):
        return run_here(
            capsys, monkeypatch, "export", kept.record.run_id, "--out", kept.out, "-o", tmp_path / "made", *more
        )

    return run


@needs_compiler
def test_c_predicts_what_the_network_predicts(ask, walker, tmp_path):
    answer = ask(walker, "--to", "c", "--check", "--name", "walker", "--format", "json")
    assert answer.code == 0, answer.err
    rows = {row["what"]: row["value"] for row in json.loads(answer.out)}
    path = tmp_path / "made" / "walker.c"
    assert rows[str(path)] == path.stat().st_size
    assert rows["multiply-adds"] > 0 and float(rows["nanoseconds per step"]) > 0
    assert float(rows["difference in 1000 steps, step"]) < 1e-5

    network = lnncmp.load(walker.json)
    x, dt = random_inputs(portable(network), 30)
    found = run_source(path.read_bytes(), "walker", x, dt, timed=False).outputs["step"]
    expected = network.predict(x, dt=dt)
    assert np.abs((found - expected) / network.scaler.outputs.std).max() < 1e-5


def test_the_comment_names_the_run(ask, walker, tmp_path):
    ask(walker, "--to", "c")
    text = (tmp_path / "made" / "lnn.c").read_text()
    for phrase in (walker.record.run_id, "Seeds: root 0", "frame of 8 ms", "case walker2d", "MIT"):
        assert phrase in text
    assert all(name in text for name in lnncmp.load(walker.json).inputs)


def test_networks_of_patients_are_for_their_owner(ask, patients, tmp_path):
    answer = ask(patients, "--to", "c", "--int8")
    assert answer.code == 0, answer.err
    path = tmp_path / "made" / "lnn.c"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    words = " ".join(path.read_text().replace("\n * ", " ").split())
    for phrase in ("data of patients", "hr_measured [0 or 1]", "hr_age [h]", "carried forward by the caller"):
        assert phrase in words


def test_onnx_and_torch_write_a_step_and_a_sequence(ask, walker, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "STEPS", 20)
    pytest.importorskip("onnxruntime", reason="needs lnncmp[export]")
    for form, ending in (("onnx", "onnx"), ("torch", "pt2")):
        answer = ask(walker, "--to", form, "--check")
        assert answer.code == 0, answer.err
        assert {path.name for path in (tmp_path / "made").glob(f"*.{ending}")} == {
            f"lnn_step.{ending}",
            f"lnn_sequence.{ending}",
        }


@pytest.mark.parametrize(
    ("more", "phrases"),
    [
        (("--to", "onx"), ("unknown export format 'onx'", "Did you mean 'onnx'?")),
        (("--to", "onnx", "--int8"), ("onnx has no int8 weights", "--to c")),
        (("--to", "c", "--name", "a-b"), ("'a-b' is no prefix", "begin with a letter")),
        (("--to", "c", "--format", "jsn"), ("jsn", "json")),
    ],
)
def test_bad_options(ask, walker, tmp_path, more, phrases):
    refused(ask(walker, *more), 2, *phrases)
    assert not (tmp_path / "made").exists()


def test_an_unknown_run_names_the_nearest(capsys, monkeypatch, walker, tmp_path):
    name = walker.record.run_id
    near = name[:-1] + ("0" if name[-1] != "0" else "1")
    answer = run_here(capsys, monkeypatch, "export", near, "--to", "c", "--out", walker.out, "-o", tmp_path / "made")
    refused(answer, 2, near, name)
    assert not (tmp_path / "made").exists()


def test_a_run_without_weights_says_how_to_make_them(ask, tmp_path):
    bare = keep(tmp_path / "bare", "sine", "gru", LOOP, weights=False)
    refused(ask(bare, "--to", "c"), 3, "were not kept", f"lnncmp runs train-weights {bare.record.run_id}")
    assert not (tmp_path / "made").exists()


def test_an_unwritable_output(ask, walker, tmp_path):
    (tmp_path / "made").write_text("a file")
    refused(ask(walker, "--to", "c"), 3, "cannot write", "--output")
    assert (tmp_path / "made").read_text() == "a file" and not leftovers(tmp_path)


def test_files_that_differ_are_not_written(ask, walker, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_TOLERANCE", 0.0)
    monkeypatch.setattr(writing, "STEPS", 5)
    if find_compiler() is None:
        pytest.skip("no C compiler is installed")
    refused(ask(walker, "--to", "c", "--check"), 1, "differ from the network")
    assert not (tmp_path / "made").exists()
