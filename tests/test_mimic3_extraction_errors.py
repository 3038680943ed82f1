"""What is wrong with a folder of MIMIC-III tables is said in one sentence, and leaves nothing behind."""

import gzip
import random
import tracemalloc
import zlib

import pytest
from mimic3_tables import event, patient, put, stay, table_text, tables

from lnncmp.errors import DataError, UsageError
from lnncmp.sources import whole_rows
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.clinical import SOURCE
from lnncmp.sources.mimic3.extraction.extraction import extract

HR = 220045
SUBJECT, VALUE, YEAR = 73191, 83.25, "2150-"
"""What may never be in a message."""


@pytest.fixture
def folder(tmp_path):
    """A folder of sound tables of one subject."""
    rows = [event(HR, 0.5 + n / 100, VALUE, subject=SUBJECT) for n in range(300)]
    return tables(tmp_path / "tables", rows, stays=[stay(SUBJECT)])


def refused(folder, tmp_path, kind=DataError) -> str:
    """Return the message of the error, after looking for what it may not say and what it may not leave."""
    cache = tmp_path / "cache"
    with pytest.raises(kind) as caught:
        extract(folder, cache, name="test")
    error = caught.value
    assert error.hint
    assert "\n" not in error.message
    for secret in (str(SUBJECT), str(VALUE), YEAR):
        assert secret not in error.message + error.hint
    assert error.__cause__ is None or isinstance(error.__cause__, OSError)
    assert [path for path in cache.rglob("*") if path != cache / "mimic3"] == []
    return error.message


def chart_text(*changes, **layout):
    """Return CHARTEVENTS with one row per mapping of `changes` to a sound row."""
    return table_text(
        "CHARTEVENTS", [{**event(HR, 1, VALUE, subject=SUBJECT), **change} for change in changes], **layout
    )


class TestFolder:
    def test_missing(self, tmp_path):
        assert refused(tmp_path / "no", tmp_path) == f"the folder {tmp_path / 'no'} does not exist"

    def test_a_file(self, folder, tmp_path):
        path = folder / "CHARTEVENTS.csv.gz"
        assert refused(path, tmp_path) == f"{path} is a file, expected the folder with the tables of MIMIC-III"

    def test_empty(self, tmp_path):
        (tmp_path / "empty").mkdir()
        message = refused(tmp_path / "empty", tmp_path)
        assert (
            "lacks the tables CHARTEVENTS, ICUSTAYS, PATIENTS (looked for CHARTEVENTS.csv.gz, CHARTEVENTS.csv"
            in message
        )

    def test_one_table_missing_and_how_to_get_it(self, folder, tmp_path):
        (folder / "ICUSTAYS.csv.gz").unlink()
        message = (
            f"{folder} lacks the table ICUSTAYS (looked for ICUSTAYS.csv.gz, ICUSTAYS.csv, in any case of letters)"
        )
        assert refused(folder, tmp_path) == message
        with pytest.raises(DataError) as caught:
            extract(folder, tmp_path / "cache", name="test")
        full = "wget -r -N -c -np --user YOUR_NAME --ask-password https://physionet.org/files/mimiciii/1.4/"
        assert full in caught.value.hint
        assert "lnncmp data fetch mimic3 --source demo" in caught.value.hint

    def test_cannot_be_listed(self, folder, tmp_path, monkeypatch):
        def denied(self):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(type(folder), "iterdir", denied)
        with pytest.raises(DataError, match=r"cannot open the folder .*: Permission denied"):
            extract(folder, tmp_path / "cache", name="test")

    def test_link_to_nothing(self, folder, tmp_path):
        path = folder / "PATIENTS.csv.gz"
        path.unlink()
        path.symlink_to(folder / "gone")
        assert f"{path} cannot be read: No such file" in refused(folder, tmp_path)

    def test_folder_in_place_of_a_table(self, folder, tmp_path):
        path = folder / "PATIENTS.csv.gz"
        path.unlink()
        path.mkdir()
        assert refused(folder, tmp_path) == f"{path} is not a regular file, expected the table PATIENTS"

    def test_none_named(self, tmp_path):
        with pytest.raises(UsageError) as caught:
            SOURCE.load(SourceContext(cache=tmp_path))
        assert "--data DIR" in caught.value.hint

    def test_unknown_grid(self, folder, tmp_path):
        with pytest.raises(UsageError, match="unknown grid 'hourly'"):
            extract(folder, tmp_path / "cache", name="test", grid="hourly")


