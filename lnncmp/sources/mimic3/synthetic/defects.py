"""Data-quality defects of real charts: artefacts, errors, texts, duplicates, rows outside of the stay, other items.

Rates follow what was counted in the open demo of MIMIC-III, rounded up where few rows would otherwise be hit.
"""

import numpy as np
import polars as pl

from lnncmp.sources.mimic3.synthetic.cohort import HOUR, Cohort
from lnncmp.sources.mimic3.synthetic.items import CAREVUE, METAVISION
from lnncmp.sources.mimic3.synthetic.rows import SCHEMA, frame


def _either(*names: str) -> list[int]:
    """Return the items of both systems; a name of a pair gives all its items."""
    found: list[int] = []
    for items in (CAREVUE, METAVISION):
        for name in names:
            value = getattr(items, name)
            found += value if isinstance(value, tuple) else [value]
    return found


_SYSTOLIC = [items.arterial[0] for items in (CAREVUE, METAVISION)] + [i.cuff[0] for i in (CAREVUE, METAVISION)]
_MEAN = [items.arterial[2] for items in (CAREVUE, METAVISION)]

# Items, share of their rows that is replaced, and the replacement (a function of the true value).
_ARTEFACTS: tuple[tuple[list[int], float, pl.Expr], ...] = (
    (_either("hr"), 0.001, pl.lit(0.0)),
    (_SYSTOLIC, 0.002, pl.col("value") * 10),
    (_MEAN, 0.001, pl.lit(-8.0)),
    (_either("rr"), 0.005, pl.lit(0.0)),
    (_either("spo2"), 0.0015, pl.lit(1.0)),
)


def corrupt(rng: np.random.Generator, rows: pl.DataFrame, cohort: Cohort) -> pl.DataFrame:
    """Return `rows` with artefacts, flags, texts without numbers, copies, and rows that do not belong."""
    rows = _artefacts(rng, rows)
    rows = pl.concat([rows, _computed_copies(rows), _other_items(rng, rows, cohort), _neonatal(rows, cohort)])
    rows = _flags(rng, rows, cohort)
    rows = _texts(rng, rows)
    rows = pl.concat([rows, _wrong_entries(rng, rows), _outside(rng, rows, cohort), _duplicates(rng, rows)])
    return rows.with_columns(tagged=pl.Series(rng.random(len(rows)) >= 0.0003))


def _artefacts(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    for items, share, wrong in _ARTEFACTS:
        hit = pl.Series(rng.random(len(rows)) < share)
        rows = rows.with_columns(
            value=pl.when(hit & pl.col("item").is_in(items)).then(wrong).otherwise(pl.col("value"))
        )
    return rows


def _computed_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what CareVue computes automatically: each temperature in the other unit (677, 679), each glucose again."""
    celsius = rows.filter(pl.col("item") == 676).with_columns(
        item=pl.lit(679, pl.Int64), value=(pl.col("value") * 9 / 5 + 32).round(4), unit=pl.lit("Deg. F")
    )
    fahrenheit = rows.filter(pl.col("item") == 678).with_columns(
        item=pl.lit(677, pl.Int64), value=((pl.col("value") - 32) * 5 / 9).round(4), unit=pl.lit("Deg. C")
    )
    glucose = rows.filter(pl.col("item") == 811).with_columns(item=pl.lit(1529, pl.Int64))
    return pl.concat([celsius, fahrenheit, glucose])


def _other_items(rng: np.random.Generator, rows: pl.DataFrame, cohort: Cohort) -> pl.DataFrame:
    """Return rhythm, alarm limits, ventilator settings and remarks, charted together with seven in ten heart rates."""
    beats = rows.filter(pl.col("item").is_in(_either("hr")) & pl.Series(rng.random(len(rows)) < 0.7))
    stay, time = beats["stay"].to_numpy(), beats["time"].to_numpy()
    kind = rng.integers(0, len(CAREVUE.rest), len(beats))
    metavision = cohort.metavision[stay]
    lines = [(METAVISION if new else CAREVUE).rest[k] for new, k in zip(metavision, kind, strict=True)]
    item = np.array([line[0] for line in lines], dtype=np.int64)
    value = np.array([np.nan if line[2] is None else line[2] for line in lines])
    found = frame(stay, time, item, value, [line[1] for line in lines])
    return found.with_columns(
        value=pl.col("value").fill_nan(None), unit=pl.Series([l[3] for l in lines], dtype=pl.String)
    )


def _neonatal(rows: pl.DataFrame, cohort: Cohort) -> pl.DataFrame:
    """Return breaths of the newborn (3603) under the item that only they have."""
    small = np.flatnonzero(cohort.neonate[cohort.owner])
    found = rows.filter(pl.col("stay").is_in(small) & (pl.col("item") == CAREVUE.rr))
    return found.with_columns(item=pl.lit(3603, pl.Int64), value=pl.col("value") + 25)


def _flags(rng: np.random.Generator, rows: pl.DataFrame, cohort: Cohort) -> pl.DataFrame:
    """Mark rows of MetaVision with ERROR 0, a few of them with 1; CareVue knows no such flag."""
    metavision = pl.Series(cohort.metavision[rows["stay"].to_numpy()])
    error = pl.Series((rng.random(len(rows)) < 0.0015).astype(np.int64))
    return rows.with_columns(error=pl.when(metavision).then(error).otherwise(None))


def _texts(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    """Replace a few numbers by words, or by nothing at all."""
    chance = pl.Series(rng.random(len(rows)))
    words = pl.when(chance < 0.001).then(pl.lit("Unable, see note")).when(chance < 0.002).then(pl.lit(""))
    return rows.with_columns(text=words.otherwise(pl.col("text")), value=pl.when(chance >= 0.002).then(pl.col("value")))


def _wrong_entries(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    """Return plausible but wrong numbers (a third too high) marked as errors, next to the right ones."""
    chosen = rows.filter(pl.col("error").is_not_null() & pl.Series(rng.random(len(rows)) < 0.001))
    return chosen.with_columns(value=(pl.col("value") * 4 / 3).round(0), text=None, error=pl.lit(1, pl.Int64))


def _outside(rng: np.random.Generator, rows: pl.DataFrame, cohort: Cohort) -> pl.DataFrame:
    """Return copies of rows, dated up to 10 hours before arrival (0.6 %) or up to 12 after departure (0.05 %)."""
    chance = rng.random(len(rows))
    early, late = rows.filter(pl.Series(chance < 0.006)), rows.filter(pl.Series(chance > 0.9995))
    before = cohort.arrival[early["stay"].to_numpy()] - 60 - (rng.random(len(early)) * 10 * HOUR).astype(np.int64)
    after = cohort.departure[late["stay"].to_numpy()] + 60 + (rng.random(len(late)) * 12 * HOUR).astype(np.int64)
    return pl.concat([early.with_columns(time=pl.Series(before)), late.with_columns(time=pl.Series(after))])


def _duplicates(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    """Return second copies of a few rows, under another hospital admission."""
    return rows.filter(pl.Series(rng.random(len(rows)) < 0.0003)).with_columns(again=pl.lit(True)).select(list(SCHEMA))
