"""Walking policies: small tanh networks that turn an observation into six motor commands.

A policy is 17-32-32-6: x = clip((o - mu) / sd, -10, 10), h = tanh(w0 x + b0), h = tanh(w1 h + b1),
action = clip(w2 h + b2, -1, 1). The six that ship were trained for this project (see `training`).
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from lnncmp.common.files import atomic_write, share_dir
from lnncmp.errors import DataError

OBSERVED, HIDDEN, MOTORS = 17, 32, 6
SHAPES: dict[str, tuple[int, ...]] = {
    "w0": (HIDDEN, OBSERVED),
    "b0": (HIDDEN,),
    "w1": (HIDDEN, HIDDEN),
    "b1": (HIDDEN,),
    "w2": (MOTORS, HIDDEN),
    "b2": (MOTORS,),
    "mu": (OBSERVED,),
    "sd": (OBSERVED,),
    "std": (MOTORS,),
}
"""Arrays of a policy file and their shapes; `std` is the exploration noise at the end of training, unused here."""

_LARGEST_FILE = 1_000_000
_REPAIR = "Restore the file, or train policies again: lnncmp data train-policies"


@dataclass(frozen=True, eq=False)
class Policy:
    """A named policy; `arrays` are the float32 arrays of `SHAPES`.

    Raises DataError if an array is missing, has another shape, is not finite, or `sd` is not positive.
    """

    name: str
    arrays: dict[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        if set(self.arrays) != set(SHAPES):
            raise DataError(
                f"policy '{self.name}' must have the arrays {sorted(SHAPES)}, got {sorted(self.arrays)}",
                _REPAIR,
            )
        for key, shape in SHAPES.items():
            array = self.arrays[key]
            if array.shape != shape or array.dtype != np.float32:
                raise DataError(
                    f"policy '{self.name}': array {key} must be float32 {shape}, got {array.dtype} {array.shape}",
                    _REPAIR,
                )
            if not np.all(np.isfinite(array)):
                raise DataError(f"policy '{self.name}': array {key} has values that are not finite", _REPAIR)
        if not np.all(self.arrays["sd"] > 0):
            raise DataError(f"policy '{self.name}': array sd must be positive", _REPAIR)

    def digest(self) -> str:
        """Return the SHA-256 of everything that decides an action (names, shapes and bytes, without `std`)."""
        total = hashlib.sha256()
        for key in sorted(set(SHAPES) - {"std"}):
            total.update(f"{key}{SHAPES[key]}".encode())
            total.update(np.ascontiguousarray(self.arrays[key], "<f4").tobytes())
        return total.hexdigest()


def load_policy(path: Path) -> Policy:
    """Read one policy file. Raises DataError if it is missing, not a plain .npz, or not a policy."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise DataError(f"{path} is too large for a policy ({path.stat().st_size} bytes)", _REPAIR)
        # read first: np.load of a file name keeps the file open when its content is no archive
        stored = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("not an archive")
        arrays = {key: stored[key] for key in stored.files}
    except FileNotFoundError as error:
        raise DataError(f"the policy file {path} is missing", _REPAIR) from error
    except (OSError, ValueError, EOFError, BadZipFile, AttributeError) as error:
        raise DataError(f"{path} is not a readable policy file", _REPAIR) from error
    return Policy(path.stem, arrays)


def save_policy(path: Path, policy: Policy) -> None:
    """Write `policy` as .npz, all or nothing. Raises DataError if that is not possible."""
    with atomic_write(path) as file:
        np.savez(file, allow_pickle=False, **policy.arrays)


def shipped_policy(name: str) -> Policy:
    """Return the policy `name` that ships with lnncmp. Raises DataError as `load_policy`."""
    return load_policy(share_dir("datasets") / "walker2d" / "policies" / f"{name}.npz")


class Controller:
    """A policy in double precision, ready to act. Sums run in einsum, not BLAS.

    So the action for one observation does not depend on how many others are asked for at the same time, and on the
    machine only by the last bits of tanh.
    """

    def __init__(self, policy: Policy) -> None:
        wide = {key: array.astype(np.float64) for key, array in policy.arrays.items()}
        self._mean, self._scale = wide["mu"], wide["sd"]
        self._layers = [(wide[f"w{i}"], wide[f"b{i}"]) for i in range(3)]

    def act(self, observations: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the actions (k, 6) in [-1, 1] for `observations` (k, 17)."""
        x = np.clip((observations - self._mean) / self._scale, -10.0, 10.0)
        last = len(self._layers) - 1
        for index, (weight, bias) in enumerate(self._layers):
            x = np.einsum("ij,kj->ki", weight, x) + bias
            if index < last:
                x = np.tanh(x)
        return np.clip(x, -1.0, 1.0)