@pytest.mark.parametrize("name", ["CHARTEVENTS", "OUTPUTEVENTS", "ICUSTAYS", "PATIENTS"])
class TestFile:
    def test_empty(self, folder, tmp_path, name):
        (folder / f"{name}.csv.gz").write_bytes(b"")
        assert refused(folder, tmp_path) == f"{folder / name}.csv.gz is empty, expected the table {name}"

    def test_packed_nothing(self, folder, tmp_path, name):
        put(folder, f"{name}.csv.gz", "")
        assert refused(folder, tmp_path) == f"{folder / name}.csv.gz has no text in it"

    def test_header_only(self, folder, tmp_path, name):
        put(folder, f"{name}.csv.gz", table_text(name, []))
        assert refused(folder, tmp_path) == f"{folder / name}.csv.gz has a header but no rows"

    @pytest.mark.parametrize("missing", [1, 9, 40])
    def test_truncated(self, folder, tmp_path, name, missing):
        path = folder / f"{name}.csv.gz"
        path.write_bytes(path.read_bytes()[:-missing])
        assert refused(folder, tmp_path) == f"{path} is truncated: the packed file ends too early"

    def test_corrupt(self, folder, tmp_path, name):
        path = folder / f"{name}.csv.gz"
        content = bytearray(path.read_bytes())
        content[-6] ^= 1  # within the checksum
        path.write_bytes(content)
        assert refused(folder, tmp_path) == f"{path} is corrupt: it cannot be unpacked as gzip"

    @pytest.mark.parametrize("pack", [gzip.compress, bytes])
    def test_web_page(self, folder, tmp_path, name, pack):
        path = folder / f"{name}.csv.gz"
        path.write_bytes(pack(b"\n<!DOCTYPE html>\n<html><title>Log in</title></html>\n"))
        message = f"{path} is a web page, not the table {name}: most likely the log-in page of PhysioNet"
        assert refused(folder, tmp_path) == message

    @pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
    def test_other_separator(self, folder, tmp_path, name, separator, word):
        path = folder / f"{name}.csv.gz"
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b",", separator.encode())))
        assert refused(folder, tmp_path) == f"the columns of {path} are separated by {word}, expected commas"

    def test_missing_column(self, folder, tmp_path, name):
        path = folder / f"{name}.csv.gz"
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"SUBJECT_ID", b"PERSON", 1)))
        assert refused(folder, tmp_path) == f"the table {name} in {path} lacks the column SUBJECT_ID"

    def test_identity_that_is_no_number(self, folder, tmp_path, name):
        path = folder / f"{name}.csv.gz"
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"\n1,", b"\n1,x", 1)))
        assert refused(folder, tmp_path) == f"{path} has a cell in column SUBJECT_ID that cannot be read"

    def test_plain_file_cut_off(self, folder, tmp_path, name):
        packed = folder / f"{name}.csv.gz"
        text = gzip.decompress(packed.read_bytes())
        packed.unlink()
        path = folder / f"{name}.csv"
        path.write_bytes(text.rstrip(b"\n").rpartition(b",")[0])
        assert refused(folder, tmp_path) == f"{path} is truncated: it ends in the middle of a row"


