"""Which ITEMID of CHARTEVENTS and OUTPUTEVENTS is which variable, and how its numbers are converted.

Ids below 220000 come from CareVue, the others from MetaVision; the two systems share none. The choice follows what
mimic3-benchmarks, MIMIC-Extract, ricu and mimic-code agree on, without their mistakes: alarm limits (226253 and
others), ventilator set rates (619, 224688), skin temperature (224027, 3655), vision fields (6072) and computed
copies of temperatures (677, 679) are not patient state and are left out; CareVue's inspired oxygen 190 is in.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from lnncmp.sources.mimic3.variables import VARIABLES, Variable


class Convert(IntEnum):
    """How a number of the table becomes a value of its variable."""

    NONE = 0
    FAHRENHEIT = 1
    """Degrees F to C: (v - 32) * 5 / 9."""
    PERCENT_ABOVE_ONE = 2
    """A number above 1 is a percentage; up to 1 it is a fraction already; the unit column is not used."""
    SUBTRACT = 3
    """The number counts against the variable: irrigant that ran into the bladder is not urine."""


@dataclass(frozen=True)
class Item:
    """One ITEMID: its variable, its conversion, and its rank; the highest rank of an hour displaces the others."""

    itemid: int
    variable: str
    convert: Convert = Convert.NONE
    rank: int = 0


def _items(variable: str, *itemids: int, convert: Convert = Convert.NONE, rank: int = 0) -> list[Item]:
    return [Item(itemid, variable, convert, rank) for itemid in itemids]


ARTERIAL = 1
"""Rank of pressures from an arterial line; cuff pressures have 0."""

CHART_ITEMS: tuple[Item, ...] = (
    *_items("hr", 211, 220045),
    *_items("sbp", 51, 6701, 220050, 225309, rank=ARTERIAL),
    *_items("sbp", 455, 442, 3313, 220179),
    *_items("dbp", 8368, 8555, 220051, 225310, rank=ARTERIAL),
    *_items("dbp", 8441, 8440, 8502, 220180),
    *_items("map", 52, 6702, 220052, 225312, rank=ARTERIAL),
    *_items("map", 456, 443, 3312, 220181),
    *_items("rr", 618, 615, 220210, 224690),
    *_items("spo2", 646, 220277),
    *_items("temp", 676, 223762),
    *_items("temp", 678, 223761, convert=Convert.FAHRENHEIT),
    *_items("glucose", 807, 811, 1529, 3744, 3745, 225664, 220621, 226537),
    *_items("gcs_eye", 184, 220739),
    *_items("gcs_motor", 454, 223901),
    *_items("fio2", 190, 3420, 3422, 223835, convert=Convert.PERCENT_ABOVE_ONE),
)
"""Items of CHARTEVENTS. The verbal score of the coma scale is left out: half of its values mean "intubated"."""

IRRIGANT_IN = 227488

OUTPUT_ITEMS: tuple[Item, ...] = (
    *_items("urine", 40055, 43175, 40069, 40094, 40715, 40473, 40085, 40057, 40056, 40405, 40428, 40086, 40096, 40651),
    *_items("urine", 226559, 226560, 226561, 226584, 226563, 226564, 226565, 226567, 226557, 226558, 227489),
    *_items("urine", IRRIGANT_IN, convert=Convert.SUBTRACT),
)
"""Items of OUTPUTEVENTS."""


def itemids(items: tuple[Item, ...]) -> list[int]:
    """Return the ids of `items`, sorted."""
    return sorted(item.itemid for item in items)


def item_rows(
    items: Sequence[Item] = CHART_ITEMS + OUTPUT_ITEMS, variables: Sequence[Variable] = VARIABLES
) -> list[tuple[int, int, int, int, float, float]]:
    """Return (ITEMID, index of the variable, conversion, rank, least and greatest plausible value) of every item."""
    place = {variable.name: number for number, variable in enumerate(variables)}
    return [
        (
            item.itemid,
            place[item.variable],
            int(item.convert),
            item.rank,
            variables[place[item.variable]].low,
            variables[place[item.variable]].high,
        )
        for item in items
    ]


def described(
    items: Sequence[Item] = CHART_ITEMS + OUTPUT_ITEMS, variables: Sequence[Variable] = VARIABLES
) -> dict[str, Any]:
    """Return everything here that can change a value, for the content key: items with ranges, and the variables."""
    return {"items": item_rows(items, variables), "variables": [asdict(variable) for variable in variables]}
