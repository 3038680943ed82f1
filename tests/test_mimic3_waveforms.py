"""The source of bedside numerics: known answers, damaged and foreign records, privacy."""

import numpy as np
import pytest
from numerics_records import RECORD, SUBJECT, column, context, only, relabel, write

from lnncmp.errors import DataError, UsageError
from lnncmp.sources.mimic3.variables import NAMES
from lnncmp.sources.mimic3.waveforms import SOURCE

NAN = np.nan


def everything(folder):
    """Return all that the source says about a folder: warnings, attrition, errors, representations."""
    said = []
    try:
        said += map(repr, SOURCE.load(context(folder, said)))
        said += map(repr, SOURCE.attrition(context(folder)))
    except DataError as error:
        said += [error.message, error.hint]
    return " ".join(said)


class TestKnownAnswers:
    def test_hourly_means_leave_out_zeros_and_nan(self, tmp_path):
        hr = np.concatenate([np.full(60, 80.0), [60.0] * 20 + [0.0] * 20 + [90.0] * 20, [70.0] * 30 + [NAN] * 30])
        write(tmp_path, {"HR": hr})
        recording = only(tmp_path)
        assert column(recording, "hr") == [80.0, 75.0, 70.0]
        assert list(recording.times) == [0.0, 1.0, 2.0]
        assert recording.values.shape == (3, 12) and recording.observed.sum() == 3
        assert np.array_equal(np.isnan(recording.values), ~recording.observed)

    @pytest.mark.parametrize(
        ("fs", "written", "milliseconds"),
        [
            (1 / 60, "0.0166666666667/125", 60_000),
            (1 / 60, "0.0166666666667", 60_000),
            (1 / 60, "0.0166667", 60_000),
            (1, "1", 1000),
            (0.9765625, "0.9765625", 1024),
            (0.9765625, "0.976563/125(0)", 1024),
            (0.5, "0.5", 2000),
            (1 / 0.7, "1.4285714285714", 700),
        ],
    )
    def test_each_sample_falls_into_its_hour_at_any_rate(self, tmp_path, fs, written, milliseconds):
        samples = 50 * 3_600_000 // milliseconds
        hours = np.arange(samples) * milliseconds // 3_600_000
        header = write(tmp_path, {"HR": 50 + hours}, fs=fs)
        relabel(header, f" {fs} ", f" {written} ")
        recording = only(tmp_path)
        assert column(recording, "hr") == [50.0 + hour for hour in range(50)]
        assert list(recording.times) == list(range(50))

    def test_grids(self, tmp_path):
        write(tmp_path, {"HR": [0, 0, 60, 62, NAN, 0, 64, 66, 0], "RESP": [0, 0, 0, 12, 0, 0, 14, 0, 0]}, fs=1 / 30)
        event, minute = only(tmp_path, grid="event"), only(tmp_path, grid="minute")
        assert column(event, "hr") == [60, 62, 64, 66] and column(event, "rr") == [None, 12, 14, None]
        assert np.allclose(event.times * 3600, [60, 90, 180, 210])
        assert column(minute, "hr") == [61, None, 65] and column(minute, "rr") == [12, None, 14]
        assert np.allclose(minute.times * 60, [1, 2, 3])
        with pytest.raises(DataError, match="1 with fewer than 2 rows"):
            only(tmp_path, grid="hour")
        with pytest.raises(UsageError, match="unknown grid 'hourly'"):
            only(tmp_path, grid="hourly")

    def test_the_first_choice_wins_sample_by_sample(self, tmp_path):
        signals = {
            "PULSE": [71, 72, 73, 0, 75],
            "HR": [61, 0, NAN, 0, 900],
            "NBP Sys": [100, 101, 102, 103, 104],
            "ABP SYS": [120, 0, 310, NAN, 124],
            "NBPDias": [50, 51, 0, 53, 54],
            "abp dias": [0, 61, 0, 0, 0],
            "ABPMean": [80, 81, 82, 83, 0],
            "NBPMEAN": [70, 71, 72, 73, NAN],
            "%SpO2": [90, 91, 92, 93, 94],
            "SpO2": [99, 0, 98, 101, 97],
            "CVP": [1, 2, 3, 4, 5],
        }
        write(tmp_path, signals)
        recording = only(tmp_path, grid="event")
        assert column(recording, "hr") == [61, 72, 73, None, 75]
        assert column(recording, "sbp") == [120, 101, 102, 103, 124]
        assert column(recording, "dbp") == [50, 61, None, 53, 54]
        assert column(recording, "map") == [80, 81, 82, 83, None]
        assert column(recording, "spo2") == [99, 91, 98, 93, 97]
        assert "3 values outside" in SOURCE.attrition(context(tmp_path, grid="event"))[4].reason

    def test_the_cuff_replaces_only_whole_rows(self, tmp_path):
        write(
            tmp_path,
            {"ABPSys": [120, 0, 0, 0], "NBPSys": [0, 90, 91, 95], "HR": [60, 0, 60, 0], "PULSE": [70] * 4},
            fs=1 / 30,
        )
        minute = only(tmp_path, grid="minute")
        assert column(minute, "sbp") == [120, 93] and column(minute, "hr") == [65, 65]
        assert column(only(tmp_path, grid="event"), "sbp") == [120, 90, 91, 95]

    def test_a_held_cuff_reading_counts_once(self, tmp_path):
        signals = {
            "HR": [60] * 9,
            "NBPSys": [110, 110, 110, 110, NAN, 110, 110, 110, 120],
            "NBPDias": [60, 60, 60, 60, NAN, 60, 60, 60, 61],
            "NBPMean": [80, 80, 80, 81, NAN, 81, 81, 0, 0],
        }
        write(tmp_path, signals)
        recording = only(tmp_path, grid="event")
        assert column(recording, "sbp") == [110, None, None, 110, None, 110, None, 110, 120]
        assert column(recording, "map") == [80, None, None, 81, None, 81, None, None, None]
        assert "3 samples that repeat" in SOURCE.attrition(context(tmp_path, grid="event"))[4].reason

    def test_an_arterial_line_may_repeat_itself(self, tmp_path):
        write(tmp_path, {"ABPSys": [110] * 4, "ABPDias": [60] * 4})
        assert column(only(tmp_path, grid="event"), "sbp") == [110] * 4

    def test_plausible_ranges_include_their_ends(self, tmp_path):
        write(tmp_path, {"HR": [9.9, 10, 300, 300.1, 60], "RESP": [0.9, 1, 80, 80.1, -5]})
        recording = only(tmp_path, grid="event")
        assert column(recording, "hr") == [10, 300, 60] and column(recording, "rr") == [1, 80, None]

    @pytest.mark.parametrize(("unit", "shown"), [("degC", 37.5), ("C", 37.5), ("F", 99.5), ("degF", 99.5)])
    def test_temperatures_are_celsius(self, tmp_path, unit, shown):
        write(tmp_path, {"Temp 1": [shown, 0, shown], "HR": [60, 60, 60]}, units=[unit, "bpm"])
        assert column(only(tmp_path, grid="event"), "temp") == [37.5, None, 37.5]


