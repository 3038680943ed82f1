"""Records as they are read: schema 1 by conversion, other versions refused by name, none overwritten."""

import json
from pathlib import Path

import pytest
from claim_records import cost, many, records, written
from cli_runs import refused, run_here
from golden_files import GOLDEN

from lnncmp.comparison.studies import load_studies
from lnncmp.errors import DataError
from lnncmp.records.read import UnreadableRecordError, parse_record, read_records
from lnncmp.records.schema import SCHEMA_VERSION, MeasurementRecord, RunRecord
from lnncmp.records.store import Store
from lnncmp.runs.plan import run_id

STORED = sorted((GOLDEN / "records").glob("*.schema1.json"))
RUNS = [path for path in STORED if not path.name.startswith("measurement")]
each_stored = pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)


def with_todays_names(scores):
    """Return scores without forecasts and bands; errors on shifted sets and free-running steps were mse and nmse."""
    names = {"mse": "error", "nmse": "scaled"}
    points = {
        key: [{names.get(k, k): v for k, v in one.items()} for one in scores[key]]
        for key in ("horizons", "perturbations")
    }
    examples = [{**one, "band": None} for one in scores.get("examples", [])]
    return {"main": "mse", "forecasts": [], **scores, **points, "examples": examples}


class TestSchema1:
    """Real records, one a case, written before schema 2."""

    def test_there_is_one_of_each_case(self):
        assert {json.loads(path.read_text())["case"] for path in RUNS} == {"walker2d", "sine", "mimic3"}
        assert all(json.loads(path.read_text())["schema_version"] == 1 for path in STORED)

    @each_stored
    def test_is_read_as_it_was_written(self, path):
        stored, found = json.loads(path.read_text()), parse_record(path.read_bytes(), RunRecord)
        assert found.schema_version == SCHEMA_VERSION == 2
        assert found.protocol_id == stored["comparison"]
        assert (found.measurement_id, found.inputs, found.outputs) == (None, None, None)
        assert found.recipe.model_dump(mode="json") == stored["recipe"]
        assert found.scores.model_dump(mode="json") == with_todays_names(stored["scores"])
        assert found.provenance.cpu == stored["provenance"]["cpu"]
        assert found.wiring_seed == (stored["seeds"]["wiring"] if "ncp" in found.model else None)
        again = parse_record(found.model_dump_json().encode(), RunRecord)
        assert again == found

    @each_stored
    def test_keeps_its_identity(self, path):
        found = parse_record(path.read_bytes(), RunRecord)
        assert run_id(found.recipe, found.data_hash) == found.run_id

    def test_holds_for_measurements_too(self):
        path = GOLDEN / "records" / "measurement.schema1.json"
        assert parse_record(path.read_bytes(), MeasurementRecord).schema_version == SCHEMA_VERSION

    def test_is_finished_for_the_store_and_shown_by_compare(self, tmp_path, capsys, monkeypatch):
        for path in RUNS:
            found = parse_record(path.read_bytes(), RunRecord)
            place = tmp_path / "records" / f"{found.run_id}.json"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(path.read_bytes())
            assert Store(tmp_path).finished(found.run_id) == found
            assert place.read_bytes() == path.read_bytes()
        answer = run_here(capsys, monkeypatch, "compare", tmp_path, "--format", "json")
        assert answer.code == 0
        assert {one["case"] for one in json.loads(answer.out)["comparisons"]} == {"walker2d", "sine", "mimic3"}


