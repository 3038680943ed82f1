"""Made-up files in the form of three UCI data sets, with the defects of the real ones, and manifests that fit."""

import csv
import gzip
import hashlib
import io
import zipfile

import numpy as np

from lnncmp.cases.base import load_case
from lnncmp.sources.base import SourceContext
from lnncmp.sources.uci import gesture, ozone, traffic
from lnncmp.sources.uci.manifest import UciEntry, UciManifest
from lnncmp.sources.uci.text import content_sha256

DATA_SETS = {module.DATA_SET.case: module.DATA_SET for module in (gesture, traffic, ozone)}
SOURCES = {module.DATA_SET.case: module.SOURCE for module in (gesture, traffic, ozone)}


def gesture_files(frames=40, seed=0):
    """Seven videos: one with CR alone as line end, one with another word in its header, clocks that pass a minute."""
    rng = np.random.default_rng(seed)
    files = {}
    for number, video in enumerate(gesture.VIDEOS):
        rows = [",".join(map(str, range(1, 33))) + (",phase" if video == "b1" else ",Phase")]
        phases = "DPSHR"
        for t in range(frames):
            values = rng.normal(scale=0.01, size=32).round(8)
            rows.append(",".join(map(str, values)) + "," + phases[(t // 7 + number) % 5])
        end = "\r" if video == "a1" else "\r\n"
        files[f"{video}_va3.csv"] = (end.join(rows) + ("" if video == "a1" else end)).encode()
        clock = 34 * 60_000 + 59_500 + np.arange(frames + 4) * (30 + number)  # milliseconds; passes 35 minutes
        lines = ["lhx," * 18 + "timestamp,phase"]
        for t in clock:
            minutes, rest = divmod(int(t), 60_000)
            lines.append("0.5," * 18 + f"{minutes * 100_000 + rest}," + ("Preparação" if video == "b1" else "Rest"))
        files[f"{video}_raw.csv"] = ("\r\n".join(lines) + "\r\n").encode()
    return files


def traffic_rows(hours=60):
    """Rows of hours from Sunday 30 June 2013, 20:00: one hour twice, a gap, 0 K, impossible rain, a holiday."""
    rows = []
    for hour in range(hours):
        if 40 <= hour < 45:
            continue
        day, clock = divmod(20 + hour, 24)
        date = f"2013-06-30 {clock:02d}:00:00" if day == 0 else f"2013-07-{day:02d} {clock:02d}:00:00"
        holiday = "Fictive Day" if (day, clock) == (1, 0) else "None"
        temp, rain = ("0.0" if hour == 7 else f"{280 + hour / 10:.2f}"), ("9831.3" if hour == 9 else "0.0")
        row = [holiday, temp, rain, "0.0", str(hour % 100), "Clouds", "sky is clear", date, str(1000 + 37 * hour % 500)]
        rows += [row, [*row[:5], "Rain", "light rain", *row[7:]]] if hour == 12 else [row]
    return rows


def as_csv(rows, end="\r\n"):
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end).writerows(rows)
    return stream.getvalue().encode()


def rewritten(date):
    """A date as a spreadsheet writes it: 2013-07-01 08:00:00 becomes 7/1/13 8:00."""
    year, month, rest = date.split("-")
    day, clock = rest.split(" ")
    return f"{int(month)}/{int(day)}/{year[2:]} {int(clock[:2])}:00"


def traffic_files(hours=60, spreadsheet=False):
    rows = traffic_rows(hours)
    if spreadsheet:
        rows = [[*row[:7], rewritten(row[7]), row[8]] for row in rows]
    return {traffic.FILE: as_csv([list(traffic.COLUMNS), *rows])}


def ozone_files(days=80, seed=0):
    """Days with missing cells and missing dates; every tenth day is an ozone day; the last line has no end."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        if day in (20, 21):
            continue
        month, date = divmod(day, 28)
        cells = [f"{value:.1f}" if rng.random() > 0.08 else "?" for value in rng.normal(5, 2, 72)]
        rows.append([f"{month + 1}/{date + 1}/1998", *cells, "1." if day % 10 == 0 else "0."])
    return {ozone.FILE: as_csv(rows, "\n").rstrip(b"\n")}


FILES = {"gesture": gesture_files, "traffic": traffic_files, "ozone": ozone_files}


def small_manifest(case, files, archive="", mirror=""):
    """The manifest of made-up files, published at the address `archive`, with copies in the folder `mirror`."""
    entries = []
    for name, content in files.items():
        raw = name.endswith("_raw.csv")
        entries.append(
            UciEntry(
                name=name,
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                content=content_sha256(DATA_SETS[case].parse(name, content)),
                mirror=f"{mirror}/{name}" if mirror and not raw else None,
                needed=not raw,
            )
        )
    return UciManifest(description="test", archives=(archive,), files=tuple(entries))


def zipped(files, packed=False, prefix="folder/"):
    """The bytes of a zip file; `packed`: its members are packed with gzip, too, as those of the traffic counts are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/" + next(iter(files)), b"a resource fork")
        archive.writestr("other.txt", b"something else")
        for name, content in files.items():
            archive.writestr(prefix + name + (".gz" if packed else ""), gzip.compress(content) if packed else content)
    return stream.getvalue()


def put(folder, files):
    """Write files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def prepared_case(name, folder, **settings):
    """Complete settings of a case and what it makes of the files in a folder."""
    case, context = load_case(name), SourceContext(cache=folder / "cache", data_dir=folder, offline=True)
    given = case.complete(SOURCES[name], context, case.settings(**settings))
    return given, case.of(given).prepare(SOURCES[name], context, given, 1)