class TestRecords:
    def test_are_found_at_any_depth_in_a_fixed_order_and_grouped_by_subject(self, tmp_path):
        for rate, name in enumerate(["s00001-2896-10-10-00-31n", RECORD, f"{SUBJECT}-2151-01-01-00-00n", "3000003n"]):
            write(tmp_path / "a b [1]*" / str(9 - rate), {"HR": [60 + rate, 61]}, name)
        write(tmp_path / "copy", {"HR": [60, 61]}, RECORD)
        warnings = []
        recordings = SOURCE.load(context(tmp_path, warnings, grid="event"))
        assert [recording.group for recording in recordings] == ["3000003n", SUBJECT, SUBJECT, "s00001"]
        assert [recording.values[0, 0] for recording in recordings] == [63, 61, 62, 60]
        assert warnings == ["left out 1 of 5 waveform records: 1 under a name met before"]
        last = SOURCE.attrition(context(tmp_path, grid="event"))[-1]
        assert (last.rows, last.recordings, last.groups) == (8, 4, 3)

    def test_fetch_verifies_a_folder_and_writes_nothing(self, tmp_path):
        write(tmp_path, {"HR": [60] * 120})
        before = sorted(tmp_path.rglob("*"))
        assert SOURCE.fetch(context(tmp_path)) == tmp_path
        assert sorted(tmp_path.rglob("*")) == before

    @pytest.mark.parametrize("made", [[], ["notes.txt"]])
    def test_a_folder_without_numerics_is_refused(self, tmp_path, made):
        for name in made:
            (tmp_path / name).write_text("x")
        with pytest.raises(DataError, match="no usable numerics among the 0 records found") as caught:
            SOURCE.load(context(tmp_path))
        assert "wget -r -N -c -np -A '*n.hea,*n.dat' https://physionet.org/" in caught.value.hint

    @pytest.mark.parametrize(("name", "words"), [("absent", "does not exist"), ("file", "is a file")])
    def test_what_is_no_folder_is_refused_without_its_path(self, tmp_path, name, words):
        (tmp_path / "file").write_text("x")
        with pytest.raises(DataError, match=words) as caught:
            SOURCE.load(context(tmp_path / name))
        assert name not in caught.value.message.replace(words, "")


