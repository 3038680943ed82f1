"""Say in a few words why a rollout file is not the published one.

Called only for files whose hash is wrong, so it looks at one possible cause after the other, the plain ones first.
It reads the .npy header (a Python literal, never executed) and never unpickles.
"""

import hashlib
import io
from collections.abc import Mapping

import numpy as np

from lnncmp.sources.walker2d.observation import OBSERVATION
from lnncmp.sources.walker2d.original.manifest import RolloutEntry

COLUMNS = len(OBSERVATION)
"""Observations per frame: 17."""

_MAGIC = b"\x93NUMPY"
_PICKLE = b"\x80"


def why_different(content: bytes, size: int, entry: RolloutEntry, names_by_hash: Mapping[str, str]) -> str:
    """Return the end of a sentence that begins with the file's name.

    content: the file, or the beginning of one that is longer than every published file. size: its length in bytes.
    names_by_hash: SHA-256 -> name of all published files, to distinguish a mix-up from damage.
    """
    actual = hashlib.sha256(content).hexdigest()
    other = names_by_hash.get(actual)
    if other is not None:
        return f"holds the published content of {other}: the files were renamed or mixed up"
    if size == 0:
        return "is empty (0 bytes)"
    if content.startswith(_PICKLE):
        return "is a pickle, which is refused: unpickling runs code from the file"
    if not content.startswith(_MAGIC):
        return f"is not a NumPy .npy file ({size:,} bytes that begin with {content[:12]!r})"
    return _wrong_array(content, size, entry) or f"was changed: sha256 is {actual}, expected {entry.sha256}"


def _wrong_array(content: bytes, size: int, entry: RolloutEntry) -> str:
    """Return what is wrong with the array in an .npy file, empty if it looks right."""
    stream = io.BytesIO(content)
    try:
        shape, dtype = _header(stream)
    except Exception:  # whatever numpy raises on a damaged header
        return f"has a damaged or truncated .npy header ({size:,} bytes, expected {entry.bytes:,})"
    if dtype.hasobject:
        return "holds pickled objects, which are refused: unpickling runs code from the file"
    if dtype != np.dtype("<f8"):
        return f"has numbers of type {dtype.name}, expected float64"
    if len(shape) != 2 or shape[1] != COLUMNS:
        columns = f"{shape[1]} columns" if len(shape) == 2 else f"shape {shape}"
        return f"has {columns}, expected (frames, {COLUMNS}): one column per observation"
    declared = stream.tell() + shape[0] * COLUMNS * dtype.itemsize
    if size < declared:
        return f"is truncated: {size:,} of {declared:,} bytes"
    if shape[0] != entry.frames:
        return f"has {shape[0]:,} frames, expected {entry.frames:,}"
    if size > declared:
        return f"has {size - declared:,} bytes too many at its end"
    values = np.frombuffer(content, dtype, offset=stream.tell())
    odd = np.flatnonzero(~np.isfinite(values))
    if odd.size:
        row, column = divmod(int(odd[0]), COLUMNS)
        return f"has {odd.size} NaN or infinite values (the first in row {row}, column {column}, from 0)"
    return ""


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], np.dtype]:
    """Return (shape, dtype) of an .npy file and leave `stream` at its first value. Raises ValueError."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype
