"""A content hash over recordings: same numbers, same hash, on every machine."""

import hashlib
from collections.abc import Sequence

import numpy as np

from lnncmp.data.recording import Recording


def recordings_hash(recordings: Sequence[Recording]) -> str:
    """Return 16 hexadecimal digits over shapes, values, times and masks of `recordings`, in order (names left out)."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(repr(recording.values.shape).encode())
        digest.update(np.ascontiguousarray(recording.values, "<f8").tobytes())
        digest.update(np.ascontiguousarray(recording.times, "<f8").tobytes())
        digest.update(np.packbits(recording.seen).tobytes())
    return digest.hexdigest()[:16]