def cut_dat(header):
    dat = header.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:-1])


DAMAGE = {
    "with an unreadable header": [
        lambda header: header.write_bytes(b""),
        lambda header: header.write_bytes(bytes(range(256)) * 8),
        lambda header: header.write_text("x" * 100_000),
        lambda header: relabel(header, " 1 0.0166", " 7 0.0166"),
        lambda header: relabel(header, f"{RECORD}.dat", "../x.dat"),
        lambda header: relabel(header, f"{RECORD}.dat", "/x.dat"),
        lambda header: relabel(header, f"{RECORD}.dat", "https://example.org/x.dat"),
        lambda header: relabel(header, "10.0(0)", f"10.0({'9' * 40})"),
        lambda header: relabel(header, "10.0(0)", "10.0(0)garbage"),
        lambda header: relabel(header, " 120", " 120x"),
        lambda header: header.write_text(header.read_text() + header.read_text().splitlines()[1] + "\n"),
        lambda header: (header.unlink(), header.mkdir(), (header / "x.hea").symlink_to("nowhere")),
    ],
    "with an unusual file name": [
        lambda header: header.rename(header.with_name("a (1).hea")),
    ],
    "with waveforms": [lambda header: relabel(header, "0.016666666666666666", "125")],
    "with an unusable sampling rate": [lambda header: relabel(header, "0.016666666666666666", "0")],
    "in several segments": [lambda header: header.write_text("x/2 1 1 240\na 120\nb 120\n")],
    "without a known signal": [lambda header: relabel(header, "HR", "CVP")],
    "without the signal file": [
        lambda header: header.with_suffix(".dat").unlink(),
        lambda header: (header.with_suffix(".dat").unlink(), header.with_suffix(".dat").mkdir()),
    ],
    "with a signal file that ends early": [
        cut_dat,
        lambda header: relabel(header, " 120", " 1000000000000"),
        lambda header: relabel(header, ".dat 16 ", ".dat 32 "),
    ],
    "with an oversized signal file": [
        lambda header: header.with_suffix(".dat").open("r+b").truncate(100_000_001),
    ],
    "without samples": [lambda header: (relabel(header, " 120", " 0"), header.with_suffix(".dat").write_bytes(b""))],
    "claiming to last more than a year": [lambda header: relabel(header, "0.016666666666666666", "0.0000011")],
    "in an unsupported signal format": [
        lambda header: relabel(header, ".dat 16 ", ".dat 516 "),
        lambda header: relabel(header, ".dat 16 ", ".dat 16x100000000 "),
        lambda header: relabel(header, ".dat 16 ", ".dat 16:100000000000 "),
        lambda header: relabel(header, ".dat 16 ", ".dat 16+100000000000 "),
        lambda header: relabel(header, f"{RECORD}.dat", "~"),
        lambda header: (
            relabel(header, " 1 0.01", " 2 0.01"),
            header.open("a").write(f"{RECORD}.dat 80 10 8 0 0 0 0 RESP"),
        ),
    ],
    "with fewer than 2 rows": [lambda header: relabel(header, " 120", " 60")],
}


