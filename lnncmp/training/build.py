"""Builds a network with reproducible weights from a model's name and arguments."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lnncmp.errors import UsageError
from lnncmp.layers.readout import RecurrentModel
from lnncmp.layers.sequence_model import SequenceModel, Spread, State
from lnncmp.layers.shapes import check_inputs
from lnncmp.models.base import Arguments, ModelSpec, load_model
from lnncmp.recipe.recipe import parse

if TYPE_CHECKING:
    from lnncmp.layers.stepper import Stepper


class TimeAsInput(SequenceModel):
    """Appends the elapsed time to the inputs of a model that does not use it otherwise.

    This is the augmented LSTM of Lechner & Hasani (2020, arXiv 2006.04418).
    """

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        self.model = model

    @property
    def implementation(self) -> str:
        """Return the implementation of the wrapped model."""
        return self.model.implementation

    @property
    def stackable(self) -> bool:
        """Return whether the wrapped model is stackable."""
        return self.model.stackable

    def initial_state(self, batch: int) -> State:
        """Return the wrapped model's initial state."""
        return self.model.initial_state(batch)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Run the wrapped model on (x, dt) with inputs (B, T, I + 1)."""
        return self.model.sequence(_with_time(x, dt), dt, valid, state)

    def forward(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Run the wrapped model's forward, which may be faster than `sequence`; returns (B, T, O)."""
        y: Tensor = self.model(_with_time(x, dt), dt, valid)
        return y

    def spread(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Spread | None:
        """Return the wrapped model's mean and standard deviation (B, T, O), if it has them."""
        return self.model.spread(_with_time(x, dt), dt, valid)

    def samples(self) -> list[SequenceModel]:
        """Return the wrapped model's samples, which are given the elapsed time, too."""
        return [TimeAsInput(one) for one in self.model.samples()]

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops; x has I features, the elapsed time is appended by itself."""
        from lnncmp.layers.stepper import make_stepper

        if not isinstance(self.model, RecurrentModel):
            return super().stepper(batch)
        return make_stepper(self.model.layer, self.model.readout, batch=batch, time_as_input=True)

    def constrain(self) -> None:
        """Constrain the wrapped model."""
        self.model.constrain()

    def structure(self) -> dict[str, int]:
        """Return the wrapped model's structure counts."""
        return self.model.structure()


def _with_time(x: Tensor, dt: Tensor) -> Tensor:
    """Return (B, T, I + 1) for x (B, T, I) and dt (B, T). Raises UsageError for other shapes of dt."""
    check_inputs(x, dt, None, x.shape[-1])
    return torch.cat([x, dt[..., None]], dim=-1)


def build_model(
    spec: ModelSpec,
    arguments: Arguments,
    inputs: int,
    outputs: int,
    *,
    dt_as_input: bool,
    model_seed: int,
    wiring_seed: int,
) -> SequenceModel:
    """Return the model with weights drawn from `model_seed`; torch's global generator continues that stream.

    dt_as_input: models that do not use the elapsed time get it as an additional input.
    """
    torch.manual_seed(model_seed)
    if dt_as_input and not spec.uses_dt:
        return TimeAsInput(spec.build(arguments, inputs + 1, outputs, wiring_seed))
    return spec.build(arguments, inputs, outputs, wiring_seed)


def build_named(
    label: str, name: str, given: dict[str, Any], sizes: tuple[int, int], dt_as_input: bool, seeds: tuple[int, int]
) -> SequenceModel:
    """Return a model for `sizes` = (inputs, outputs); seeds = (weights, wiring).

    Raises UsageError that names the model if its arguments are inconsistent.
    """
    kind = load_model(name)
    arguments = parse(kind.arguments, given, "arguments")
    try:
        return build_model(kind, arguments, *sizes, dt_as_input=dt_as_input, model_seed=seeds[0], wiring_seed=seeds[1])
    except UsageError as error:
        raise UsageError(f"model '{label}' cannot be built: {error.message}", error.hint) from error
