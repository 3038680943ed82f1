"""The numbers in a signal file of a record of WFDB (https://wfdb.io/spec/signal-files.html), read by the package wfdb.

wfdb gets a header made here of what was understood of the record's own: what else that one says (an odd date, text that
only a pattern would accept) neither stops wfdb nor reaches it.
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.mimic3.waveforms.skipped import Reason, SkippedError

Ints = NDArray[np.integer[Any]]
BITS = {"16": 16, "61": 16, "160": 16, "24": 24, "32": 32, "80": 8, "212": 12}
"""Bits per sample by signal format, for those in which the length of a file follows from its samples."""


def read_numbers(path: Path, form: str, samples: int, signals: int) -> Ints:
    """Return the numbers (samples, signals) in a signal file of format `form`, one of BITS.

    The least number of the format means "no value". Raises SkippedError if wfdb cannot read them.
    """
    import wfdb  # type: ignore[import-untyped]

    lines = [f"r {signals} 1 {samples}", *[f"r.dat {form} 1(0)/NU"] * signals]
    with tempfile.TemporaryDirectory(prefix="lnncmp-") as folder:
        Path(folder, "r.hea").write_text("\n".join(lines) + "\n", encoding="ascii")
        try:
            Path(folder, "r.dat").symlink_to(path.absolute())
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                numbers = wfdb.rdrecord(str(Path(folder, "r")), physical=False).d_signal
        except Exception as error:  # what wfdb raises on damaged files is not documented
            raise SkippedError(Reason.BAD_SIGNALS) from error
    if numbers is None or numbers.shape != (samples, signals):
        raise SkippedError(Reason.BAD_SIGNALS)
    return np.asarray(numbers)


def no_value(form: str) -> int:
    """Return the number that means "no value" in a format."""
    return -(1 << (BITS[form] - 1))