class TestOtherSchemas:
    @pytest.fixture
    def mixed(self, tmp_path) -> Path:
        """Three runs of this schema, one of schema 1, two of a later one."""
        out = written(tmp_path / "out", records(many("lstm", 1.0, seeds=5)))
        paths = sorted((out / "records").glob("*.json"))
        first = json.loads(paths[0].read_text())
        first["comparison"] = first.pop("protocol_id")
        paths[0].write_text(json.dumps({**first, "schema_version": 1}))
        for path in paths[3:]:
            path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 3, "new": 1}))
        return out

    def test_are_left_out_by_name(self, mixed):
        found = read_records(mixed)
        assert [run.seeds.root for run in found.runs] == [0, 1, 2]
        assert found.notes == [
            "Not used: 2 records, of schema version 3 (this version reads 2 and 1) "
            "(lstm-hidden-3.json, lstm-hidden-4.json)."
        ]

    def test_alone_are_refused_in_one_sentence(self, mixed, capsys, monkeypatch):
        for path in sorted((mixed / "records").glob("*.json"))[:3]:
            path.unlink()
        for command in ("compare", "claims"):
            words = [command, mixed] if command == "compare" else [command, "--out", mixed]
            answer = run_here(capsys, monkeypatch, *words)
            refused(answer, 3, "of schema version 3 (this version reads 2 and 1) (lstm-hidden-3.json")

    def test_are_never_overwritten_or_moved(self, mixed):
        path = mixed / "records" / "lstm-hidden-3.json"
        before = path.read_bytes()
        with pytest.raises(DataError, match=r"lstm-hidden-3.json is a record of schema version 3"):
            Store(mixed).finished("lstm-hidden-3")
        assert path.read_bytes() == before and not list(mixed.rglob("*.damaged"))

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[1]", b"{}", b'{"schema_version": "2"}', b'{"schema_version": 2}']
    )
    def test_damaged_ones_are_called_so(self, content):
        with pytest.raises(UnreadableRecordError, match="damaged or incomplete") as error:
            parse_record(content, RunRecord)
        assert not error.value.other_schema


class TestOneFolder:
    """A second matching and a second case in one folder, and a model with two settings."""

    @pytest.fixture
    def out(self, tmp_path) -> Path:
        def named(runs):
            return [run.model_copy(update={"measurement_id": f"m-{run.model}-{peaks[run.model]}"}) for run in runs]

        peaks = {"cfc": 100, "lstm": 200}
        both = [named(many(model, 1.0, seeds=3)) for model in peaks]
        peaks = {"cfc": 300, "lstm": 200}
        both += [named(many(model, 1.0, seeds=3, match="params")) for model in peaks]
        small = many("cfc", 2.0, seeds=3, arguments={"hidden": 32})
        both.append([run.model_copy(update={"run_id": f"small-{run.seeds.root}"}) for run in small])
        sine = many("lstm", 1.0, seeds=3)
        changes = {"case": "sine", "source": "generated", "protocol_id": "s", "measurement_id": "m-lstm-700"}
        both.append([run.model_copy(update={**changes, "run_id": f"sine-{run.seeds.root}"}) for run in sine])
        costs = [cost("cfc", 100, 1), cost("cfc", 300, 1), cost("lstm", 200, 1), cost("lstm", 700, 1, case="sine")]
        return written(tmp_path / "out", records(*both, measurements=costs))

    def memory(self, tables):
        return {
            (table["case"], table["title"].rpartition(", ")[2].partition(":")[0]): {
                row["model"]: row["peak_memory_bytes"] for row in table["rows"]
            }
            for table in tables
        }

    def test_compare_and_report_show_the_same_rows_names_and_memory(self, out, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "compare", out, "--format", "json")
        compared = self.memory(json.loads(answer.out)["comparisons"])
        reported = self.memory([study.table.model_dump() for study in load_studies(out)])
        assert compared == reported
        assert compared["walker2d", "same hidden units"] == {
            "cfc (hidden=32)": None,
            "cfc (hidden=64)": 100,
            "lstm": 200,
        }
        assert compared["walker2d", "same active parameters"] == {"cfc": 300, "lstm": 200}
        assert [rows for (case, _), rows in compared.items() if case == "sine"] == [{"lstm": 700}]

    def test_compares_each_study_once(self, out, monkeypatch):
        from lnncmp.comparison import studies
        from lnncmp.report.build.pictures import picture_set, pictures
        from lnncmp.report.figures import style

        calls = []
        compare = studies.compare
        monkeypatch.setattr(studies, "compare", lambda *args, **more: calls.append(1) or compare(*args, **more))
        found = load_studies(out)
        for study in found:
            looks = style.model_looks(list(study.runs))
            assert list(pictures(picture_set(study, looks)))
        assert len(calls) == len(found) == 3
