"""From the signals of a bedside monitor to the variables of an intensive care stay.

The names vary from monitor to monitor ("ABPSys", "ABP SYS"), so they are compared in upper case without blanks.
0 means "disconnected" and NaN "no value"; both count as missing, in every signal.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.mimic3.variables import CORE, NAMES

ARTERIAL = ("ABP", "ART", "AOBP", "AO", "FAP", "BAP", "UAP")
"""What monitors call the pressure in an artery: arterial, aortic, femoral, brachial, umbilical."""

SIGNALS: dict[str, tuple[str, ...]] = {
    "hr": ("HR", "PULSE"),
    "sbp": tuple(f"{name}SYS" for name in ARTERIAL),
    "dbp": tuple(f"{name}DIAS" for name in ARTERIAL),
    "map": tuple(f"{name}MEAN" for name in ARTERIAL),
    "rr": ("RESP",),
    "spo2": ("SPO2", "%SPO2", "SPO2L", "SPO2R"),
    "temp": ("TEMP",),
}
"""The signals behind each variable, best first: the pulse replaces a missing rate of the ECG."""

CUFF: dict[str, tuple[str, ...]] = {"sbp": ("NBPSYS",), "dbp": ("NBPDIAS",), "map": ("NBPMEAN",)}
"""The pressures of one inflation of the cuff, reported together."""

LAYERS = (SIGNALS, CUFF)
"""A layer is used where those before it give nothing in a whole row of the grid, not sample by sample.

Pressures of the artery and of the cuff differ systematically: a mean of both would jump with the mix.
"""

_PRESSURE = re.compile(rf"({'|'.join(ARTERIAL)}|NI?BP|P[1-9])[-_]?(?:(SYS|DIA|MEAN)[A-Z]*)?")
_CUFF_NAMES = {name for names in CUFF.values() for name in names}
_KNOWN = {name for layer in LAYERS for names in layer.values() for name in names}


@dataclass(frozen=True)
class Cleaned:
    """The variables of a record: values (2 layers, N, 12), NaN where missing, and how many values were dropped.

    outside: values outside of the plausible range of their variable. repeats: samples with a held cuff reading.
    """

    values: NDArray[np.float64]
    outside: int
    repeats: int


def normalised(name: str) -> str:
    """Return a signal's name in upper case without blanks; all temperatures (TEMP1, ...) are called TEMP.

    >>> normalised("ABP Sys"), normalised("NIBP diastolic")
    ('ABPSYS', 'NBPDIAS')
    """
    plain = re.sub(r"\s+", "", name).upper()
    pressure = _PRESSURE.fullmatch(plain)
    if pressure and pressure[2]:
        which = pressure[2].replace("DIA", "DIAS")
        return pressure[1].replace("NIBP", "NBP") + which
    return "TEMP" if plain.startswith("TEMP") else plain


def is_known(name: str) -> bool:
    """Return whether a signal of this name (in any writing) gives one of the variables."""
    return normalised(name) in _KNOWN


def is_unread_pressure(name: str) -> bool:
    """Return whether a signal of this name is a pressure, but does not say which: it gives no variable."""
    return _PRESSURE.fullmatch(normalised(name)) is not None and not is_known(name)


def clean(signals: NDArray[np.float64], names: Sequence[str], units: Sequence[str]) -> Cleaned:
    """Return the variables behind `signals` (N samples, S signals in physical units, 0 or NaN where missing).

    Values outside of the plausible range go first, so that the second choice replaces an artefact too. Within
    a layer the choice is made sample by sample; of signals with one name the first in the header wins.
    """
    plain = [normalised(name) for name in names]
    present = np.where(signals == 0, np.nan, signals)
    repeats = _forget_held_cuff(present, plain)
    values = np.full((len(LAYERS), len(signals), len(NAMES)), np.nan)
    outside = 0
    for layer, behind in enumerate(LAYERS):
        for column, variable in enumerate(CORE):
            for wanted in behind.get(variable.name, ()):
                for channel in (index for index, name in enumerate(plain) if name == wanted):
                    found = _celsius(present[:, channel], units[channel]) if wanted == "TEMP" else present[:, channel]
                    artefact = (found < variable.low) | (found > variable.high)
                    outside += int(artefact.sum())
                    usable = np.isnan(values[layer, :, column]) & ~artefact
                    values[layer, usable, column] = found[usable]
    return Cleaned(values, outside, repeats)


def _forget_held_cuff(present: NDArray[np.float64], names: Sequence[str]) -> int:
    """Set cuff readings that repeat the sample before to NaN, in place; return in how many samples.

    Monitors go on showing the last reading for minutes. A reading is the triple of systolic, diastolic and mean
    pressure: a triple that equals its predecessor exactly is the same reading. After a gap it counts as a new one.
    """
    channels = [index for index, name in enumerate(names) if name in _CUFF_NAMES]
    if not channels or len(present) < 2:
        return 0
    cuff = present[:, channels]
    same = (cuff[1:] == cuff[:-1]) | (np.isnan(cuff[1:]) & np.isnan(cuff[:-1]))
    held = np.flatnonzero(same.all(axis=1) & ~np.isnan(cuff[1:]).all(axis=1)) + 1
    present[held[:, None], channels] = np.nan
    return len(held)


def _celsius(values: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
    """Return temperatures in degrees Celsius; a unit that does not end in F or name Fahrenheit is taken for Celsius."""
    written = unit.upper()
    return (values - 32) / 1.8 if written.endswith("F") or "FAHR" in written else values
