"""Headers of bedside numerics as monitors and copies write them; each signal file counts once."""

import numpy as np
import pytest
import wfdb
from numerics_records import NAN, RECORD, SUBJECT, column, context, only, relabel, write

from lnncmp.sources.mimic3.waveforms import SOURCE
from lnncmp.sources.mimic3.waveforms.header import read_header
from lnncmp.sources.mimic3.waveforms.reading import read_signals


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" 120", " 0"),
        (" 120", ""),
        (" 120", " 120 25:61:00 31/02/2150"),
        (" 120", " 120 12:00:00 2150-01-01"),
        ("HR", "HR \n# a note"),
    ],
)
def test_a_length_left_open_or_an_odd_date_do_not_cost_the_record(tmp_path, old, new):
    relabel(write(tmp_path, {"HR": [60] * 120}), old, new)
    assert column(only(tmp_path), "hr") == [60, 60]


def test_capitals_and_other_line_ends(tmp_path):
    header = write(tmp_path, {"HR": [60] * 120})
    header.with_suffix(".dat").rename(header.with_suffix(".DAT"))
    header.write_bytes(header.read_bytes().replace(b"\n", b"\r"))
    header.rename(header.with_suffix(".HEA"))
    assert column(only(tmp_path), "hr") == [60, 60]


@pytest.mark.parametrize("fmt", ["16", "61", "160", "24", "32", "80", "212"])
def test_all_formats_as_wfdb_reads_them(tmp_path, fmt):
    draw = np.random.default_rng(int(fmt))
    values = draw.integers(-100, 101, (121, 3)).astype(float)
    values[draw.random(values.shape) < 0.1] = NAN
    written = fmt if fmt not in ("61", "160") else "16"
    names, few = ["HR", "CVP", "RESP"], {"fmt": [written] * 3, "adc_gain": [4.0, 1, 2.5], "baseline": [3, 0, -7]}
    wfdb.wrsamp("s00001n", 1, ["x"] * 3, names, p_signal=values / 4, write_dir=str(tmp_path), **few)
    if fmt != written:  # which wfdb reads but does not write
        relabel(tmp_path / "s00001n.hea", ".dat 16 ", f".dat {fmt} ")
        numbers = np.fromfile(tmp_path / "s00001n.dat", "<i2")
        (numbers.astype(">i2") if fmt == "61" else (numbers.astype(int) + 32768).astype("<u2")).tofile(
            tmp_path / "s00001n.dat"
        )
    expected = wfdb.rdrecord(str(tmp_path / "s00001n")).p_signal[:, [0, 2]]
    found, _ = read_signals(read_header(tmp_path / "s00001n.hea"), 121)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("artery", ["ABP", "ART", "UAP", "AOBP", "art "])
def test_arterial_pressure_under_its_other_names(tmp_path, artery):
    signals = {f"{artery}Sys": [120] * 3, f"{artery} Dia": [61] * 3, f"{artery}-Mean": [80] * 3, "NBPSys": [9] * 3}
    write(tmp_path, {**signals, "P1": [90] * 3, "ABP": [91] * 3})
    recording = only(tmp_path, grid="event")
    assert [column(recording, name)[0] for name in ("sbp", "dbp", "map")] == [120, 61, 80]
    assert (
        "2 pressure signals under names that are not known"
        in SOURCE.attrition(context(tmp_path, grid="event"))[3].reason
    )


def test_two_headers_on_one_signal_file_are_one_patient(tmp_path):
    first = write(tmp_path, {"HR": [60] * 120})
    other = tmp_path / "s00002-2150-01-01-00-00n.hea"
    other.write_text(first.read_text().replace(f"{RECORD} ", f"{other.stem} "))
    copy = write(tmp_path / "copy", {"HR": [60] * 120}, "s00003-2150-01-01-00-00n")
    assert copy.with_suffix(".dat").read_bytes() == first.with_suffix(".dat").read_bytes()
    warnings = []
    assert [recording.group for recording in SOURCE.load(context(tmp_path, warnings))] == [SUBJECT]
    assert warnings == ["left out 2 of 3 waveform records: 2 with signals met before under another name"]
