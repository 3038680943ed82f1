"""Small records of bedside numerics, as a monitor would have written them."""

import numpy as np
import wfdb

from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.variables import NAMES
from lnncmp.sources.mimic3.waveforms import SOURCE

SUBJECT = "p999999"
RECORD = f"{SUBJECT}-2150-01-01-00-00n"
NAN = np.nan


def write(folder, signals, name=RECORD, fs=1 / 60, units=None):
    """Write a record of one format 16 file with a resolution of 0.1 and return the path of its header."""
    folder.mkdir(parents=True, exist_ok=True)
    values = np.array(list(signals.values()), float).T
    width = len(signals)
    wfdb.wrsamp(
        name,
        fs=fs,
        units=units or ["NU"] * width,
        sig_name=list(signals),
        p_signal=values,
        fmt=["16"] * width,
        adc_gain=[10.0] * width,
        baseline=[0] * width,
        write_dir=str(folder),
    )
    return folder / f"{name}.hea"


def relabel(header, old, new):
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))


def context(folder, warnings=None, **options):
    sink = warnings if warnings is not None else []
    return SourceContext(folder / "cache", data_dir=folder, options=options, warn=sink.append)


def only(folder, **options):
    (recording,) = SOURCE.load(context(folder, **options))
    return recording


def column(recording, name):
    """Return a variable's values, None where not observed."""
    index = NAMES.index(name)
    pairs = zip(recording.values[:, index], recording.observed[:, index], strict=True)
    return [round(float(value), 6) if seen else None for value, seen in pairs]
