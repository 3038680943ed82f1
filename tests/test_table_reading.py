"""Reading tables of one's own: layouts of text, numbers, missing cells, roles of columns."""

import subprocess
import sys

import numpy as np
import pytest
from own_tables import read, said, values, write

from lnncmp.errors import DataError, UsageError
from lnncmp.sources.table import NO_TIME, column_names

PLAIN = "time,temp,load\n0,1.5,10\n1,2.5,20\n2,,30\n"


class TestLayouts:
    @pytest.mark.parametrize(
        ("encoded", "words"),
        [
            (PLAIN.encode(), ""),
            (PLAIN.encode("utf-8-sig"), ""),
            (PLAIN.encode("utf-16"), "UTF-16"),
            (PLAIN.encode("utf-16-le"), "UTF-16"),
            (PLAIN.encode("utf-16-be"), "UTF-16"),
            (PLAIN.replace("\n", "\r\n").encode(), ""),
            (PLAIN.replace("\n", "\r").encode(), "CR alone"),
            (PLAIN.replace("\n", "\r\n").encode("utf-16"), "UTF-16"),
            (PLAIN.rstrip("\n").encode(), ""),
            (PLAIN.replace("\n2", "\n\n\n2").encode() + b"\n\n", "2 blank lines"),
            (PLAIN.replace(",", ";").encode(), "semicolons"),
            (PLAIN.replace(",", "\t").encode(), "tabs"),
            (PLAIN.replace(",", "|").encode(), "bars"),
            (PLAIN.replace(",", " , ").encode(), ""),
            (PLAIN.replace(",", ";").replace(".", ",").encode(), "decimal comma"),
            (PLAIN.replace(",,", ",NA,").replace(",", "   ").encode(), "spaces"),
            (PLAIN.replace(",,", ",?,").replace(",", "\t ").replace("\n", " \n ").encode(), "tabs"),
            (PLAIN.encode() + b"  \n \n", ""),
            (PLAIN.replace("1.5", '"1.5"').replace("temp", '"temp"').encode(), ""),
            (PLAIN.replace("1.5", '"1,5"').replace("2.5", '"2,5"').encode(), "decimal comma"),
        ],
    )
    def test_every_layout_gives_the_same_table(self, tmp_path, encoded, words):
        table = read(write(tmp_path, encoded), targets=("temp",))
        assert [column.name for column in table.columns] == ["temp", "load"]
        np.testing.assert_array_equal(table.series[0].values, [[1.5, 10], [2.5, 20], [np.nan, 30]])
        assert table.series[0].times.tolist() == [0, 1, 2] and table.time_kind == "number"
        assert (table.time, table.series[0].group) == ("time", "own")
        assert said(table, words)
        assert len(table.notes) == (2 if words else 1) + ("decimal comma" in words and b";" in encoded)

    def test_latin_1_is_the_last_resort(self, tmp_path):
        path = write(tmp_path, "t;Größe\n0;1,25\n1;2,5\n".encode("latin-1"))
        table = read(path, targets=("Größe",))
        assert values(table, "Größe") == [1.25, 2.5] and said(table, "read as Latin-1")

    @pytest.mark.parametrize(
        ("cells", "words"),
        [
            (("1,234.5", "12,345", "7"), "decimal point and a comma"),
            (("1.234,5", "12.345", "7"), "decimal comma and a point"),
            (("1 234.5", "12 345", "7"), "decimal point and a space"),
            (("1\u00a0234,5", "12\u202f345", "7"), "decimal comma and a space"),
            (("1'234.5", "12'345", "7"), "decimal point and a apostrophe"),
        ],
    )
    def test_thousands(self, tmp_path, cells, words):
        table = read(write(tmp_path, "x;y\n" + "".join(f"{cell};{n}\n" for n, cell in enumerate(cells))))
        assert values(table, "x") == [1234.5, 12345, 7] and said(table, words)
        assert not said(table, "check")

    @pytest.mark.parametrize(("sign", "first"), [(";", 1.234), (",", 1234)])
    def test_numbers_of_two_meanings_are_said(self, tmp_path, sign, first):
        table = read(write(tmp_path, f'x{sign}y\n"1,234"{sign}1\n"2,345"{sign}2\n'))
        assert values(table, "x")[0] == first and said(table, "could also be read otherwise")

    def test_a_number_that_breaks_the_style_is_refused(self, tmp_path):
        rows = "".join(f'"1,23{n % 10}",{n}\n' for n in range(3000)) + '"1,5",1\n'
        with pytest.raises(DataError, match=r"column 'x' should hold numbers.*line 3002 of own.csv holds text"):
            read(write(tmp_path, "x,y\n" + rows))

    def test_quotes_may_hold_delimiters_quotes_and_line_breaks(self, tmp_path):
        text = 'what,x\n"a, ""b""\nc",1\n"a, ""b""\nc",2\nd,oops\n'
        table = read(write(tmp_path, text.replace("oops", "3")), features=("what", "x"))
        assert table.columns[0].classes == ('a, "b"\nc', "d") and values(table, "x") == [1, 2, 3]
        with pytest.raises(DataError, match=r"line 6 of own.csv holds text"):
            read(write(tmp_path, text))

    @pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
    def test_a_long_file_gives_lines_of_the_file(self, tmp_path, ends, monkeypatch):
        monkeypatch.setattr("lnncmp.sources.table.delimited.text_blocks", _small_blocks)
        rows = [f'{n},{n / 7},"{n % 3} p\n"' for n in range(5000)]
        text = "\n".join(["i,x,kind", *rows[:100], "", *rows[100:]]) + "\n"
        table = read(write(tmp_path, text.replace("\n", ends)), targets=("x",))
        np.testing.assert_allclose(values(table, "x"), np.arange(5000) / 7)
        assert values(table, "kind") == [n % 3 for n in range(5000)]
        for row in (60, 4321):
            bad = text.replace(f"\n{row},{row / 7}", f"\n{row},bad")
            line = bad[: bad.index("bad")].count("\n") + 1
            with pytest.raises(DataError, match=f"column 'x' should hold numbers; line {line} of own.csv holds text"):
                read(write(tmp_path, bad.replace("\n", ends)), targets=("x",))
            bad = text.replace(f"\n{row},", f"\n{row},,")
            with pytest.raises(DataError, match=f"line {line} of own.csv has 4 cells, the header has 3"):
                read(write(tmp_path, bad.replace("\n", ends)), targets=("x",))

    @pytest.mark.parametrize("end", ["\n,,\n", "\r\n,,\r\n,,\r\n\r\n", "\n  \n,,"])
    def test_empty_rows_at_the_end_are_none(self, tmp_path, end):
        table = read(write(tmp_path, "time,x,y\n0,1,5\n1,2,7\n2,3," + end))
        np.testing.assert_array_equal(table.series[0].values, [[1, 5], [2, 7], [3, np.nan]])

    @pytest.mark.parametrize(
        "text",
        [
            "a,b\n1,2\n3\n",
            "a,b\n1,2\n3,4,5\n",
            "a;b\n1;2\n3;4;5\n",
            "1,2\n3\n4,5\n",
            "a,b\n1,2,\n3,4,\n",
            "# log\na,b\n1,2\n",
        ],
    )
    def test_ragged_rows_are_refused(self, tmp_path, text):
        with pytest.raises(DataError, match=r"line [23] of own.csv has [123] cells?, the (header|first row) has [12]"):
            read(write(tmp_path, text))

    def test_names_in_the_header(self, tmp_path):
        with pytest.raises(DataError, match="names column 'a' more than once"):
            read(write(tmp_path, "a, a ,b\n1,2,3\n"))
        table = read(write(tmp_path, ",x,rows\n0,5,0\n1,6,1\n2,8,2\n"))
        assert [column.name for column in table.columns] == ["x", "rows"]
        assert said(table, "counts the rows and has no name: column_1")

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("1,2.5\n2,3.5\n", ["column_1", "column_2"]),
            ("1/1/1998,?,2.5\n1/2/1998,1,3.5\n1/3/1998,2,3.6\n", ["column_2", "column_3"]),
            ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,2.9,other\n", ["column_1", "column_2", "column_3"]),
            ("1,2,Phase\n0.5,0.5,D\n0.7,0.8,S\n", ["1", "2", "Phase"]),
        ],
    )
    def test_a_header_may_be_missing(self, tmp_path, text, names):
        table = read(write(tmp_path, text, "own.data"))
        assert [column.name for column in table.columns] == names
        assert said(table, "has no header") == (names[0] != "1")

    def test_one_column(self, tmp_path):
        table = read(write(tmp_path, "load\n1,5\n\n2,5\n\n\n"))
        np.testing.assert_array_equal(table.series[0].values[:, 0], [1.5, np.nan, 2.5])
        assert table.time_kind == "row" and table.series[0].times.tolist() == [0, 1, 2]


