"""The file of a run's weights: what its record says of it, and reading one that nobody vouches for."""

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.common.small_files import RefusedFileError, read_small
from lnncmp.errors import DataError

SUFFIX = ".safetensors"
AGAIN = "`lnncmp runs train-weights {run_id}` makes them again."
_HEADER_BYTES = 1_000_000
_BYTES_EACH = 8
_TENSOR_BYTES = 64
_PICKLES = (b"PK\x03\x04", *(bytes([0x80, protocol]) for protocol in range(2, 6)))
"""How files of torch.save and of pickle begin."""


class WeightsFile(BaseModel):
    """The file of weights beside a record: its name, its SHA-256 (hexadecimal), its size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Annotated[str, Field(pattern=r"^[\w.-]+\.safetensors$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]


def described(name: str, content: bytes) -> WeightsFile:
    """Return what a record says of a file of weights."""
    return WeightsFile(file=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def most_bytes(numbers: int) -> int:
    """Return the size that a file of so many numbers, its scalers and its header cannot exceed."""
    return _HEADER_BYTES + (_BYTES_EACH + _TENSOR_BYTES) * max(numbers, 1)


def read_weights(path: Path, stated: WeightsFile, numbers: int) -> bytes:
    """Return the content of a file of weights that is the one its record names. Loading it is safetensors' part.

    numbers: how many the network has; a larger file is not read. Raises DataError.
    """
    limit = most_bytes(numbers)
    try:
        content = read_small(path, limit)
    except FileNotFoundError:
        raise DataError(f"the weights {path} are not there: they were pruned", _again(path)) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from error
    except RefusedFileError as reason:
        raise DataError(f"{path} is {reason}: no file of a network of {numbers:,} numbers", _again(path)) from None
    found = described(path.name, content)
    if found.sha256 != stated.sha256:
        if content.startswith(_PICKLES):
            raise pickle_refused(path)
        raise DataError(
            f"{path} is damaged or another file: its SHA-256 begins with {found.sha256[:12]}, "
            f"its record says {stated.sha256[:12]}",
            _again(path),
        )
    return content


def unusable(path: Path, content: bytes, reason: str) -> DataError:
    """Return the error for a file that is no safetensors file of this network."""
    return pickle_refused(path) if content.startswith(_PICKLES) else DataError(f"{path} {reason}", _again(path))


def pickle_refused(path: Path) -> DataError:
    """Return the error for a file that torch.save or pickle made."""
    return DataError(
        f"{path} is a pickle, not a safetensors file: it is refused, since loading one can run any code", _again(path)
    )


def _again(path: Path) -> str:
    return AGAIN.format(run_id=path.stem)
