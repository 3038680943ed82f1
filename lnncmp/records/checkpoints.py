"""The file of a checkpoint: what torch writes, after a line that says whose it is and what its digest is."""

import hashlib
import io
import re
import warnings
from typing import Any

from lnncmp.common.small_files import RefusedFileError

MOST_BYTES = 2_000_000_000
"""Most bytes of the file of a checkpoint."""
_HEAD = re.compile(rb"lnncmp checkpoint of ([^\n]{1,200}), sha256 ([0-9a-f]{64})\n")


def packed(run_id: str, state: dict[str, Any]) -> bytes:
    """Return the file of a checkpoint."""
    import torch

    # Through memory: on a full disk torch's own writer ends in an error that does not say so.
    stream = io.BytesIO()
    torch.save(state, stream)
    content = stream.getvalue()
    return f"lnncmp checkpoint of {run_id}, sha256 {_digest(run_id, content)}\n".encode() + content


def unpacked(content: bytes, run_id: str) -> dict[str, Any]:
    """Return the state in the file of a checkpoint. Raises RefusedFileError unless it is whole and of this run.

    Files of older versions have no first line and do not say whose they are.
    """
    import torch

    found = _HEAD.match(content)
    if found is not None:
        owner, content = found[1].decode(errors="replace"), content[found.end() :]
        if _digest(owner, content) != found[2].decode():
            raise RefusedFileError("changed since it was written: its digest does not fit")
        if owner != run_id:
            raise RefusedFileError(f"the checkpoint of another run, {owner}")
    try:
        with warnings.catch_warnings():  # torch's warnings about a damaged file do not help
            warnings.simplefilter("ignore")
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types on a cut file; all mean: start this run again
        raise RefusedFileError(type(error).__name__) from None
    if not isinstance(state, dict):
        raise RefusedFileError("not a checkpoint")
    return state


def _digest(run_id: str, content: bytes) -> str:
    return hashlib.sha256(f"{run_id}\n".encode() + content).hexdigest()
