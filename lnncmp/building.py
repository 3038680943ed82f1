"""From a model's name and arguments to a network with reproducible weights."""

import torch
from torch import Tensor

from lnncmp.cells.base import SequenceModel, State
from lnncmp.cells.shapes import check_inputs
from lnncmp.models.base import Arguments, ModelSpec


class TimeAsInput(SequenceModel):
    """Appends the elapsed time to the inputs of a model that does not use it otherwise.

    The augmented LSTM of Lechner & Hasani (2020, arXiv 2006.04418) gets its time this way.
    """

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        self.model = model

    @property
    def implementation(self) -> str:
        """What the wrapped model runs as."""
        return self.model.implementation

    @property
    def stackable(self) -> bool:
        """What the wrapped model says of itself."""
        return self.model.stackable

    def initial_state(self, batch: int) -> State:
        """Return the wrapped model's state."""
        return self.model.initial_state(batch)

    def sequence(self, x: Tensor, dt: Tensor, step: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Run the wrapped model on (x, dt) with inputs (B, T, I + 1)."""
        return self.model.sequence(_with_time(x, dt), dt, step, state)

    def forward(self, x: Tensor, dt: Tensor, step: Tensor | None = None) -> Tensor:
        """Run the wrapped model's own forward, which may be faster than `sequence`; returns (B, T, O)."""
        y: Tensor = self.model(_with_time(x, dt), dt, step)
        return y

    def constrain(self) -> None:
        """Constrain the wrapped model."""
        self.model.constrain()

    def structure(self) -> dict[str, int]:
        """Return the wrapped model's counts."""
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
    """Return the model with weights drawn from `model_seed`; torch's global generator is left at that stream.

    dt_as_input: models that do not use the elapsed time get it as one more input.
    """
    torch.manual_seed(model_seed)
    if dt_as_input and not spec.uses_dt:
        return TimeAsInput(spec.build(arguments, inputs + 1, outputs, wiring_seed))
    return spec.build(arguments, inputs, outputs, wiring_seed)
