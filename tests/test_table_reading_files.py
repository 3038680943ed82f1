"""Reading tables of one's own: kinds of files, folders, several files, damage, memory."""

import gzip
import io
import os
import zipfile
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from own_tables import read, said, values, write

from lnncmp.errors import DataError, LnncmpError, UsageError
from lnncmp.sources.table import column_names

PLAIN = "time,x\n0,1\n1,3\n"


def npz(folder, name="own.npz", **arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return write(folder, buffer.getvalue(), name)


class TestKinds:
    @pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.txt", "a.tsv", "a.data", "a.csv.gz", "a.TXT.gz"])
    def test_text_under_any_name(self, tmp_path, name):
        packed = gzip.compress(PLAIN.encode()) if name.endswith("gz") else PLAIN.encode()
        table = read(write(tmp_path, packed, name))
        assert values(table, "x") == [1, 3] and table.series[0].group == "a"

    def test_links_are_followed(self, tmp_path):
        (tmp_path / "b.csv").symlink_to(write(tmp_path, PLAIN))
        assert values(read(tmp_path / "b.csv"), "x") == [1, 3]

    def test_parquet(self, tmp_path):
        start = datetime(2020, 1, 1)
        frame = pl.DataFrame(
            {
                "when": [start + timedelta(minutes=15 * n) for n in range(5)],
                "i": [1, None, 3, 4, 5],
                "f": pl.Series([0.5, float("nan"), 2, 3, 4], dtype=pl.Float32),
                "flag": [True, False, True, None, True],
                "kind": pl.Series(["a", "b", None, "NA", "a"], dtype=pl.Categorical),
                "number": ["1.5", "2", "", "4", "5"],
                "day": [date(2020, 1, n + 1) for n in range(5)],
                "many": [[n] for n in range(5)],
            }
        )
        frame.write_parquet(tmp_path / "own.parquet")
        table = read(tmp_path / "own.parquet", targets=("f",))
        assert [(c.name, c.kind) for c in table.columns] == [
            *(("f", "number"), ("i", "number"), ("flag", "number")),
            *(("kind", "category"), ("number", "number")),
        ]
        nan = np.nan
        expected = [[0.5, 1, 1, 0, 1.5], [nan, nan, 0, 1, 2], [2, 3, 1, nan, nan], [3, 4, nan, nan, 4], [4, 5, 1, 0, 5]]
        np.testing.assert_array_equal(table.series[0].values, expected)
        assert table.time == "when" and table.series[0].times.tolist() == [0, 900, 1800, 2700, 3600]
        assert said(table, "holds dates: day") and said(table, "holds lists or bytes: many")
        pl.DataFrame({"x": [1, 2], "a\x1b[31m": [3, 4]}).write_parquet(tmp_path / "odd.parquet")
        with pytest.raises(DataError, match="a name that cannot be printed"):
            read(tmp_path / "odd.parquet")
        with pytest.raises(DataError, match="column 'many' holds lists or bytes"):
            read(tmp_path / "own.parquet", features=("many",))

    def test_times_with_a_zone_across_a_change_of_clocks(self, tmp_path):
        hours = [datetime(2020, 3, 29) + timedelta(hours=n) for n in range(3)]
        zoned = pl.Series(hours).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
        pl.DataFrame({"when": zoned, "x": [1, 2, 4]}).write_parquet(tmp_path / "a.parquet")
        assert read(tmp_path / "a.parquet").series[0].times.tolist() == [0, 3600, 7200]
        pl.DataFrame({"when": [*hours[:2], datetime(9999, 1, 1)], "x": [1, 2, 4]}).write_parquet(tmp_path / "b.parquet")
        with pytest.raises(DataError, match=r"row 3 of b.parquet"):
            read(tmp_path / "b.parquet")

    def test_infinite_numbers_are_refused(self, tmp_path):
        path = npz(tmp_path, x=np.array([1, np.inf, 2]))
        with pytest.raises(DataError, match=r"column 'x' should hold finite.*; row 2 of own.npz holds an"):
            read(path)

    def test_npz_columns(self, tmp_path):
        hours = np.arange(4).astype("M8[h]")
        label = np.array(["a", "b", "b", "a"])
        path = npz(tmp_path, time=hours, x=np.arange(8.0).reshape(4, 2), y=np.arange(4, dtype=np.int16), label=label)
        table = read(path, targets=("label",))
        assert [column.name for column in table.columns] == ["label", "x_0", "x_1", "y"]
        assert table.series[0].times.tolist() == [0, 3600, 7200, 10800]
        assert table.series[0].values.tolist() == [[0, 0, 1, 0], [1, 2, 3, 1], [1, 4, 5, 2], [0, 6, 7, 3]]

    def test_npz_of_many_series(self, tmp_path):
        x = np.arange(24.0).reshape(3, 4, 2)
        path = npz(tmp_path, x=x, row=x[..., 0] ** 2, label=np.array([0, 1, 1]), time=np.arange(4) / 10)
        table = read(path, targets=("label",), categories=("label",))
        assert [column.name for column in table.columns] == ["label", "x_0", "x_1", "row"]
        assert [series.group for series in table.series] == ["own/0", "own/1", "own/2"]
        np.testing.assert_array_equal(table.series[2].values[:, 1:3], x[2])
        assert table.series[2].values[:, 0].tolist() == [1] * 4
        assert table.series[1].times.tolist() == [0, 0.1, 0.2, 0.3]

    @pytest.mark.parametrize(
        ("arrays", "words"),
        [
            ({"x": np.zeros(3), "y": np.zeros(4)}, r"the array 'y' of own.npz is \(4,\), others have 3 rows"),
            ({"x": np.zeros((2, 3, 1)), "y": np.zeros((3, 3))}, "others hold 2 series of 3 rows"),
            ({"x": np.zeros((3, 3, 1)), "y": np.zeros(3)}, "may go with the 3 series or with their 3 rows"),
            ({"x": np.array([{}, {}])}, "is object"),
            ({"x": np.zeros(2, complex)}, "complex128"),
            ({"x": np.zeros((1, 1, 1, 1))}, "no column"),
            ({"x": np.float64(3)}, "no column"),
            ({"x": np.zeros((0, 2))}, "without rows"),
            ({"x_0": np.zeros(2), "x": np.zeros((2, 1))}, "more than one column 'x_0'"),
        ],
    )
    def test_arrays_that_are_no_table(self, tmp_path, arrays, words):
        with pytest.raises(DataError, match=words):
            read(npz(tmp_path, **arrays))


def _cut_parquet():
    buffer = io.BytesIO()
    pl.DataFrame({"x": list(range(1000))}).write_parquet(buffer)
    return buffer.getvalue()


def _other_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return buffer.getvalue()


PARQUET = _cut_parquet()
PACKED = gzip.compress(("x,y\n" + "1.25,2\n" * 5000).encode(), mtime=0)


_DAMAGED = [
    ("a.csv", b"", "a.csv is empty"),
    ("a.csv", b"\n\n  \n", "a.csv holds no rows"),
    ("a.csv", b"x,y\n", "a.csv has a header and no rows"),
    ("a.csv", b"x,y", "a.csv has a header and no rows"),
    ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "a.csv is a picture"),
    ("a.csv", b"%PDF-1.7\n" + bytes(100), "a.csv is a PDF"),
    ("a.csv", b"x,y\n1,\x00\x01\x02\n", "holds bytes that are no text"),
    ("a.csv", b"<!DOCTYPE html><html>", "is a web page"),
    ("a.csv", b'{"x": [1]}', "is JSON"),
    ("a.csv", b'x,y\n"1,2\n3,4\n', "ends inside a quoted cell"),
    ("a.csv", b'x,y\n1,5" pipe "a"\n2,6" pipe\n', "quot"),
    ("a.csv", "x,y\n1,2\n".encode("utf-16")[:-1], "begins as UTF-16"),
    ("a.csv", PARQUET, "a.csv is not text: by its content it is Parquet"),
    ("a.parquet", PLAIN.encode(), "a.parquet is not Parquet: by its content it is text"),
    ("a.csv", _other_zip(), "is a zip file"),
    ("a.npz", _other_zip(), "not of NumPy's arrays"),
    ("a.npz", _other_zip()[:40], "is damaged"),
    ("a.parquet", PARQUET[:-40], "was cut off"),
    ("a.parquet", PARQUET[:-60] + b"\xff" * 40 + PARQUET[-20:], "is damaged"),
    ("a.parquet", b"PAR1PAR1", "is damaged"),
    ("a.csv.gz", PACKED[:-10], "was cut off"),
    ("a.csv.gz", PACKED[:60] + b"\xff" * 8 + PACKED[68:], "is damaged"),
    ("a.xlsx", _other_zip(), "none of the endings"),
    ("a", PLAIN.encode(), "none of the endings"),
]
"""File, content, what is said of it."""


