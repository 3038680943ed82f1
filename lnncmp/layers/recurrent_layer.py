"""The contract of a recurrent layer: what is between the inputs and the readout of a model.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from lnncmp.errors import UsageError
from lnncmp.kernels.common.torch_arrays import check_kind, usable
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.precision import as_weights, autocasts
from lnncmp.layers.sequence_model import State
from lnncmp.layers.shapes import check_inputs, check_state

Model = TypeVar("Model", bound=nn.Module)


class _MaskGuard:
    """Refuses to load weights with another mask than the module's own: a hook that can be copied and pickled."""

    def __init__(self, buffer: str) -> None:
        self.buffer = buffer

    def __call__(self, owner: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
        """Raise UsageError if the loaded mask differs."""
        name = prefix + self.buffer
        ours, theirs = owner.get_buffer(self.buffer), state.get(name)
        if theirs is None or (theirs.shape == ours.shape and torch.equal(theirs.to(ours), ours)):
            return
        raise UsageError(
            f"the weights to load belong to another wiring: {name} has {int(theirs.sum())} entries of "
            f"{tuple(theirs.shape)}, this model's has {int(ours.sum())} of {tuple(ours.shape)}",
            "build the model with the wiring and wiring seed that the weights were trained with",
        )


def guard_mask(module: nn.Module, buffer: str) -> None:
    """Make `module.load_state_dict` raise UsageError if the loaded mask `buffer` differs from the module's own.

    Weights of another wiring would act through the wrong synapses without any other sign of it.
    """
    module.register_load_state_dict_pre_hook(_MaskGuard(buffer))


class KernelCall(NamedTuple):
    """What a layer asks of its kernel: the key of the operation, and weights and masks in the operation's order."""

    key: str
    weights: list[Tensor]


class RecurrentLayer(nn.Module, ABC):
    """A causal map from inputs (B, T, I) to the hidden states (B, T, `width`) of every step.

    A layer never lets the content of padding through: inputs there are replaced before they are used and the state
    is kept. What it returns at padding steps is finite but without meaning; the model sets it to 0.
    """

    chosen: str = "auto"
    """What was asked for: "auto", "fused", "loop"; for LSTM and GRU also "torch"."""
    fallback: str = "loop"
    """What runs where a fused kernel was asked for and cannot."""
    inputs: int
    """Features that the layer reads at each step."""
    width: int
    """Features that the layer gives to the readout at each step."""
    state_widths: tuple[int, ...]
    """Features of each tensor of the state."""

    @property
    def implementation(self) -> str:
        """How a sequence is computed where the layer's weights are now: `fused`, `loop` or `torch`."""
        if self.chosen not in ("auto", "fused"):
            return self.chosen
        return "fused" if self.has_kernel() and usable(self.sample_weight()) else self.fallback

    def sample_weight(self) -> Tensor:
        """Return one of the weights: all of them have its type and device."""
        return next(self.parameters())

    def has_kernel(self) -> bool:
        """Return whether a fused kernel computes this layer as it is set up (on a device that kernels work on)."""
        return False

    @property
    def stackable(self) -> bool:
        """Whether copies of the layer can be computed in one call: those of a fused kernel can."""
        return self.implementation == "fused"

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """Return the state before the first step: tensors (batch, ...) on the layer's device and dtype."""

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, width) and the final state for x (B, T, I), dt (B, T), valid (B, T).

        Under autocast it computes in the weights' own type: what comes in a narrower one is converted to it. Raises
        UsageError for tensors whose shapes do not go together (see lnncmp.layers.shapes), and for other types or
        devices than those of the weights.
        """
        weight = self.sample_weight()
        if autocasts(weight):
            with torch.autocast(weight.device.type, enabled=False):
                x, dt, *given = as_weights(weight, x, dt, *state)
                return self.sequence(x, dt, valid, tuple(given))
        check_inputs(x, dt, valid, self.inputs)
        check_state(state, x.shape[0], self.state_widths)
        check_kind(weight, x=x, dt=dt, **{f"state {k}": own for k, own in enumerate(state)})
        return self._sequence(x, dt, valid, state)

    @abstractmethod
    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Do what `sequence` does, for tensors whose shapes are checked."""

    def outputs(self, x: Tensor, dt: Tensor, valid: Tensor | None) -> Tensor:
        """Return the hidden states (B, T, width) alone, from the initial state; otherwise as `sequence`."""
        check_inputs(x, dt, valid, self.inputs)
        return self._outputs(x, dt, valid)

    def uses_kernel(self, dt: Tensor) -> bool:
        """Return whether the kernel runs. It has no gradient of dt: there torch.compile sees the plain path.

        Elsewhere autograd takes that gradient from the plain path by itself.
        """
        if torch.compiler.is_compiling() and dt.requires_grad and torch.is_grad_enabled():
            return False
        return self.implementation == "fused"

    def _outputs(self, x: Tensor, dt: Tensor, valid: Tensor | None) -> Tensor:
        """Do what `outputs` does, for tensors whose shapes are checked."""
        return self.sequence(x, dt, valid, self.initial_state(x.shape[0]))[0]

    def write_step(self, program: StepProgram) -> int | None:
        """Write one step, in evaluation mode, for steppers (see lnncmp.layers.step_programs).

        Returns the place of the hidden units (`width`); None: there is no compiled step, steppers take the plain one.
        A subclass that computes something else than its base has to override it.
        """
        return None

    def kernel_call(self) -> KernelCall | None:
        """Return what computes the hidden states, if it is a kernel alone: then training needs no torch in between.

        The kernel gets x and dt with 0 at padding, `valid`, and an initial state of zeros. A subclass that computes
        something else than its base has to override it.
        """
        return None

    def least_values(self) -> list[tuple[Tensor, float]]:
        """Return the parameters that have a least value, with it (none by default)."""
        return []

    def constrain(self) -> None:
        """Put parameters back into their admissible range; called after every optimiser step."""
        with torch.no_grad():
            for parameter, least in self.least_values():
                parameter.clamp_(min=least)

    def structure(self) -> dict[str, int]:
        """Return counts worth reporting (empty by default)."""
        return {}


def use_plain(model: Model) -> Model:
    """Have all recurrent layers of `model` computed by plain PyTorch from now on; returns it."""
    for part in model.modules():
        if isinstance(part, RecurrentLayer):
            part.chosen = "loop"
    return model


def blank_padding(x: Tensor, dt: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return x (B, T, I) and dt (B, T) with 0 at padding steps, so that NaN there reaches no value or gradient."""
    if valid is None:
        return x, dt
    return x.where(valid[..., None], x.new_zeros(())), dt.where(valid, dt.new_zeros(()))


def time_major(valid: Tensor | None, steps: int) -> list[Tensor | None]:
    """Return T masks (B, 1) of real steps for valid (B, T), or T times None where every step is real."""
    if valid is None:
        return [None] * steps
    return list(valid.t()[..., None].unbind(0))


def hold(real: Tensor | None, new: Tensor, old: Tensor) -> Tensor:
    """Return `new` (B, H) where `real` (B, 1) is True and the `old` state (B, H) at padding."""
    return new if real is None else torch.where(real, new, old)


def stack_steps(outputs: list[Tensor], width: int, like: Tensor) -> Tensor:
    """Return T tensors (B, width) as one (B, T, width); `like` (B, ...) gives batch, dtype and device for T = 0."""
    return torch.stack(outputs, dim=1) if outputs else like.new_zeros(like.shape[0], 0, width)
