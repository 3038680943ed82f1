"""The four tables in the layout of MIMIC-III v1.4: upper-case quoted headers, quoted texts, nothing for NULL."""

import numpy as np
import polars as pl

from lnncmp.sources.mimic3.synthetic.charting import Readings
from lnncmp.sources.mimic3.synthetic.cohort import DAY, Cohort
from lnncmp.sources.mimic3.synthetic.items import CAREVUE, METAVISION

CHARTEVENTS, ICUSTAYS, PATIENTS, OUTPUTEVENTS = (
    line.split(",")
    for line in (
        "ROW_ID,SUBJECT_ID,HADM_ID,ICUSTAY_ID,ITEMID,CHARTTIME,STORETIME,CGID,VALUE,VALUENUM,VALUEUOM,WARNING,ERROR,"
        "RESULTSTATUS,STOPPED",
        "ROW_ID,SUBJECT_ID,HADM_ID,ICUSTAY_ID,DBSOURCE,FIRST_CAREUNIT,LAST_CAREUNIT,FIRST_WARDID,LAST_WARDID,INTIME,"
        "OUTTIME,LOS",
        "ROW_ID,SUBJECT_ID,GENDER,DOB,DOD,DOD_HOSP,DOD_SSN,EXPIRE_FLAG",
        "ROW_ID,SUBJECT_ID,HADM_ID,ICUSTAY_ID,CHARTTIME,ITEMID,VALUE,VALUEUOM,STORETIME,CGID,STOPPED,NEWBOTTLE,ISERROR",
    )
)

_IRRIGANT_IN = 227488


def _lines(columns: dict[str, pl.Series | pl.Expr], rows: pl.DataFrame, order: list[str]) -> bytes:
    """Return the table: strings are quoted, their quotes doubled; columns that are not given are empty."""
    shown = rows.select(**columns)
    cells = []
    for name in order:
        if name not in columns:
            cells.append(pl.lit(""))
        elif shown.schema[name] == pl.String:
            cells.append(('"' + pl.col(name).str.replace_all('"', '""') + '"').fill_null(""))
        else:
            cells.append(_plain(shown.schema[name], pl.col(name)).fill_null(""))
    lines = shown.select(pl.concat_str(cells, separator=",")).to_series().to_list()
    header = ",".join(f'"{name}"' for name in order)
    return "\n".join([header, *lines, ""]).encode()


def _plain(kind: pl.DataType, column: pl.Expr) -> pl.Expr:
    """Return a column as text: times as YYYY-MM-DD HH:MM:SS, whole numbers without a point."""
    if kind == pl.Datetime("us"):
        return column.dt.strftime("%Y-%m-%d %H:%M:%S")
    if kind == pl.Float64:
        whole = column == column.round(0)
        return (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        )
    return column.cast(pl.String)


def _moment(seconds: pl.Expr) -> pl.Expr:
    return (seconds * 1_000_000).cast(pl.Datetime("us"))


def _keys(cohort: Cohort, rows: pl.DataFrame) -> dict[str, pl.Series | pl.Expr]:
    stay = rows["stay"].to_numpy()
    return {
        "ROW_ID": pl.int_range(1, pl.len() + 1),
        "SUBJECT_ID": pl.Series(cohort.subject[cohort.owner[stay]]),
        "HADM_ID": pl.Series(cohort.admission[stay]),
        "ICUSTAY_ID": pl.Series(cohort.stay[stay]),
    }


def chartevents(rng: np.random.Generator, cohort: Cohort, rows: pl.DataFrame) -> bytes:
    """Return CHARTEVENTS.csv of chart `rows`, sorted by item within blocks of stays, as the original roughly is."""
    rows = rows.sort("stay", "item", "time", "error", "value", "again", maintain_order=True)
    keys = _keys(cohort, rows)
    delay = (60 * np.round(np.exp(rng.normal(np.log(20), 1.0, len(rows))) - 3)).astype(np.int64)
    number = pl.col("value")
    written = pl.when(number == number.round(0)).then(number.cast(pl.Int64, strict=False).cast(pl.String))
    value = pl.coalesce("text", written.otherwise(number.cast(pl.String)))
    metavision = pl.col("error").is_not_null()
    columns: dict[str, pl.Series | pl.Expr] = {
        **keys,
        "HADM_ID": pl.Series(cohort.admission[rows["stay"].to_numpy()]) + pl.col("again").cast(pl.Int64) * 20_000,
        "ICUSTAY_ID": pl.when("tagged").then(pl.Series(cohort.stay[rows["stay"].to_numpy()])),
        "ITEMID": pl.col("item"),
        "CHARTTIME": _moment(pl.col("time")),
        "STORETIME": _moment(pl.col("time") + pl.Series(delay)),
        "CGID": pl.Series(rng.integers(14_000, 22_000, len(rows))),
        "VALUE": pl.when(value != "").then(value),
        "VALUENUM": number,
        "VALUEUOM": pl.col("unit"),
        "WARNING": pl.when(metavision).then(pl.Series((rng.random(len(rows)) < 0.02).astype(np.int64))),
        "ERROR": pl.col("error"),
        "STOPPED": pl.when(~metavision).then(pl.when(number.is_null() & (value == "")).then(pl.lit("D/C'd"))
                                             .otherwise(pl.lit("NotStopd"))),
    }  # fmt: skip
    return _lines(columns, rows, CHARTEVENTS)