class TestRows:
    @pytest.mark.parametrize("text", ["83.25 bpm", "high", "83,25"])
    def test_text_for_a_number(self, folder, tmp_path, text):
        put(folder, "CHARTEVENTS.csv.gz", chart_text({}, {"VALUENUM": text}))
        message = f"{folder}/CHARTEVENTS.csv.gz has text in column VALUENUM where a number belongs (1 times)"
        assert refused(folder, tmp_path) == message

    @pytest.mark.parametrize("time", ["", "01/02/2150 10:30", "2150-01-01"])
    def test_time_that_does_not_parse(self, folder, tmp_path, time):
        put(folder, "CHARTEVENTS.csv.gz", chart_text({}, {"CHARTTIME": time}))
        message = refused(folder, tmp_path)
        assert "has 1 row whose CHARTTIME is not a time written like 2101-12-31 23:59:00" in message

    def test_row_without_an_item(self, folder, tmp_path):
        put(folder, "CHARTEVENTS.csv.gz", chart_text({}, {"ITEMID": ""}))
        assert refused(folder, tmp_path) == f"{folder}/CHARTEVENTS.csv.gz has a row without its ITEMID"

    @pytest.mark.parametrize("tail", [",1,2", ""])
    @pytest.mark.parametrize("place", [0, 1, 150, -2, -1])
    def test_rows_of_another_width_than_the_header(self, folder, tmp_path, tail, place):
        header, *rows = chart_text(*[{}] * 300).splitlines()
        rows[place] = rows[place] + tail if tail else rows[place].rpartition(",")[0]
        put(folder, "CHARTEVENTS.csv.gz", "\n".join([header, *rows, ""]))
        message = refused(folder, tmp_path)
        assert "has a row with more or fewer cells than its header" in message
        assert f"in line {2 + place % 300}, expected 15" in message

    @pytest.mark.parametrize("end", ["\r", "\r\n"])
    def test_other_line_ends_are_read(self, folder, tmp_path, end):
        expected = extract(folder, tmp_path / "a", name="test")
        text = gzip.decompress((folder / "CHARTEVENTS.csv.gz").read_bytes()).decode()
        put(folder, "CHARTEVENTS.csv.gz", text.replace("\n", end))
        assert extract(folder, tmp_path / "b", name="test").attrition == expected.attrition

    @pytest.mark.parametrize(
        ("header", "says"),
        [
            ('"SUBJECT_ID\rITEMID",CHARTTIME', "lacks the column SUBJECT_ID"),
            ("SUBJECT_ID\rITEMID", "lacks the column ITEMID"),
            ("x" * 200_000, "CHARTEVENTS"),
            ("," * 200_000, "does not begin with the names of the columns of CHARTEVENTS"),
            ('"' + "x" * 200_000 + '"', "does not begin with the names"),
            ("\0\x01", "lacks the column"),
            ("subject_id,hadm_id,stay_id,charttime,itemid", "is a table of MIMIC-IV (it has the column STAY_ID)"),
        ],
    )
    def test_headers_that_are_none(self, folder, tmp_path, header, says):
        put(folder, "CHARTEVENTS.csv.gz", header + "\n" + chart_text({}).partition("\n")[2])
        assert says in refused(folder, tmp_path)

    def test_a_long_cell_of_a_column_that_is_not_read_is_no_matter_up_to_a_bound(self, folder, tmp_path):
        put(folder, "CHARTEVENTS.csv.gz", chart_text({"VALUE": "y" * 200_000}, {"VALUE": "a\nb"}))
        assert len(extract(folder, tmp_path / "a", name="test").recordings) == 1
        put(folder, "CHARTEVENTS.csv.gz", chart_text({}, {"VALUE": "y" * 1_100_000}, {}))
        assert "has a row without an end from line 3 on" in refused(folder, tmp_path)

    def test_folders_of_mimic4_are_named_as_such(self, folder, tmp_path):
        for name in ("hosp", "icu"):
            put(tmp_path / "four" / name, "chartevents.csv.gz", "subject_id\n1\n")
        for place in ("four", "four/icu", "four/hosp"):
            assert "holds tables of MIMIC-IV" in refused(tmp_path / place, tmp_path)

    def test_quotation_mark_that_is_never_closed(self, folder, tmp_path):
        put(folder, "CHARTEVENTS.csv.gz", chart_text({}) + '1,"')
        assert "ends inside a quoted cell" in refused(folder, tmp_path)

    def test_row_without_an_end(self, folder, tmp_path, monkeypatch):
        monkeypatch.setattr(whole_rows, "BLOCK", 100)
        monkeypatch.setattr(whole_rows, "LONGEST", 5000)
        put(folder, "CHARTEVENTS.csv.gz", '"' + "x\n" * 5000)
        assert "has a row without an end from line 1 on: its quotation marks do not match" in refused(folder, tmp_path)

    def test_stays_that_end_before_they_begin(self, folder, tmp_path):
        rows = [stay(SUBJECT, 5, 4), stay(SUBJECT, 9, 8), stay(SUBJECT, 0, 10)]
        put(folder, "ICUSTAYS.csv.gz", table_text("ICUSTAYS", rows))
        assert "has 2 stays that end before the beginning" in refused(folder, tmp_path)

    @pytest.mark.parametrize("people", [[patient(SUBJECT, "2149-12-24 00:00:00")], [patient(1)]])
    def test_no_adult(self, folder, tmp_path, people):
        put(folder, "PATIENTS.csv.gz", table_text("PATIENTS", people))
        assert "hold no stay of an adult (18 years or older at INTIME)" in refused(folder, tmp_path)

    def test_no_vital_sign(self, folder, tmp_path):
        put(folder, "CHARTEVENTS.csv.gz", chart_text({"ITEMID": 225664}))
        assert "no stay of an adult has a vital sign" in refused(folder, tmp_path)