def _small_blocks(file, found):
    from lnncmp.sources.table.text import text_blocks

    return text_blocks(file, found, 1000)


class TestCells:
    def test_words_for_missing(self, tmp_path):
        words = ["", "NA", "NaN", "null", "?", "-", "None", "n/a", " "]
        text = "x,kind\n" + "".join(f"{word},{word}\n{n},{'ab'[n % 2]}\n" for n, word in enumerate(words))
        table = read(write(tmp_path, text))
        np.testing.assert_array_equal(np.isnan(values(table, "x")), [True, False] * len(words))
        assert [column.missing for column in table.columns] == [0.5, 0.5]
        assert table.columns[1].classes == ("a", "b") and said(table, "column 'kind' are read as missing: 1 that say -")

    @pytest.mark.parametrize("cell", ["sick", "1e999", "inf", "1_000", "0x10", "1,5", "1.2.3"])
    def test_text_among_numbers_names_line_and_column_and_no_value(self, tmp_path, cell):
        path = write(tmp_path, "t,temp\n" + "".join(f"{n},{n / 2}\n" for n in range(15)) + f'15,"{cell}"\n')
        with pytest.raises(DataError) as caught:
            read(path)
        assert caught.value.message == "column 'temp' should hold numbers; line 17 of own.csv holds text"
        assert cell not in caught.value.hint

    def test_text_is_a_category_of_few_classes(self, tmp_path):
        rows = "".join(f"{n},{'abc'[n % 3]},w{n},{n % 2}\n" for n in range(40))
        path = write(tmp_path, "x,kind,word,bit\n" + rows)
        table = read(path)
        assert [(c.name, c.kind) for c in table.columns] == [("x", "number"), ("kind", "category"), ("bit", "number")]
        assert table.columns[1].classes == ("a", "b", "c") and values(table, "kind")[:4] == [0, 1, 2, 0]
        assert said(table, "holds more than 32 different texts: word")
        with pytest.raises(DataError, match="column 'word' holds more than 32 different texts") as caught:
            read(path, features=("x", "word"))
        assert "--features" in caught.value.hint
        assert len(read(path, targets=("word",)).columns[0].classes) == 40
        as_class = read(path, targets=("bit",), categories=("bit",))
        assert as_class.columns[0].kind == "category" and as_class.columns[0].classes == ("0", "1")

    def test_numbers_as_classes_are_the_same_however_written(self, tmp_path):
        table = read(write(tmp_path, "x,y\n1,10\n2,2.\n3,2.0\n4,1\n"), targets=("y",), categories=("y",))
        assert table.columns[0].classes == ("1", "2", "10") and values(table, "y") == [2, 1, 1, 0]

    def test_columns_that_say_nothing(self, tmp_path):
        path = write(tmp_path, "x,one,gone,when\n1,7,,2020-01-01\n2,7,?,2020-01-01\n3,7,NA,2020-01-02\n")
        table = read(path, time=NO_TIME)
        assert [column.name for column in table.columns] == ["x"]
        for reason in ("never varies: one", "has no values: gone", "holds dates: when"):
            assert said(table, reason)
        for target, why in (("one", "never varies"), ("gone", "has no values")):
            with pytest.raises(DataError, match=f"the target '{target}' {why}"):
                read(path, targets=(target,))
        with pytest.raises(DataError, match="column 'when' holds dates"):
            read(path, time=NO_TIME, features=("when",))
        with pytest.raises(DataError, match="no column of numbers or of few classes is left") as caught:
            read(path, features=("one", "gone"))
        assert "never varies: one" in caught.value.hint

    def test_a_column_that_turns_to_text_late(self, tmp_path):
        rows = [f"{n},{n / 3}" for n in range(3000)]
        path = write(tmp_path, "i,x\n" + "\n".join(rows) + "\n")
        np.testing.assert_array_equal(values(read(path), "x"), np.arange(3000) / 3)
        with pytest.raises(DataError, match=r"line 2902 of own.csv holds text"):
            read(write(tmp_path, "i,x\n" + "\n".join([*rows[:2900], "2900,bad", *rows[2900:]])))
        most = [f"{n},w{n}" for n in range(2000)] + rows[:1500]
        assert said(read(write(tmp_path, "i,x\n" + "\n".join(most))), "more than 32 different texts: x")


