"""The state of a run that is not finished, as bytes: what a checkpoint file holds."""

import io
import warnings
from typing import Any


class UnreadableCheckpointError(Exception):
    """The bytes are no checkpoint; the message is the reason in a word or two."""


def packed(state: dict[str, Any]) -> bytes:
    """Return the bytes of a state: tensors, numbers, text, and lists and dicts of these."""
    import torch

    # Through memory: on a full disk torch's own writer ends in an error that does not say so.
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue()


def unpacked(content: bytes) -> dict[str, Any]:
    """Return the state that `packed` has written, its tensors on the CPU. Raises UnreadableCheckpointError."""
    import torch

    try:
        with warnings.catch_warnings():  # torch's warnings about a damaged file do not help
            warnings.simplefilter("ignore")
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types on cut content; all mean: start this run again
        raise UnreadableCheckpointError(type(error).__name__) from None
    if not isinstance(state, dict):
        raise UnreadableCheckpointError("not a checkpoint")
    return state
