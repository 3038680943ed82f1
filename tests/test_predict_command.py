"""`lnncmp predict`: raw values from a CSV file, predictions in raw units, and every way to get that wrong."""

import numpy as np
import polars as pl
import pytest
from cli_runs import leftovers, refused, run_here
from kept_networks import keep

import lnncmp


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("waves"), "sine", "lstm")


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("patients"), "mimic3", "lstm")


@pytest.fixture
def predict(capsys, monkeypatch, tmp_path, waves):
    """Return a function that writes a CSV file and has it predicted."""

    def command(text: str, *args: str, kept=waves):
        path = tmp_path / "data.csv"
        path.write_text(text)
        return run_here(capsys, monkeypatch, "predict", kept.record.run_id, path, "--out", kept.out, *args)

    return command


TWO_SERIES = "note,time,series,y\na,0,one,0.5\nb,10,two,-0.5\nc,1.5,one,\nd,11,two,NaN\ne,2.5,one,0.1\n"


def test_each_series_is_predicted_on_its_own(predict, waves, tmp_path):
    answer = predict(TWO_SERIES, "-o", str(tmp_path / "out.csv"))
    assert (answer.code, answer.out) == (0, "") and "5 rows, y" in answer.err
    found = pl.read_csv(tmp_path / "out.csv")
    assert found.columns == ["series", "time", "y"]
    assert found["time"].to_list() == [0, 10, 1.5, 11, 2.5]
    network = lnncmp.load(waves.json)
    one = network.predict(np.array([[0.5], [np.nan], [0.1]]), times=[0, 1.5, 2.5])[:, 0]
    two = network.predict(np.array([[-0.5], [np.nan]]), times=[10, 11])[:, 0]
    assert np.allclose(found["y"].to_numpy()[[0, 2, 4]], one, rtol=1e-6)
    assert np.allclose(found["y"].to_numpy()[[1, 3]], two, rtol=1e-6)


def test_results_go_to_standard_output(predict):
    answer = predict("dt,y\n1,0.5\n2,0.25\n")
    lines = answer.out.splitlines()
    assert answer.code == 0 and lines[0] == "dt,y" and len(lines) == 3 and lines[2].startswith("2,")


def test_many_series_of_several_lengths_keep_their_order(predict, waves):
    rng = np.random.default_rng(0)
    rows = [(int(series), float(rng.standard_normal())) for series in rng.integers(0, 40, 300)]
    answer = predict("series,dt,y\n" + "".join(f"{series},1,{value}\n" for series, value in rows))
    found = [line.split(",") for line in answer.out.splitlines()[1:]]
    assert [int(line[0]) for line in found] == [series for series, _ in rows]
    network = lnncmp.load(waves.json)
    for series in {series for series, _ in rows}:
        mine = [k for k, row in enumerate(rows) if row[0] == series]
        expected = network.predict(np.array([[rows[k][1]] for k in mine]))[:, 0]
        assert np.allclose([float(found[k][2]) for k in mine], expected, rtol=1e-5)


def test_predictions_for_patients_are_for_their_owner_alone(predict, patients, tmp_path):
    header = "series,time," + ",".join(lnncmp.load(patients.json).columns)
    text = header + "\nA,0,90,120,60,80,15,98,37\nA,1,92,,,,,,\n"
    answer = predict(text, "-o", str(tmp_path / "out.csv"), kept=patients)
    assert answer.code == 0, answer
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    assert "90" not in answer.err and "A," not in answer.err
    found = pl.read_csv(tmp_path / "out.csv")
    assert found.columns[2:] == ["hr", "sbp", "dbp", "map", "rr", "spo2", "temp"] and len(found) == 2


BAD = {
    "columns are missing": ("time,Y\n0,1\n", "lacks 1 of the 1 columns that this network reads: y"),
    "no time": ("y\n1\n", "has neither a column time nor dt"),
    "time and dt": ("y,time,dt\n1,0,1\n", "has both columns time and dt"),
    "a column twice": ("y,y,dt\n1,2,1\n", "more than one column 'y'"),
    "text in a cell": ("y,dt\n1,1\nsecret,1\n", "line 3: the cell in column y is no finite number"),
    "infinity": ("y,dt\ninf,1\n", "line 2: the cell in column y is no finite number"),
    "an empty time": ("y,time\n1,0\n1,\n", "line 3: time should be a finite number"),
    "time stands still": ("y,time\n1,0\n1,0\n", "line 3: time should be a finite number above that of the row before"),
    "time falls in one series": ("series,y,time\na,1,5\nb,1,0\na,1,4\n", "line 4: time should be a finite number"),
    "dt of 0": ("y,dt\n1,0\n", "line 2: dt should be a finite number above 0"),
    "no rows": ("y,dt\n", "has a header and no rows"),
    "nothing at all": ("", "cannot be read as CSV"),
    "ragged": ("y,dt\n1,1,1\n", "cannot be read as CSV: its rows have more or fewer cells"),
}


@pytest.mark.parametrize(("text", "phrase"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_sentence_and_nothing_is_written(predict, tmp_path, text, phrase):
    answer = predict(text, "-o", str(tmp_path / "out.csv"))
    refused(answer, 3, "data.csv")
    assert phrase in " ".join(answer.err.split())
    assert "secret" not in answer.err
    assert not (tmp_path / "out.csv").exists()


def test_the_nearest_column_is_named(predict):
    assert "Is 'Y' meant to be 'y'?" in predict("Y,dt\n1,1\n").err
    assert "meant" not in predict("pressure,dt\n1,1\n").err


def test_bytes_that_are_no_text_are_one_sentence(capsys, monkeypatch, waves, tmp_path):
    (tmp_path / "data.csv").write_bytes(b"\xff\xfe\x00y,dt\n\x00\xff")
    answer = run_here(capsys, monkeypatch, "predict", waves.record.run_id, tmp_path / "data.csv", "--out", waves.out)
    refused(answer, 3, "data.csv")


@pytest.mark.parametrize("name", ["", "missing.csv"])
def test_no_file_to_read_is_one_sentence(capsys, monkeypatch, waves, tmp_path, name):
    answer = run_here(capsys, monkeypatch, "predict", waves.record.run_id, tmp_path / name, "--out", waves.out)
    refused(answer, 3, "Name a CSV file.")


def test_an_output_that_cannot_be_written_is_one_sentence(predict, tmp_path):
    (tmp_path / "folder").mkdir()
    refused(predict("dt,y\n1,1\n", "-o", str(tmp_path / "folder")), 3, "Choose another file with --output.")
    (tmp_path / "file").write_text("kept")
    refused(predict("dt,y\n1,1\n", "-o", str(tmp_path / "file" / "x.csv")), 3, "cannot write")
    assert not leftovers(tmp_path)


def test_the_input_is_never_overwritten(predict, tmp_path):
    refused(predict("dt,y\n1,1\n", "-o", str(tmp_path / "data.csv")), 2, "is the file that is read")
    assert (tmp_path / "data.csv").read_text() == "dt,y\n1,1\n"


def test_an_unknown_run_is_one_sentence(capsys, monkeypatch, waves, tmp_path):
    near = waves.record.run_id[::-1]
    refused(run_here(capsys, monkeypatch, "predict", near, tmp_path / "x.csv", "--out", waves.out), 2, "unknown run")