def icustays(rng: np.random.Generator, cohort: Cohort) -> bytes:
    """Return ICUSTAYS.csv."""
    rows = pl.DataFrame({"stay": np.arange(len(cohort.stay))})
    ward = pl.Series(rng.integers(7, 58, len(rows)))
    unit = pl.Series(np.array(["MICU", "SICU", "CCU", "TSICU", "CSRU"])[rng.integers(0, 5, len(rows))])
    known = pl.Series(~cohort.open_ended)
    columns: dict[str, pl.Series | pl.Expr] = {
        **_keys(cohort, rows),
        "DBSOURCE": pl.Series(np.where(cohort.metavision, "metavision", "carevue")),
        "FIRST_CAREUNIT": unit,
        "LAST_CAREUNIT": unit,
        "FIRST_WARDID": ward,
        "LAST_WARDID": ward,
        "INTIME": _moment(pl.Series(cohort.arrival) + pl.lit(0)),
        "OUTTIME": pl.when(known).then(_moment(pl.Series(cohort.departure) + pl.lit(0))),
        "LOS": pl.when(known).then(pl.Series(np.round(cohort.hours / 24, 4))),
    }
    return _lines(columns, rows, ICUSTAYS)


def patients(cohort: Cohort) -> bytes:
    """Return PATIENTS.csv; deaths are not simulated."""
    rows = pl.DataFrame({"subject": cohort.subject})
    columns: dict[str, pl.Series | pl.Expr] = {
        "ROW_ID": pl.int_range(1, pl.len() + 1),
        "SUBJECT_ID": pl.col("subject"),
        "GENDER": pl.Series(np.where(cohort.female, "F", "M")),
        "DOB": _moment(pl.Series(cohort.birth // DAY * DAY) + pl.lit(0)),
        "EXPIRE_FLAG": pl.lit(0),
    }
    return _lines(columns, rows, PATIENTS)


def outputevents(rng: np.random.Generator, cohort: Cohort, urine: Readings) -> bytes:
    """Return OUTPUTEVENTS.csv: urine, irrigation of the bladder (in and out) in a few rows of MetaVision."""
    metavision = cohort.metavision[urine.stay]
    item = np.where(metavision, np.array(METAVISION.urine)[urine.way], np.array(CAREVUE.urine)[urine.way])
    rows = pl.DataFrame({"stay": urine.stay, "time": urine.time, "item": item, "value": urine.value})
    rinsed = rows.filter(pl.Series(metavision & (rng.random(len(rows)) < 0.004)))
    into = rinsed.with_columns(item=pl.lit(_IRRIGANT_IN, pl.Int64), value=pl.lit(100.0))
    out = rinsed.with_columns(item=pl.lit(_IRRIGANT_IN + 1, pl.Int64), value=pl.lit(150.0))
    drain = rows.filter(pl.Series(rng.random(len(rows)) < 0.02)).with_columns(item=pl.lit(41683, pl.Int64))
    rows = pl.concat([rows, into, out, drain]).sort("stay", "time", "item", maintain_order=True)
    system = pl.Series(cohort.metavision[rows["stay"].to_numpy()])
    columns: dict[str, pl.Series | pl.Expr] = {
        **_keys(cohort, rows),
        "CHARTTIME": _moment(pl.col("time")),
        "ITEMID": pl.col("item"),
        "VALUE": pl.col("value"),
        "VALUEUOM": pl.when(system).then(pl.lit("mL")).otherwise(pl.lit("ml")),
        "STORETIME": _moment(pl.col("time") + 600),
        "CGID": pl.Series(rng.integers(14_000, 22_000, len(rows))),
    }
    return _lines(columns, rows, OUTPUTEVENTS)
