"""Kept networks of classes: predictions as probabilities, in Python, in CSV files, exported as logits."""

import csv
import io

import numpy as np
import pytest
from cli_runs import run_here
from kept_networks import keep, keep_of_table

import lnncmp
from lnncmp.cases.base import load_case
from lnncmp.data.task import LOGIT
from lnncmp.errors import UsageError
from lnncmp.export.from_run import portable
from lnncmp.networks.load import card_of
from lnncmp.networks.network import Network
from lnncmp.networks.table import Table, predicted

PHASES = ("lift", "rest", "swing")


@pytest.fixture(scope="module")
def gestures(tmp_path_factory):
    """A run on a table of two velocities and the phase of a gesture, which are its classes."""
    folder = tmp_path_factory.mktemp("gestures")
    rng = np.random.default_rng(0)
    phases = np.repeat(rng.integers(0, 3, 60), 12)
    steps = np.cumsum(rng.uniform(0.5, 1.5, len(phases)))
    moves = rng.standard_normal((len(phases), 2)) + np.stack([phases - 1, 1 - phases], axis=1)
    rows = [f"{t:.3f},{x:.3f},{y:.3f},{PHASES[k]}" for t, (x, y), k in zip(steps, moves, phases, strict=True)]
    (folder / "own.csv").write_text("\n".join(["time,left,right,phase", *rows]))
    changes = ["data.target=phase", "data.task=classify", "data.window=16", "data.stride=8", "train.epochs=4"]
    return keep_of_table(folder, folder / "own.csv", "gru", *changes)


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("waves"), "sine", "gru")


def made_up(network, steps=12):
    return np.random.default_rng(0).standard_normal((steps, len(network.columns)))


def test_probabilities_are_the_softmax_of_the_logits(gestures):
    network = lnncmp.load(gestures.json)
    values, dt = made_up(network), np.full(12, 0.5)
    logits, found = network.predict(values, dt=dt), network.probabilities(values, dt=dt)
    assert network.classes == network.outputs == PHASES and found.shape == (12, len(PHASES))
    np.testing.assert_allclose(found, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(network.probabilities(values[None], dt=dt[None])[0], found, rtol=1e-6)


def test_a_loaded_network_has_the_recorded_score(gestures):
    network, test = lnncmp.load(gestures.json), gestures.prepared.splits.test
    logits = network.module(*map(__import__("torch").from_numpy, (test.x, test.dt))).detach().numpy()
    counted = test.valid & test.target_mask[..., 0]
    wrong = (logits.argmax(axis=-1) != test.y.argmax(axis=-1))[counted].mean()
    recorded = gestures.record.scores.metrics["test"]
    assert wrong == pytest.approx(recorded["error_rate"]) and recorded["accuracy"] == pytest.approx(1 - wrong)


def test_a_network_of_values_has_no_probabilities(waves):
    network = lnncmp.load(waves.json)
    assert network.classes == ()
    with pytest.raises(UsageError, match="predicts values, not classes"):
        network.probabilities(np.zeros((3, 1)))


def test_predict_writes_the_class_and_probabilities(gestures, capsys, monkeypatch, tmp_path):
    network = lnncmp.load(gestures.json)
    values = made_up(network)
    rows = [",".join(map(str, [0.5, *row])) for row in values]
    path = tmp_path / "data.csv"
    path.write_text("\n".join([",".join(["dt", *network.columns]), *rows]))
    answer = run_here(capsys, monkeypatch, "predict", gestures.record.run_id, path, "--out", gestures.out)
    assert answer.code == 0, answer
    found = list(csv.DictReader(io.StringIO(answer.out)))
    assert list(found[0]) == ["dt", "class", *(f"p_{name}" for name in PHASES)]
    expected = network.probabilities(values, dt=np.full(12, 0.5))
    got = np.array([[float(row[f"p_{name}"]) for name in PHASES] for row in found])
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert [row["class"] for row in found] == [PHASES[k] for k in expected.argmax(axis=1)]


def test_a_class_may_be_called_like_a_column(gestures):
    """As a column that is predicted some rows ahead, or by chance: neither name nor unit is lost."""
    kept = lnncmp.load(gestures.json)
    same = ("class", "dt", kept.columns[0])
    network = Network(**{**vars(kept), "classes": same, "outputs": same})
    frame = predicted(network, Table(made_up(network), np.ones(12), np.zeros(12, np.intp), _dt()))
    assert frame.splitlines()[0].split(",") == ["dt", "class", *(f"p_{name}" for name in same)]
    named = portable(network)
    assert {one.unit for one in named.targets} == {LOGIT}
    assert [one.unit for one in named.features] == [kept.units[name] for name in kept.inputs]


def _dt():
    import polars as pl

    return pl.DataFrame({"dt": ["1"] * 12})


def test_exported_are_logits_named_by_class(gestures, capsys, monkeypatch, tmp_path):
    network = portable(lnncmp.load(gestures.json))
    assert [(one.name, one.unit) for one in network.targets] == [(name, LOGIT) for name in PHASES]
    answer = run_here(
        *(capsys, monkeypatch, "export", gestures.record.run_id, "--to", "c"),
        *("--out", gestures.out, "-o", tmp_path, "--name", "gesture"),
    )
    assert answer.code == 0, answer
    text = (tmp_path / "gesture.c").read_text()
    assert "logits, one for each class: their softmax" in " ".join(text.replace("*", " ").split())
    assert f"{PHASES[0]} [logit]" in text


def test_shown_are_the_classes(gestures, capsys, monkeypatch):
    answer = run_here(capsys, monkeypatch, "runs", "show", gestures.record.run_id, "--out", gestures.out)
    assert answer.code == 0 and ", ".join(PHASES) in " ".join(answer.out.split())


def test_values_that_are_columns_have_their_raw_units():
    case = load_case("mimic3")
    encoding = case.encoding_of(case.settings())
    card = card_of(case, encoding)
    assert card.outputs == card.columns[: len(case.targets)]
