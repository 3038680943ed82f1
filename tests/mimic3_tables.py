"""Tiny made-up MIMIC-III tables for the tests of the extraction: subjects 1, 2, ..., stays that begin at BEGIN."""

import csv
import gzip
import io
from datetime import datetime, timedelta
from pathlib import Path

from lnncmp.sources.mimic3.extraction.extraction import Extraction, extract
from lnncmp.sources.mimic3.variables import NAMES

BEGIN = datetime(2150, 1, 1, 10, 30)

HEADERS = {
    "CHARTEVENTS": "ROW_ID SUBJECT_ID HADM_ID ICUSTAY_ID ITEMID CHARTTIME STORETIME CGID VALUE VALUENUM VALUEUOM "
    "WARNING ERROR RESULTSTATUS STOPPED",
    "OUTPUTEVENTS": "ROW_ID SUBJECT_ID HADM_ID ICUSTAY_ID CHARTTIME ITEMID VALUE VALUEUOM STORETIME CGID STOPPED "
    "NEWBOTTLE ISERROR",
    "ICUSTAYS": "ROW_ID SUBJECT_ID HADM_ID ICUSTAY_ID DBSOURCE FIRST_CAREUNIT LAST_CAREUNIT FIRST_WARDID LAST_WARDID "
    "INTIME OUTTIME LOS",
    "PATIENTS": "ROW_ID SUBJECT_ID GENDER DOB DOD DOD_HOSP DOD_SSN EXPIRE_FLAG",
}


def at(hours, begin=BEGIN):
    """Return the time `hours` after `begin` as the tables write it."""
    return f"{begin + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"


def event(item, hours, value, subject=1, error="", text=None):
    """Return a row of CHARTEVENTS or OUTPUTEVENTS: hours since BEGIN."""
    row = {"SUBJECT_ID": subject, "ITEMID": item, "CHARTTIME": at(hours), "VALUENUM": value, "ERROR": error}
    return {**row, "VALUE": value if text is None else text, "ISERROR": error}


def stay(subject=1, begin=0.0, end=10.0):
    """Return a row of ICUSTAYS: hours since BEGIN; None leaves the time out."""
    times = {"INTIME": "" if begin is None else at(begin), "OUTTIME": "" if end is None else at(end)}
    return {"SUBJECT_ID": subject, "DBSOURCE": "metavision", **times}


def patient(subject=1, born="2100-06-01 00:00:00"):
    """Return a row of PATIENTS."""
    return {"SUBJECT_ID": subject, "GENDER": "F", "DOB": born}


def table_text(name, rows, *, demo_layout=False, order=None, line_end="\n"):
    """Return a table as text: quoted capitals as in the full set, or the demo's plain lower case."""
    columns = order or HEADERS[name].split()
    out = io.StringIO()
    quoting = csv.QUOTE_MINIMAL if demo_layout else csv.QUOTE_NONNUMERIC
    heads = csv.writer(out, quoting=quoting, lineterminator=line_end)
    heads.writerow([column.lower() if demo_layout else column for column in columns])
    cells = csv.writer(out, quoting=csv.QUOTE_MINIMAL, lineterminator=line_end)
    for number, row in enumerate(rows, start=1):
        cells.writerow([{"ROW_ID": number, **row}.get(column, "") for column in columns])
    return out.getvalue()


def put(folder: Path, file: str, text) -> Path:
    """Write `text` (str or bytes) to a file of `folder`, packed if its name says so."""
    folder.mkdir(parents=True, exist_ok=True)
    content = text.encode() if isinstance(text, str) else text
    (folder / file).write_bytes(gzip.compress(content) if file.lower().endswith(".gz") else content)
    return folder / file


def tables(folder, chart, outputs=(), stays=None, patients=None, ending=".csv.gz", **layout) -> Path:
    """Write all four tables to `folder` and return it; by default one stay of one adult, ten hours from BEGIN."""
    content = {
        "CHARTEVENTS": chart,
        "OUTPUTEVENTS": outputs or [event(99, 0, 1)],
        "ICUSTAYS": stays or [stay()],
        "PATIENTS": patients or [patient(n) for n in sorted({row["SUBJECT_ID"] for row in stays or [stay()]})],
    }
    for name, rows in content.items():
        file = (name.lower() if layout.get("demo_layout") else name) + ending
        put(folder, file, table_text(name, rows, **layout))
    return folder


def extracted(tmp_path, chart, outputs=(), stays=None, patients=None, **options) -> Extraction:
    """Write the tables and extract them."""
    folder = tables(tmp_path / "tables", chart, outputs, stays, patients)
    return extract(folder, tmp_path / "cache", name="test", **options)


def series(recording, variable):
    """Return {hour: value} of what was seen of a variable."""
    column = NAMES.index(variable)
    return {
        float(time): float(row[column])
        for time, row, seen in zip(recording.times, recording.values, recording.observed, strict=True)
        if seen[column]
    }


def step(extraction, name):
    """Return the one step of the attrition called `name`."""
    (found,) = [step for step in extraction.attrition if step.step == name]
    return found