class TestDamage:
    @pytest.mark.parametrize(
        ("name", "content", "words"), _DAMAGED, ids=[f"{name}: {words}" for name, _, words in _DAMAGED]
    )
    def test_one_sentence(self, tmp_path, name, content, words):
        with pytest.raises(DataError, match=words) as caught:
            read(write(tmp_path, content, name))
        assert str(tmp_path) not in caught.value.message and "\n" not in caught.value.message

    @pytest.mark.parametrize("name", ["a.parquet", "a.npz", "a.csv", "a.csv.gz"])
    def test_damage_anywhere_is_one_sentence_or_none(self, tmp_path, name):
        random = np.random.default_rng(0)
        arrays = {"time": np.arange(60), "x": random.normal(size=60), "kind": np.array(["a", "b", "c"] * 20)}
        frame, stream = pl.DataFrame(arrays), io.BytesIO()
        frame.write_parquet(stream) if "parquet" in name else np.savez(stream, **arrays)
        text = frame.write_csv().encode()
        whole = {"a.csv": text, "a.csv.gz": gzip.compress(text)}.get(name) or stream.getvalue()
        assert read(write(tmp_path, whole, name)).columns[1].classes == ("a", "b", "c")
        refused = 0
        for number in range(30):
            place, damaged = random.integers(len(whole)), bytearray(whole)
            damaged[place : place + 1 + number % 9] = random.bytes(1 + number % 7)
            try:
                read(write(tmp_path, bytes(damaged), name))
            except LnncmpError as error:
                refused += 1
                assert "\n" not in error.message and len(error.message) < 200
        assert refused > 5

    def test_paths_that_are_no_files(self, tmp_path):
        with pytest.raises(DataError, match="does not exist"):
            read(tmp_path / "gone.csv")
        os.mkfifo(tmp_path / "pipe.csv")
        with pytest.raises(DataError, match="not a regular file"):
            read(tmp_path / "pipe.csv")
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="the folder empty holds no table"):
            read(tmp_path / "empty")
        with pytest.raises(UsageError, match="no file was named"):
            read()

    def test_a_bomb_is_refused_before_it_goes_off(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lnncmp.sources.table.text._BOMB_BYTES", 1 << 20)
        path = write(tmp_path, gzip.compress(b"x,y\n1,2\n" + b"\n" * (1 << 23)), "a.csv.gz")
        with pytest.raises(DataError, match="unpacks to more than 400 times its size"):
            read(path)

    def test_a_row_without_an_end_is_refused(self, tmp_path):
        path = write(tmp_path, gzip.compress(b'x,y\n1,"' + b"a" * (1 << 25)), "a.csv.gz")
        with pytest.raises(DataError, match="a row without an end"):
            read(path)

    def test_what_would_not_fit_into_memory_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lnncmp.sources.table.budget.available_memory", lambda: 100_000)
        rows = "x,y\n" + "".join(f"{n},{n / 7:.6f}\n" for n in range(5000))
        plain, packed = write(tmp_path, rows), write(tmp_path, gzip.compress(rows.encode()), "a.csv.gz")
        arrays = npz(tmp_path, x=np.zeros(10_000))
        for path in (plain, packed, arrays):
            with pytest.raises(DataError, match=r"would need (more than )?\d+\.\d GB of memory"):
                read(path)
        assert column_names([plain]) == ("x", "y")

    def test_an_array_that_claims_too_much_is_refused(self, tmp_path):
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, {"shape": (1 << 50,), "fortran_order": False, "descr": "<f8"})
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("x.npy", buffer.getvalue() + bytes(80))
        with pytest.raises(DataError, match=r"a.npz is damaged"):
            read(tmp_path / "a.npz")


