"""How often each variable was measured: a mean over variables says little of one that is rarely seen."""

from collections.abc import Collection, Sequence

import numpy as np

from lnncmp.cases.base import Described
from lnncmp.data.recording import Recording
from lnncmp.sources.mimic3.variables import VARIABLES


def coverage(recordings: Sequence[Recording], columns: int, left_out: Collection[str]) -> Described:
    """Return the shares of rows and stays, in percent, in which each of the first `columns` variables was measured."""
    rows = np.zeros(columns)
    stays = np.zeros(columns)
    for recording in recordings:
        observed = recording.observed[:, :columns]
        rows += observed.sum(axis=0)
        stays += observed.any(axis=0)
    total = sum(len(recording.times) for recording in recordings)
    made = tuple(
        (
            variable.name,
            f"{variable.words}, {variable.unit}",
            f"{100 * rows[number] / max(total, 1):.1f}",
            f"{100 * stays[number] / max(len(recordings), 1):.1f}",
            "left out" if variable.name in left_out else "",
        )
        for number, variable in enumerate(VARIABLES[:columns])
    )
    return Described("How often each variable was measured", ("variable", "what", "rows, %", "stays, %", "note"), made)