class TestRoles:
    ROWS = "t,who,a,b,part\n0,p,1,5,train\n1,p,2,7,test\n0,q,3,6,train\n2,q,4,9,val\n"

    def test_groups_splits_targets_first(self, tmp_path):
        path = write(tmp_path, self.ROWS)
        table = read(path, time="t", group="who", targets=("b",), split="part")
        assert [(c.name, c.role) for c in table.columns] == [("b", "target"), ("a", "feature")]
        assert [series.group for series in table.series] == ["p", "q"]
        assert table.series[1].values.tolist() == [[6, 3], [9, 4]] and table.series[1].times.tolist() == [0, 2]
        assert table.series[1].split.tolist() == ["train", "val"] and not table.notes

    def test_names_are_matched_and_guessed(self, tmp_path):
        path = write(tmp_path, self.ROWS)
        assert read(path, targets=("B",), group="Who", features=("A",)).columns[0].name == "b"
        with pytest.raises(UsageError) as caught:
            read(path, targets=("parts",))
        assert (caught.value.message, caught.value.hint[:22]) == ("unknown column 'parts'", "Did you mean 'part'? A")
        for roles in ({"time": "t", "group": "t"}, {"split": "a", "targets": ("a",)}):
            with pytest.raises(UsageError, match="was given two roles"):
                read(path, **roles)
        table = read(path, group="who", targets=("a",), features=("a", "b"))
        assert [column.name for column in table.columns] == ["a", "b"] and said(table, "as it is a target: a")

    def test_at_most_twenty_names_are_listed(self, tmp_path):
        path = write(tmp_path, ",".join(f"c{n:02d}" for n in range(50)) + "\n" + ",".join("1" * 50) + "\n")
        with pytest.raises(UsageError) as caught:
            read(path, targets=("zzz",))
        assert caught.value.hint.endswith("c19 and 30 more") and len(column_names([path])) == 50

    @pytest.mark.parametrize(
        ("header", "rows", "time"),
        [
            ("x,t", ["5,0", "3,1", "9,1"], "t"),
            ("t,x", ["5,0", "3,1", "9,1"], None),
            ("x,Timestamp", ["5,10", "3,20", "9,25"], "Timestamp"),
            ("x,day", ["5,2020-01-01", "3,2020-01-02", "9,2020-01-03"], "day"),
            ("birth,date,x", ["1990-01-01,2020-01-01,1", "1980-01-02,2020-01-02,2"], "date"),
            ("x,y", ["5,0", "3,1", "9,2"], None),
            ("x,Time (s)", ["5,0", "3,1", "9,2"], "Time (s)"),
            ("x,t [ms]", ["5,0", "3,1", "9,2"], "t [ms]"),
            ("x,temp", ["5,0", "3,1", "9,2"], None),
            ("x,lifetime", ["5,0", "3,1", "9,2"], None),
            ("birth date,when,x", ["1990-01-01,2020-01-01,1", ",2020-01-02,2"], "when"),
        ],
    )
    def test_the_time_is_guessed(self, tmp_path, header, rows, time):
        table = read(write(tmp_path, "\n".join([header, *rows])))
        assert table.time == time
        assert said(table, f"time is column '{time}'" if time else "no column of times")

    def test_a_row_without_group_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"line 3 of own.csv has no value in column 'who'"):
            read(write(tmp_path, "who,a\np,1\n,2\n"), group="who")


def test_polars_is_loaded_when_a_table_is_read():
    code = "import sys, lnncmp.sources.table; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
