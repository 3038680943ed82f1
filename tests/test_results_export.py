"""`lnncmp export DIR`: results as one table or for a tracker, whole or not at all; wrong pairs in one sentence."""

import json
import math
import sys
from collections import namedtuple
from types import SimpleNamespace

import polars as pl
import pytest
from cli_runs import leftovers, refused, run_here
from synthetic_records import baseline, measurement, recipe, run, scores

from lnncmp.common import files
from lnncmp.records.read import read_records
from lnncmp.records.store import Store
from lnncmp.results import export as exporting
from lnncmp.results.formats.base import ResultFormat, format_names, load_format
from lnncmp.results.place import MARK
from lnncmp.results.run_log import file_name, run_logs
from lnncmp.results.table import SCHEMA, table_of


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Two models of two seeds, of which one run diverged and one left the finite range; a baseline, a measurement."""
    store = Store(tmp_path_factory.mktemp("stored") / "results")
    far = scores(0.8, far=math.inf)
    far.metrics["test"]["lag"] = -0.25
    for record in (run("ltc", 0, 0.8, scores=far), run("ltc", 1, None), run("lstm", 0, 0.9), run("lstm", 1, 0.95)):
        store.write_run(record)
    store.write_baseline(baseline("persistence", 6.5))
    store.write_measurement(measurement("ltc"))
    return store.out


@pytest.fixture
def ask(capsys, monkeypatch, tmp_path):
    """Run `lnncmp export` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *args: run_here(capsys, monkeypatch, "export", *args)


class TestTable:
    def test_read_back(self, ask, stored, tmp_path):
        for form in ("csv", "parquet"):
            answer = ask(stored, "--to", form)
            assert answer.code == 0 and f"results.{form}" in answer.out, answer.err
        found = pl.read_parquet(tmp_path / "results.parquet")
        assert dict(found.schema) == SCHEMA
        assert pl.read_csv(tmp_path / "results.csv", schema_overrides=SCHEMA).equals(found)
        guessed = pl.read_csv(tmp_path / "results.csv", infer_schema_length=None)
        assert [guessed[name].dtype for name in ("value", "seed", "step", "repeat", "converged")] == [
            *(pl.Float64, pl.Int64, pl.Int64, pl.Int64, pl.Boolean)
        ]

    def test_every_number_has_its_row(self, stored):
        found = table_of(read_records(stored))
        errors = found.filter(pl.col("step").is_null(), metric="mse", split="test").sort("record", "model", "seed")
        assert errors.select("model", "seed", "value", "status").rows() == [
            ("persistence", None, 6.5, None),
            ("lstm", 0, 0.9, "ok"),
            ("lstm", 1, 0.95, "ok"),
            ("ltc", 0, 0.8, "ok"),
            ("ltc", 1, None, "diverged"),
        ]
        ltc = found.filter(record="run", model="ltc", seed=0)
        assert ltc.filter(metric="mse", step=50)["value"].item() == math.inf
        assert ltc.filter(metric="lag")["value"].item() == -0.25
        assert ltc.filter(split="shifted", metric="mse", level=0.1)["shift"].item() == "noise: sensor noise 0.1 sd"
        assert ltc.filter(metric="active_parameters").select("value", "kind", "matching").row(0) == (
            *(12000.0, "liquid", "hidden"),
        )
        cost = found.filter(record="measurement", metric="peak_memory_samples")
        assert cost.select("repeat", "value", "unit", "case").rows()[1] == (1, 11_900_000.0, "B", "walker2d")
        assert found["exported_by"].null_count() == 0

    def test_a_case_that_is_not_here(self, tmp_path):
        settings = recipe("lstm", case="elsewhere")
        Store(tmp_path).write_run(run("lstm", 0, 1.0, case="elsewhere", recipe=settings))
        found = table_of(read_records(tmp_path))
        assert found.filter(pl.col("step").is_null(), metric="mse", split="test")["value"].item() == 1.0