class TestBlocks:
    """However the text is cut into blocks and gzip members, the rows are the same."""

    def test_quoted_line_breaks_at_every_place(self, tmp_path, monkeypatch):
        draw = random.Random(5)
        notes = ["".join(draw.choice('a"\n,') for _ in range(draw.randrange(12))) for _ in range(300)]
        rows = [event(HR, n / 100, 60 + n % 50, subject=1, text=note) for n, note in enumerate(notes)]
        folder = tables(tmp_path / "tables", rows)
        expected = extract(folder, tmp_path / "a", name="test")
        monkeypatch.setattr(whole_rows, "BLOCK", 256)
        monkeypatch.setattr(whole_rows, "READ", 64)
        monkeypatch.setattr(whole_rows, "_PIECE", 50)
        found = extract(folder, tmp_path / "b", name="test")
        assert found.attrition == expected.attrition
        assert found.recordings[0].values.tobytes() == expected.recordings[0].values.tobytes()

    def test_several_gzip_members(self, folder, tmp_path):
        path = folder / "CHARTEVENTS.csv.gz"
        expected = extract(folder, tmp_path / "a", name="test")
        text = gzip.decompress(path.read_bytes())
        pieces = [text[:777], text[777:], b""]
        path.write_bytes(b"".join(gzip.compress(piece) for piece in pieces) + b"\0" * 512)
        assert extract(folder, tmp_path / "b", name="test").attrition == expected.attrition

    @pytest.mark.parametrize("padding", [b"\n", b"\r\n", b"\0" * 700_000, b" \n\0"])
    def test_what_stands_after_a_packed_file(self, folder, tmp_path, padding):
        path = folder / "CHARTEVENTS.csv.gz"
        expected = extract(folder, tmp_path / "a", name="test")
        path.write_bytes(path.read_bytes() + padding)
        assert extract(folder, tmp_path / "b", name="test").attrition == expected.attrition

    def test_a_line_without_an_end_takes_no_memory(self, folder, tmp_path):
        pack = zlib.compressobj(9, wbits=31)
        piece = b"y" * (1 << 24)
        packed = pack.compress(chart_text({}).encode()) + b"".join(pack.compress(piece) for _ in range(8))
        (folder / "CHARTEVENTS.csv.gz").write_bytes(packed + pack.flush())
        assert len(packed) < 1 << 20
        tracemalloc.start()
        try:
            assert "has a row without an end from line 3 on" in refused(folder, tmp_path)
            assert tracemalloc.get_traced_memory()[1] < 60 << 20
        finally:
            tracemalloc.stop()
