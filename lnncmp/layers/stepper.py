"""Streaming: one step at a time at the speed of the arithmetic, for control loops.

    stepper = model.stepper()
    y = stepper(x, dt)

Legend of shape suffixes: B batch, I inputs, O outputs.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lnncmp.errors import UsageError
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.sequence_model import State
from lnncmp.layers.shapes import check_state
from lnncmp.layers.step_engines import make_engine

Numbers = NDArray[Any]


class Stepper:
    """A network that is fed one observation at a time and keeps its state; made by `make_stepper`.

    What it computes is `model.step` in evaluation mode without gradients, up to rounding. Each stepper has its own
    state and workspace, so steppers in different threads do not disturb each other and run at the same time (the
    compiled step releases the interpreter lock); calls of one stepper from several threads wait for each other.
    """

    def __init__(self, layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool) -> None:
        self._engine = make_engine(layer, readout, batch, time_as_input)
        self._lock = threading.Lock()
        self.batch, self.inputs = self._engine.x.shape
        self.outputs: int = self._engine.y.shape[1]
        """B, I and O: samples, features of x, features of y."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy or pickle with the weights and the state."""
        own = self._engine
        return _restored, (own.layer, own.readout, own.batch, own.time_as_input, self.state)

    @property
    def implementation(self) -> str:
        """`compiled`, or `plain` where no compiled step exists: see `make_stepper`."""
        return self._engine.implementation

    def __call__(self, x: Any, dt: Any = 1.0, out: Any = None) -> Any:
        """Take one step: return y (O,) for x (I,) of a single sample, else y (B, O) for x (B, I).

        x: a NumPy array or a tensor, of any type of real numbers; it is converted to the type of the weights. dt: the
        time since the previous step, one number for all samples or (B,). y is a new array or tensor like x, of the
        weights' type, on the CPU; or `out`, an array or tensor of y's shape, which is written and returned: then no
        memory is allocated. Raises UsageError for other shapes or kinds, before anything has changed.
        """
        numbers = _numbers("x", x)
        single = self.batch == 1 and numbers.ndim == 1
        if numbers.shape != ((self.inputs,) if single else (self.batch, self.inputs)):
            raise self._wrong_shape("x", numbers, self.inputs)
        if type(dt) is not float:
            dt = self._elapsed(dt)
        into = None if out is None else self._destination(out, single)
        engine = self._engine
        with self._lock:
            if engine.stale():
                engine.prepare()
            engine.x[:] = numbers
            engine.dt[:] = dt
            engine.run()
            y = engine.y[0] if single else engine.y
            if into is not None:
                into[...] = y
                return out
            y = y.copy()
        return torch.from_numpy(y) if isinstance(x, Tensor) else y

    def _elapsed(self, dt: Any) -> Numbers:
        numbers = np.asarray(dt) if isinstance(dt, int | float) else _numbers("dt", dt)
        if numbers.shape not in ((), (1,), (self.batch,)):
            raise UsageError(
                f"dt has shape {numbers.shape}, expected one number or ({self.batch},) for a batch of {self.batch}"
            )
        return numbers

    def _destination(self, out: Any, single: bool) -> Numbers:
        numbers = _numbers("out", out)
        if numbers.shape != ((self.outputs,) if single else (self.batch, self.outputs)):
            raise self._wrong_shape("out", numbers, self.outputs)
        if numbers.dtype.kind != "f" or (isinstance(out, Tensor) and out.device.type != "cpu"):
            raise UsageError("out must have floating-point numbers on the CPU", "leave out away to get a new y")
        return numbers

    def _wrong_shape(self, name: str, numbers: Numbers, width: int) -> UsageError:
        single = f"({width},) or " if self.batch == 1 else ""
        return UsageError(f"{name} has shape {numbers.shape}, expected {single}({self.batch}, {width})")

    def reset(self) -> None:
        """Go back to the state before the first step, all zeros."""
        with self._lock:
            self._engine.state_to_zero()

    @property
    def state(self) -> State:
        """The state (B, width), ... as copies in tensors, like those that `model.step` and `model.sequence` give."""
        with self._lock:
            return tuple(torch.from_numpy(own.copy()) for own in self._engine.state)

    @state.setter
    def state(self, state: Sequence[Any]) -> None:
        """Continue from a state: tensors or arrays (B, width), ...; raises UsageError for other shapes."""
        numbers = [_numbers(f"state {k}", own) for k, own in enumerate(state)]
        with self._lock:
            own = self._engine.state
            check_state(numbers, self.batch, [part.shape[1] for part in own])
            for mine, given in zip(own, numbers, strict=True):
                mine[:] = given

    def refresh(self) -> None:
        """Read the weights again; the state stays.

        Weights that changed in place (an optimiser's step, load_state_dict) are noticed at the next step by themselves.
        This is for what leaves no trace: `parameter.data` was changed, or a module got another Parameter. Raises
        UsageError if the weights have another type or device now.
        """
        with self._lock:
            self._engine.prepare()


def _restored(
    layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool, state: State
) -> Stepper:
    stepper = Stepper(layer, readout, batch, time_as_input)
    stepper.state = state
    return stepper


def _numbers(name: str, given: Any) -> Numbers:
    """Return an array or tensor as an array of real numbers, a view where possible; raises UsageError for others."""
    if isinstance(given, Tensor):
        if given.requires_grad or not given.is_cpu:
            given = given.detach().cpu()
        given = (given.float() if given.dtype == torch.bfloat16 else given).numpy()
    if not isinstance(given, np.ndarray | np.generic) or given.dtype.kind not in "fiub":
        kind = f"an array of {given.dtype}" if isinstance(given, np.ndarray) else f"of type {type(given).__name__}"
        raise UsageError(f"{name} is {kind}, expected a NumPy array or a tensor of real numbers")
    return np.asarray(given)


def make_stepper(
    layer: RecurrentLayer, readout: nn.Module | None = None, *, batch: int = 1, time_as_input: bool = False
) -> Stepper:
    """Return a stepper of a recurrent layer and a readout for `batch` samples at once.

    readout: a linear or motor readout or nn.Linear, several of them in nn.Sequential, or None: y is the layer's hidden
    units. time_as_input: the layer's last input is dt. The step is compiled if the weights are on the CPU, float32 or
    float64, and the layer has a program for it (LTC with the solver semi_implicit, CfC, liquid_ncp, LSTM and GRU,
    dense or wired); otherwise, or if the layer was told to run as a loop, it is the layer's plain step. Raises
    UsageError for a batch below 1.
    """
    if batch < 1:
        raise UsageError(f"batch is {batch}, expected at least 1")
    return Stepper(layer, readout, batch, time_as_input)
