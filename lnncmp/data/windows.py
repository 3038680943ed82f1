"""Windows: batches of equally long pieces of recordings, and Splits: what training and evaluation are given.

Legend of shapes: N windows, T steps, F input features, O targets, K steps of a future.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.scaling import Scaler
from lnncmp.data.task import VALUES, Task
from lnncmp.errors import DataError

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """Model-ready windows.

    x: (N, T, F) scaled inputs, 0 where not observed. dt: (N, T) > 0, time since the previous step in the case's unit.
    valid: (N, T), False = padding, at the end only. observed: (N, T, F).
    y: (N, T, O) scaled targets. target_mask: (N, T, O), False where a target does not count.
    group: (N,) the recording that a window was cut from.

    Raises DataError if shapes disagree, a value that counts is not finite, dt is not positive or padding is not last.
    """

    x: Floats
    dt: Floats
    valid: Bools
    observed: Bools
    y: Floats
    target_mask: Bools
    group: NDArray[np.str_]

    def __post_init__(self) -> None:
        count, steps = self.dt.shape
        expected = {
            "x": (count, steps, self.x.shape[-1]),
            "valid": (count, steps),
            "observed": self.x.shape,
            "y": (count, steps, self.y.shape[-1]),
            "target_mask": self.y.shape,
            "group": (count,),
        }
        for name, shape in expected.items():
            got = getattr(self, name).shape
            if got != shape:
                raise DataError(f"windows: {name} should have shape {shape} to fit dt {self.dt.shape}, got {got}")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y[self.target_mask]).all()):
            raise DataError("windows: x, and y where target_mask is True, must be finite")
        real = self.dt[self.valid]
        if real.size and not (np.isfinite(real).all() and real.min() > 0):
            raise DataError(f"windows: elapsed times must be finite and above 0, the smallest is {real.min()}")
        if steps > 1 and np.any(~self.valid[:, :-1] & self.valid[:, 1:]):
            raise DataError("windows: padding must be at the end of a window, a real step follows a padded one")

    def __len__(self) -> int:
        return len(self.dt)

    @property
    def nbytes(self) -> int:
        """The bytes of all arrays."""
        return sum(getattr(self, name.name).nbytes for name in fields(self))

    def __repr__(self) -> str:
        """Shapes only."""
        return f"Windows(x={self.x.shape}, y={self.y.shape}, padded={bool((~self.valid).any())})"

    def take(self, rows: NDArray[np.intp] | slice) -> "Windows":
        """Return the windows `rows`, in that order."""
        return Windows(
            self.x[rows],
            self.dt[rows],
            self.valid[rows],
            self.observed[rows],
            self.y[rows],
            self.target_mask[rows],
            self.group[rows],
        )

    def with_inputs(self, x: Floats) -> "Windows":
        """Return the same windows with other inputs (N, T, F)."""
        return replace(self, x=x)

    def with_dt(self, dt: Floats) -> "Windows":
        """Return the same windows with other elapsed times (N, T)."""
        return replace(self, dt=dt)


@dataclass(frozen=True)
class Futures:
    """Free-running test: after `context` (N windows), the truth `future` (N, K, O).

    future[:, 0] is the target of the context's last step; a prediction is fed back as the first O inputs.
    dt: (N, K) > 0, time since the previous step; dt[:, 0] since the context's last step. observed: (N, K, O), which
    cells of the truth count, None = all. others: (N, K, F - O), the other inputs when a prediction is fed back, None =
    held from the context's last step. fed_back: (O,), which predictions are fed back, None = all; the input of another
    is held from the context's last step, for nothing was ever known of it.
    """

    context: Windows
    future: Floats
    dt: Floats
    observed: Bools | None = None
    others: Floats | None = None
    fed_back: Bools | None = None

    def __post_init__(self) -> None:
        shape = self.future.shape
        if shape[:2] != self.dt.shape or len(self.future) != len(self.context):
            raise DataError(
                f"futures: {len(self.context)} contexts do not fit a future {shape} with dt {self.dt.shape}"
            )
        if self.observed is not None and self.observed.shape != shape:
            raise DataError(f"futures: observed should have the shape of the future {shape}, got {self.observed.shape}")
        rest = (*shape[:2], self.context.x.shape[2] - shape[2])
        if self.others is not None and self.others.shape != rest:
            raise DataError(f"futures: others should have shape {rest}, got {self.others.shape}")
        if self.fed_back is not None and self.fed_back.shape != shape[2:]:
            raise DataError(f"futures: fed_back should have shape {shape[2:]}, got {self.fed_back.shape}")
        if not np.isfinite(self.future[self.counted]).all():
            raise DataError("futures: the truth must be finite where it counts")
        if self.dt.size and not (np.isfinite(self.dt).all() and self.dt.min() > 0):
            raise DataError(f"futures: elapsed times must be finite and above 0, the smallest is {self.dt.min()}")

    def __repr__(self) -> str:
        """Shapes only."""
        return f"Futures(context={self.context!r}, future={self.future.shape})"

    def take(self, rows: slice) -> "Futures":
        """Return the futures `rows`."""
        observed = None if self.observed is None else self.observed[rows]
        others = None if self.others is None else self.others[rows]
        return Futures(self.context.take(rows), self.future[rows], self.dt[rows], observed, others, self.fed_back)

    @property
    def counted(self) -> Bools:
        """Which cells of the truth count (N, K, O)."""
        return np.ones(self.future.shape, bool) if self.observed is None else self.observed


@dataclass(frozen=True)
class Splits:
    """Training, validation and test windows with the scalers that made them.

    target_std (O,) is the standard deviation of the raw training targets; it normalises errors. task: what the targets
    are; classes are not scaled (mean 0, std 1).
    Raises DataError if a group is in two splits, shapes differ, a split has no target to predict, target_std is
    not above 0, or the scaler does not fit the training cells.
    """

    train: Windows
    validation: Windows
    test: Windows
    input_scaler: Scaler
    target_scaler: Scaler
    target_std: NDArray[np.float64]
    task: Task = VALUES

    def __post_init__(self) -> None:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        for name, part in parts.items():
            if not len(part):
                raise DataError(f"splits: no windows in {name}", "Use more data, or shorter windows (data.window).")
            if part.x.shape[1:] != self.train.x.shape[1:] or part.y.shape[2] != self.train.y.shape[2]:
                raise DataError(f"splits: {name} has inputs {part.x.shape[1:]}, train has {self.train.x.shape[1:]}")
            if not (part.target_mask & part.valid[..., None]).any():
                raise DataError(f"splits: no target was ever observed in {name}")
        targets = self.train.y.shape[2]
        if self.target_std.shape != (targets,) or not (self.target_std > 0).all():
            raise DataError(
                f"splits: target_std should be {targets} numbers above 0, got shape {self.target_std.shape}, "
                f"smallest {self.target_std.min() if self.target_std.size else 'none'}"
            )
        if self.task.kind == "classes":
            self._check_classes()
        groups = {name: set(part.group.tolist()) for name, part in parts.items()}
        for a, b in (("train", "validation"), ("train", "test"), ("validation", "test")):
            shared = groups[a] & groups[b]
            if shared:
                raise DataError(f"splits: {len(shared)} groups are in both {a} and {b}")
        if self.input_scaler.fitted:
            self._check_scaler()

    def _check_scaler(self) -> None:
        cells = self.train.observed & self.train.valid[..., None]
        mean = self.train.x.mean(axis=(0, 1), where=cells, dtype=np.float64)
        worst = float(np.abs(mean).max())
        if worst > 0.05:
            raise DataError(
                f"splits: the scaler was not fitted on the training cells: a scaled training mean is {worst:.3g}, not 0"
            )

    def _check_classes(self) -> None:
        count = len(self.task.classes)
        for name, part in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            if part.y.shape[2] != count:
                raise DataError(f"splits: {name} has {part.y.shape[2]} targets for {count} classes")
            counted = part.target_mask & part.valid[..., None]
            if (counted != counted[..., :1]).any() or not (part.y.sum(axis=-1)[counted[..., 0]] == 1).all():
                raise DataError(f"splits: classes in {name} should be one-hot where they count")
