"""What is read from the files of the UCI data sets: every defect of the real ones, in small; the real ones by count."""

from collections import Counter

import numpy as np
import pytest
from small_uci import DATA_SETS, SOURCES, as_csv, gesture_files, ozone_files, put, traffic_files, traffic_rows

from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.uci import gesture, ozone, traffic
from lnncmp.sources.uci.text import content_sha256, numbers, rows_of


def load(case, folder, **options):
    told = []
    context = SourceContext(cache=folder / "none", data_dir=folder, warn=told.append, options=options)
    return SOURCES[case].load(context), told


# --- text


def test_lines_may_end_in_three_ways_and_be_empty():
    wanted = [["a", "b"], ["1", "2"], ["3", "4"]]
    for content in (b"a,b\n1,2\n\n3,4", b"a,b\r\n1,2\r\n3,4\r\n", b"a,b\r1,2\r3,4\r", b"\xef\xbb\xbfa, b\n1,2\n3,4\n"):
        assert rows_of("x", content, 2) == wanted


def test_what_is_wrong_is_told_by_place_and_never_by_content():
    with pytest.raises(DataError, match=r"x, line 3: 3 columns, expected 2"):
        rows_of("x", b"a,b\n1,2\n3,4,5\n", 2)
    with pytest.raises(DataError, match="x has no rows"):
        rows_of("x", b"a,b\n", 2)
    for bad in ("secret", "inf", "nan", ""):
        with pytest.raises(DataError, match="row 2 of the data, number 1 of 2, is no number") as caught:
            numbers("x", [["1", "2"], [bad, "3"]])
        assert "secret" not in caught.value.message
    found = numbers("x", [["1", "?"], ["3", "4"]], missing="?")
    assert np.isnan(found[0, 1]) and found[1, 0] == 3
    with pytest.raises(DataError, match="row 1 of the data, number 2 of 2"):
        numbers("x", [["?", "none"]], missing="?")


# --- gesture


def test_a_recording_per_video_with_its_phases_and_its_clock(tmp_path):
    recordings, told = load("gesture", put(tmp_path, gesture_files()))
    assert [r.group for r in recordings] == list(gesture.VIDEOS) and len(told) == 1 and "other values" in told[0]
    first = recordings[0]
    assert first.values.shape == (40, 33) and list(first.values[:8, 0]) == [0] * 7 + [1]
    # The frames pass a full minute: 35:00.000 follows 34:59.980 after 20 ms, not after 40,020.
    assert first.times[0] == 0 and np.allclose(np.diff(first.times), 0.030)
    assert np.allclose(np.diff(recordings[3].times), 0.033)


def test_the_clock_may_pass_an_hour_and_must_run_forward():
    def raw(stamps):
        rows = ["h," * 19 + "phase", *("0," * 18 + f"{stamp},Rest" for stamp in stamps)]
        return gesture.parse("a1_raw.csv", "\n".join(rows).encode())["times"]

    assert np.allclose(raw([5959990, 20, 50]), [3599.99, 3600.02, 3600.05])
    with pytest.raises(DataError, match="do not increase"):
        raw([5900000, 5900000])
    with pytest.raises(DataError, match="MMSSmmm"):
        raw([5960000, 5960030])


def test_without_the_raw_files_frames_are_counted(tmp_path):
    files = {name: content for name, content in gesture_files().items() if "raw" not in name}
    recordings, told = load("gesture", put(tmp_path, files))
    assert list(recordings[0].times[:3]) == [0, 1, 2]
    assert any("frames are counted" in warning for warning in told)


def test_other_columns_and_phases_are_refused():
    content = gesture_files()["a2_va3.csv"]
    with pytest.raises(DataError, match=r"a2_va3\.csv: the last column should be called Phase"):
        gesture.parse("a2_va3.csv", content.replace(b",Phase", b",Fase"))
    with pytest.raises(DataError, match=r"a2_va3\.csv: row 29 of the data has none of the phases D, P, S, H, R"):
        gesture.parse("a2_va3.csv", content.replace(b",D\r", b",X\r"))


def test_a_clock_of_another_video_is_refused(tmp_path):
    files = gesture_files()
    files["c3_raw.csv"] = gesture_files(frames=30)["c3_raw.csv"]
    with pytest.raises(DataError, match=r"c3_raw\.csv has 34 frames, expected 44"):
        load("gesture", put(tmp_path, files))


# --- traffic


@pytest.mark.parametrize("spreadsheet", [False, True], ids=["as published", "dates rewritten"])
def test_hours_are_told_apart_and_impossible_weather_is_missing(tmp_path, spreadsheet):
    ((recording,), _) = load("traffic", put(tmp_path, traffic_files(spreadsheet=spreadsheet)))
    assert len(recording.values) == 55  # 60 hours, five of them a gap, one with two rows
    assert recording.times[39] == 39 and recording.times[40] == 45
    names = [name for name, _ in traffic.QUANTITIES]
    hidden = np.argwhere(~recording.observed)
    assert hidden.tolist() == [[7, names.index("temperature")], [9, names.index("rain")]]
    weekday, holiday = recording.values[:, names.index("weekday")], recording.values[:, names.index("holiday")]
    assert list(weekday[:5]) == [6, 6, 6, 6, 0]
    assert np.array_equal(np.flatnonzero(holiday), np.arange(4, 28))  # the whole of Monday, not its midnight alone
    assert np.allclose(recording.values[4:8, -1], np.sin(np.arange(4) * np.pi / 24))


