"""Small records of bedside numerics, as a monitor would have written them."""

import numpy as np
import wfdb

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