class TestPlace:
    @pytest.mark.parametrize(
        ("args", "code", "phrases"),
        [
            (("none", "--to", "csv"), 2, ("none is no folder", "c, onnx, torch")),
            (("a.json", "--to", "parquet"), 2, ("a.json is a file",)),
            ((".", "--to", "c"), 2, ("the network of one run", "lnncmp runs list --out .", "csv, mlflow")),
            ((".", "--to", "cvs"), 2, ("unknown export format 'cvs'", "Did you mean 'csv'?", "wandb-offline")),
            ((".", "--to", "csv", "--int8"), 2, ("--int8 is for networks",)),
            ((".", "--to", "csv", "--out", "x"), 2, ("--out is for networks",)),
            (("abc", "--to", "c", "--force"), 2, ("--force is for results",)),
            ((".", "--to", "csv"), 3, ("no records of runs in .",)),
        ],
    )
    def test_what_does_not_fit(self, ask, tmp_path, args, code, phrases):
        (tmp_path / "a.json").write_text("{}")
        refused(ask(*args), code, *phrases)
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]

    def test_nothing_is_overwritten(self, ask, stored, tmp_path):
        (tmp_path / "a.csv").write_text("mine")
        refused(ask(stored, "--to", "csv", "-o", "a.csv"), 3, "a.csv exists", "--force")
        assert (tmp_path / "a.csv").read_text() == "mine"
        assert ask(stored, "--to", "csv", "-o", "a.csv", "--force").code == 0
        assert (tmp_path / "a.csv").read_text().startswith("record,case")
        refused(ask(stored, "--to", "csv", "-o", "missing/../a.csv"), 3, "exists")
        assert ask(stored, "--to", "csv", "-o", tmp_path).code == 0 and (tmp_path / "results.csv").is_file()
        assert not leftovers(tmp_path)

    def test_folders_are_replaced_only_if_an_export_made_them(self, ask, stored, tmp_path, monkeypatch):
        pages = iter("ab")
        form = ResultFormat("", "", lambda records, path, place: files.write_bytes(path / next(pages), b""))
        monkeypatch.setattr(exporting, "load_format", lambda name: form)
        monkeypatch.setattr(exporting, "require_package", lambda name: None)
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "letter").write_text("mine")
        refused(ask(stored, "--to", "mlflow", "-o", "own", "--force"), 3, "no folder that an export made")
        assert [path.name for path in (tmp_path / "own").iterdir()] == ["letter"]
        assert ask(stored, "--to", "mlflow", "-o", "new").code == 0
        assert {path.name for path in (tmp_path / "new").iterdir()} == {"a", MARK}
        refused(ask(stored, "--to", "mlflow", "-o", "new"), 3, "new exists")
        assert ask(stored, "--to", "mlflow", "-o", "new", "--force").code == 0
        assert {path.name for path in (tmp_path / "new").iterdir()} == {"b", MARK}
        assert not leftovers(tmp_path)

    def test_a_failure_leaves_nothing(self, ask, stored, tmp_path, monkeypatch):
        def write(records, path, place):
            files.write_bytes(path / "half", b"")
            raise ValueError("no such\x1b thing")

        monkeypatch.setattr(exporting, "load_format", lambda name: ResultFormat("", "", write, "mlflow"))
        monkeypatch.setattr(exporting, "require_package", lambda name: None)
        refused(ask(stored, "--to", "mlflow", "-o", "deep/new"), 1, "mlflow cannot write", "no such\\u001b thing")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [] and not leftovers(tmp_path)

    def test_damaged_records_and_copies_are_named(self, ask, stored, tmp_path):
        store = Store(tmp_path / "some")
        store.write_run(run("ltc", 0, 0.8))
        (store.out / "records" / "again.json").write_bytes((store.out / "records" / "ltc-0.json").read_bytes())
        (store.out / "records" / "cut.json").write_text("{")
        answer = ask(store.out, "--to", "csv", "--format", "json")
        assert (
            "damaged or incomplete (cut.json)" in answer.err
            and "under another name than its own (again.json)" in answer.err
        )
        assert {row["what"]: row["value"] for row in json.loads(answer.out)}["runs"] == 1
        assert pl.read_csv("some.csv").filter(metric="active_parameters").height == 1


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb-offline"])
def test_a_missing_package(ask, stored, tmp_path, monkeypatch, name):
    package = load_format(name).package
    monkeypatch.setattr("lnncmp.results.formats.base.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, package, raising=False)
    refused(ask(stored, "--to", name), 3, f"needs the package {package}", f"pip install 'lnncmp[{package}]'")
    assert list(tmp_path.iterdir()) == []


class TestTrackers:
    def test_what_a_tracker_is_told(self, stored):
        logs = {log.name: log for log in run_logs(read_records(stored))}
        assert list(logs) == ["lstm-seed0-lstm-0", "lstm-seed1-lstm-1", "ltc-seed0-ltc-0", "ltc-seed1-ltc-1"]
        log = logs["ltc-seed0-ltc-0"]
        assert (log.project, log.group, log.status) == ("walker2d-simulated-quick", "ltc-hidden", "ok")
        assert log.settings["train.epochs"] == 3 and log.settings["seed"] == 0
        assert [point.seconds for point in log.points] == [1.0, 3.0, 6.0]
        assert log.points[0].values["epoch/learning_rate"] == 0.01
        assert log.results["test/mse"] == 0.8 and log.results["shifted/noise-sensor-noise-0.1-sd-0.1/nmse"] > 0
        assert log.curves["free_running/mse"] == [(1, 1.6), (10, pytest.approx(2.4)), (50, math.inf)]
        lost = logs["ltc-seed1-ltc-1"]
        assert (lost.status, lost.tags["reason"], "test/mse" in lost.results) == (
            "diverged",
            "loss is not finite",
            False,
        )

    def test_names_are_no_paths(self):
        assert [file_name(name) for name in ("../a", "a/b", "", "..", "ü=1", "a" * 200)] == [
            *("a", "a-b", "unnamed", "unnamed", "1", "a" * 100)
        ]

    def test_mlflow_calls(self, ask, stored, tmp_path, monkeypatch):
        told = []

        class Client:
            def __init__(self, tracking_uri):
                told.append(tracking_uri)

            def create_experiment(self, name, artifact_location):
                told.append((name, artifact_location))
                return "1"

            def create_run(self, experiment, start_time, tags, run_name):
                told.append((experiment, run_name))
                return SimpleNamespace(info=SimpleNamespace(run_id=run_name))

            def log_batch(self, run_id, metrics=(), params=()):
                told.append((run_id, *(one[0] for one in metrics or params)))

            def set_terminated(self, run_id, status, end_time):
                told.append((run_id, status, end_time))

        entities = SimpleNamespace(Metric=namedtuple("Metric", "key value timestamp step"), Param=lambda *args: args)
        monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=Client, entities=entities))
        assert ask(stored, "--to", "mlflow", "-o", "m").code == 0
        assert told[0].startswith("file://") and ".part" in told[0]
        assert told[1] == ("walker2d-simulated-quick", (tmp_path / "m" / "walker2d-simulated-quick").as_uri())
        assert [one[1:] for one in told if one[1] in ("FINISHED", "FAILED")] == [
            *(("FINISHED", 6000), ("FINISHED", 9000), ("FINISHED", 6000), ("FAILED", 9000))
        ]
        named = next(one for one in told if one[0] == "ltc-seed0-ltc-0" and "test/mse" in one)
        assert {"epoch/train_loss", "free_running/mse", "test/lag"} <= set(named)

    def test_wandb_calls(self, ask, stored, monkeypatch):
        told = []

        class Run:
            summary = SimpleNamespace(update=lambda values: told.append(values))

            def log(self, values, step):
                told.append((step, values))

            def finish(self, exit_code):
                told.append(exit_code)

        def init(**given):
            told.append(given)
            return Run()

        fake = SimpleNamespace(init=init, Settings=lambda **given: given, teardown=lambda: told.append("down"))
        monkeypatch.setitem(sys.modules, "wandb", fake)
        assert ask(stored, "--to", "wandb-offline", "-o", "w").code == 0
        first = next(one for one in told if isinstance(one, dict) and one.get("id") == "ltc-0")
        assert first["settings"]["mode"] == "offline" and first["config"]["train.epochs"] == 3
        results = told[told.index(first) + 4]
        assert results["test/mse"] == 0.8 and results["free_running/mse"] == {"1": 1.6, "10": pytest.approx(2.4)}
        assert [one for one in told if isinstance(one, int)] == [0, 0, 0, 1] and told[-1] == "down"

    def test_tensorboard(self, ask, stored, tmp_path):
        pytest.importorskip("tensorboard", reason="needs lnncmp[tensorboard]")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        assert ask(stored, "--to", "tensorboard", "-o", "t").code == 0
        place = tmp_path / "t" / "walker2d-simulated-quick" / "ltc-seed0-ltc-0"
        assert [path.name for path in place.iterdir()] == ["events.out.tfevents.ltc-0"]
        events = EventAccumulator(str(place))
        events.Reload()
        assert [(one.step, one.wall_time) for one in events.Scalars("epoch/train_loss")] == [
            (0, 1.0),
            (1, 3.0),
            (2, 6.0),
        ]
        assert [(one.step, one.value) for one in events.Scalars("test/mse")] == [(2, pytest.approx(0.8))]
        assert len(events.Scalars("free_running/mse")) == 2

    def test_mlflow(self, ask, stored, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        mlflow = pytest.importorskip("mlflow", reason="needs lnncmp[mlflow]")
        assert ask(stored, "--to", "mlflow", "-o", "m").code == 0
        client = mlflow.MlflowClient(tracking_uri=(tmp_path / "m").as_uri())
        names = {one.name: one.experiment_id for one in client.search_experiments()}
        runs = client.search_runs([names["walker2d-simulated-quick"]])
        found = {one.info.run_name: one for one in runs}
        assert found["ltc-seed0-ltc-0"].data.metrics["test/mse"] == 0.8
        assert found["ltc-seed1-ltc-1"].info.status == "FAILED"

    def test_wandb(self, ask, stored, tmp_path):
        pytest.importorskip("wandb", reason="needs lnncmp[wandb]")
        assert ask(stored, "--to", "wandb-offline", "-o", "w").code == 0
        made = [path for path in (tmp_path / "w").rglob("*") if path.is_file()]
        assert sorted(path.suffix for path in made) == [".json", *[".wandb"] * 4]
        assert any(b"epoch/train_loss" in path.read_bytes() for path in made)


def test_formats():
    assert format_names() == ["csv", "mlflow", "parquet", "tensorboard", "wandb-offline"]
    assert {load_format(name).ending for name in format_names()} == {".csv", ".parquet", ""}