def test_all_rows_as_recorded(tmp_path):
    ((recording,), _) = load("traffic", put(tmp_path, traffic_files()), rows="recorded")
    assert len(recording.values) == len(traffic_rows()) == 56 and recording.observed.all()
    assert np.array_equal(recording.times, np.arange(56)) and recording.values[:, 1].sum() == 1
    assert recording.values[:, 2].min() == 0 and recording.values[:, 3].max() == 9831.3


def test_both_ways_to_write_dates_have_the_same_content():
    parsed = [traffic.parse(traffic.FILE, traffic_files(spreadsheet=s)[traffic.FILE]) for s in (False, True)]
    assert content_sha256(parsed[0]) == content_sha256(parsed[1])
    changed = traffic_files()[traffic.FILE].replace(b"280.00", b"280.01")
    assert content_sha256(traffic.parse(traffic.FILE, changed)) != content_sha256(parsed[0])


def test_other_columns_mixed_dates_and_hours_that_go_back_are_refused(tmp_path):
    rows = traffic_rows()
    with pytest.raises(DataError, match="the columns should be holiday, temp"):
        traffic.parse("t.csv", as_csv([["date", *traffic.COLUMNS[1:]], *rows]))
    mixed = [list(row) for row in rows]
    mixed[3][7] = "6/30/13 23:00"
    with pytest.raises(DataError, match="row 4 of the data has no date of the form"):
        traffic.parse("t.csv", as_csv([traffic.COLUMNS, *mixed]))
    back = as_csv([traffic.COLUMNS, *rows[10:], *rows[:10]])
    with pytest.raises(DataError, match="should not decrease"):
        load("traffic", put(tmp_path, {traffic.FILE: back}))


# --- ozone


def test_days_with_missing_cells_and_dates(tmp_path):
    ((recording,), _) = load("ozone", put(tmp_path, ozone_files()))
    assert recording.values.shape == (78, 73) and recording.values[:, 0].sum() == 7
    assert recording.times[19] == 19 and recording.times[20] == 22
    assert recording.observed[:, 0].all() and 0.05 < (~recording.observed[:, 1:]).mean() < 0.11
    assert len(ozone.FEATURES) == 72 == len(set(ozone.FEATURES)) and len(set(gesture.FEATURES)) == 32


def test_another_label_is_refused():
    content = ozone_files()[ozone.FILE].replace(b",1.", b",2.", 1)
    with pytest.raises(DataError, match="should hold 0 or 1"):
        ozone.parse(ozone.FILE, content)


# --- the published data


@pytest.fixture
def real(request, shared_data):
    folder = shared_data / f"uci-{request.param}"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.mark.data
@pytest.mark.parametrize("real", ["gesture"], indirect=True)
def test_the_real_gestures(real):
    recordings, told = load("gesture", real)
    assert told == [] and [len(r.values) for r in recordings] == [1743, 1260, 1830, 1069, 1420, 1107, 1444]
    phases = Counter(int(code) for r in recordings for code in r.values[:, 0])
    assert [phases[code] for code in range(5)] == [2741, 2097, 2950, 998, 1087]
    assert all(np.diff(r.times).max() < 0.5 and 0.03 < np.median(np.diff(r.times)) < 0.034 for r in recordings)


@pytest.mark.data
@pytest.mark.parametrize("real", ["traffic"], indirect=True)
def test_the_real_traffic(real):
    ((rows,), told) = load("traffic", real, rows="recorded")
    ((hours,), _) = load("traffic", real)
    assert told == [] and len(rows.values) == 48_204 and len(hours.values) == 40_575
    assert rows.values[:, 1].sum() == 61 and 1200 < hours.values[:, 1].sum() < 61 * 24
    gaps = np.diff(hours.times)
    assert (gaps > 1).sum() == 2588 and gaps.max() == 7387
    assert (~hours.observed).sum(axis=0).tolist() == [0, 0, 10, 1, 0, 0, 0, 0]


@pytest.mark.data
@pytest.mark.parametrize("real", ["ozone"], indirect=True)
def test_the_real_ozone(real):
    ((days,), told) = load("ozone", real)
    assert told == [] and len(days.values) == 2534 and days.values[:, 0].sum() == 160
    assert round((~days.observed[:, 1:]).mean(), 3) == 0.082 and np.diff(days.times).max() == 6


@pytest.mark.data
@pytest.mark.parametrize(
    ("case", "real", "name", "change"),
    [
        ("gesture", "gesture", "c1_va3.csv", (b"0.0", b"0.1")),
        ("traffic", "traffic", traffic.FILE, (b",288.28,", b",288.29,")),
        ("ozone", "ozone", ozone.FILE, (b",0.8,", b",0.9,")),
    ],
    indirect=["real"],
)
def test_one_changed_number_of_a_real_file_is_told(case, real, name, change, tmp_path):
    for path in real.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes((real / name).read_bytes().replace(*change, 1))
    _, told = load(case, tmp_path)
    assert told == [f"{name} in {tmp_path} hold other values than the published files of {DATA_SETS[case].words}"]


@pytest.mark.parametrize("content", [b"," * (1 << 21), b'"' + b"x" * 200_000 + b'"\n', b"x\n" + b"y" * (1 << 21)])
def test_lines_and_cells_that_are_too_long_are_one_sentence(content):
    with pytest.raises(DataError, match=r"a\.csv"):
        rows_of("a.csv", content, 1)