class TestSeveral:
    def test_a_folder_is_one_series_a_file(self, tmp_path):
        for name, text in {
            "b.csv": "0,1\n1,4",
            "a.csv": "5,2\n6,3",
            ".b.csv": "",
            "README.txt": "",
            "c.md": "",
        }.items():
            write(tmp_path, f"time,x\n{text}\n" if "csv" in name else text, f"f/{name}")
        write(tmp_path, PLAIN, "f/deeper/d.csv")
        table = read(tmp_path / "f")
        assert [series.group for series in table.series] == ["a", "b"] and values(table, "x") == [2, 3, 1, 4]
        assert said(table, "2 other files of the folder f not read")
        reverse = read(tmp_path / "f" / "b.csv", tmp_path / "f" / "a.csv")
        assert [series.group for series in reverse.series] == ["b", "a"]

    def test_columns_go_by_name(self, tmp_path):
        files = [write(tmp_path, "time,x,Phase,y\n0,1,D,7\n1,2,S,8\n", "a.csv")]
        files += [write(tmp_path, "phase;x;time;z\nD;3,5;0;1\nP;4;1;2\n", "b.csv")]
        table = read(*files, targets=("phase",))
        assert [column.name for column in table.columns] == ["Phase", "x"]
        assert table.columns[0].classes == ("D", "P", "S") and values(table, "x") == [1, 2, 3.5, 4]
        assert said(table, "not all files have them: y, z") and said(table, "b.csv: numbers have a decimal comma")
        with pytest.raises(UsageError, match=r"column 'y' is in a.csv, but not in b.csv"):
            read(*files, targets=("y",))

    def test_files_that_do_not_belong_together(self, tmp_path):
        a = write(tmp_path, "time,x,Phase\n0,1,D\n1,2,S\n", "a.csv")
        with pytest.raises(DataError, match=r"last column is called 'Phase' in a.csv and 'label' in b.csv"):
            read(a, write(tmp_path, "time,x,label\n0,1,D\n", "b.csv"))
        with pytest.raises(DataError, match="the 2 files share 1 columns, too few"):
            read(a, write(tmp_path, "p,q,Phase,time2\n0,1,D,2\n", "c.csv"))
        (tmp_path / "link.csv").symlink_to(a)
        for again in (a, tmp_path / "link.csv"):
            with pytest.raises(UsageError, match=r"a.csv was named twice"):
                read(a, again)
        write(tmp_path, "time,x\n0,1\n", "f/a.csv")
        pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "f" / "b.parquet")
        with pytest.raises(DataError, match="tables of several kinds"):
            read(tmp_path / "f")

    def test_the_same_name_in_two_folders(self, tmp_path):
        table = read(write(tmp_path, PLAIN, "p/a.csv"), write(tmp_path, PLAIN, "q/a.csv"))
        assert [series.group for series in table.series] == ["p/a", "q/a"]

    def test_a_column_of_groups_joins_files(self, tmp_path):
        a = write(tmp_path, "time,who,x\n0,p,1\n0,q,2\n", "a.csv")
        b = write(tmp_path, "time,who,x\n1,p,3\n1,q,4\n", "b.csv")
        table = read(a, b, group="who")
        assert [series.values[:, 0].tolist() for series in table.series] == [[1, 3], [2, 4]]