class TestDamagedAndForeignRecords:
    @pytest.mark.parametrize(
        ("words", "damage"), [(words, damage) for words, damages in DAMAGE.items() for damage in damages]
    )
    def test_are_skipped_counted_and_never_named(self, tmp_path, words, damage):
        damage(write(tmp_path / "bad", {"HR": [60] * 120}))
        assert "no usable numerics among the 1 records found: 1 " + words in everything(tmp_path)
        write(tmp_path / "good", {"HR": [60] * 120}, "s77777-2150-01-01-00-00n")
        warnings = []
        (recording,) = SOURCE.load(context(tmp_path, warnings))
        assert column(recording, "hr") == [60, 60]
        (sentence,) = warnings
        assert sentence.startswith(f"left out 1 of 2 waveform records: 1 {words}")
        steps = SOURCE.attrition(context(tmp_path))
        assert sum(f"1 {words}" in step.reason for step in steps) == 1
        counts = [step.recordings for step in steps]
        assert counts[0] == 2 and counts[-1] == 1 and counts == sorted(counts, reverse=True)
        said = everything(tmp_path)
        assert "999999" not in said and "77777" not in said and str(tmp_path) not in said


@pytest.mark.data
class TestRealRecords:
    """Two records of the older MIMIC-II form. Shares are of all samples, before and after the fallbacks."""

    @pytest.fixture
    def samples(self, shared_data):
        folder = shared_data / "wfdb-samples"
        if not folder.is_dir():
            pytest.skip(f"the WFDB samples are not in {shared_data}")
        return folder

    def test_valid_shares_minute_by_minute(self, samples):
        long, short = SOURCE.load(context(samples, grid="minute"))
        seen = dict(zip(NAMES, long.observed.sum(axis=0).tolist(), strict=True))
        # HR itself has 1,890 values (97.6 %) and the cuff 152: the pulse and a few arterial values come on top.
        assert seen["hr"] == 1894 and seen["rr"] == 1891 and seen["spo2"] == 1573 and seen["temp"] == 0
        assert seen["sbp"] == 159 and seen["dbp"] == 159 and seen["map"] == 160
        assert len(long.times) == 1935 and len(short.times) == 72 and (long.group, short.group) == ("s00001", "s25047")
        assert short.observed[:, :7].sum(axis=0).tolist() == [66, 18, 18, 21, 65, 61, 0]

    def test_hours_and_what_is_left_out(self, samples):
        warnings = []
        long, short = SOURCE.load(context(samples, warnings))
        assert len(long.times) == 33 and len(short.times) == 2
        (sentence,) = warnings
        assert sentence == (
            "left out 34 of 36 waveform records: 5 in several segments, 28 with waveforms (2 Hz or more), "
            "1 with fewer than 2 rows"
        )
        steps = SOURCE.attrition(context(samples))
        assert [(step.rows, step.recordings, step.groups) for step in steps[3:]] == [
            (2009, 3, 2),
            (2009, 3, 2),
            (35, 2, 2),
        ]
        assert "3 values outside" in steps[4].reason and "0 samples that repeat" in steps[4].reason

    def test_the_hourly_means_are_those_of_the_raw_file(self, samples):
        """The first two hours of HR, read without wfdb: format 16, ten signals interleaved, a tenth of a beat."""
        raw = np.fromfile(next(samples.rglob("3975656n.dat")), "<i2").reshape(-1, 10)[:120, 0] / 10
        means = [hour[hour != 0].mean() for hour in (raw[:60], raw[60:])]
        assert column(SOURCE.load(context(samples))[0], "hr")[:2] == pytest.approx(means, abs=1e-6)
