"""Networks of other packages that are of the same kind as a model and compute another function.

Each stands behind the interface of SequenceModel with the same inputs, hidden units and outputs, at the default
arguments of its package. A package whose width in is its width out has a linear map of the inputs in front; all but the
LRU, which maps to the outputs itself, have a linear readout. No weights are shared with the model beside them.

Legend of shape suffixes: B batch, T steps, I inputs, O outputs, H hidden units.
"""

from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lnncmp.bench.candidates import Candidate, LikePeer
from lnncmp.bench.workload import Workload
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.layers.sequence_model import SequenceModel, State


class _AsComplex(nn.Module):
    """Keeps a complex weight as a real one, which the fused optimiser of all training steps needs."""

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Return the complex weight."""
        return torch.complex(real, imaginary)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the real and the imaginary parts of a complex weight."""
        return weight.real.clone(), weight.imag.clone()


def _with_real_weights(layer: nn.Module) -> nn.Module:
    """Return the layer, which computes what it did, with real parameters alone."""
    for part in list(layer.modules()):
        for name in [name for name, weight in part.named_parameters(recurse=False) if weight.is_complex()]:
            parametrize.register_parametrization(part, name, _AsComplex(), unsafe=True)
    return layer


class LikeModel(SequenceModel):
    """A network of another package; it does not support padding (`valid` must be None)."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self.package = package

    @property
    def implementation(self) -> str:
        """Return the package's name."""
        return self.package


class MinGatedModel(LikeModel):
    """minGRU or minLSTM of minGRU-pytorch: the gates see the inputs alone; it ignores elapsed times."""

    def __init__(self, package: str, kind: type[nn.Module], workload: Workload) -> None:
        super().__init__(package)
        self.hidden = workload.hidden
        self.encoder = nn.Linear(workload.inputs, workload.hidden)
        self.layer = kind(workload.hidden)
        self.readout = nn.Linear(workload.hidden, workload.outputs)

    def initial_state(self, batch: int) -> State:
        """Return zeros (batch, 1, H)."""
        return (torch.zeros(batch, 1, self.hidden),)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I)."""
        before = None if state is None else state[0]
        hidden, after = self.layer(self.encoder(x), before, return_next_prev_hidden=True)
        return self.readout(hidden), (after,)


class S5Model(LikeModel):
    """S5 of s5-pytorch: a diagonal state-space model of all features together, with as many numbers as features.

    Steps are learned ones times the elapsed time, which is used only if times are irregular.
    """

    def __init__(self, package: str, kind: type[nn.Module], workload: Workload) -> None:
        super().__init__(package)
        self.hidden, self.irregular = workload.hidden, workload.irregular
        self.encoder = nn.Linear(workload.inputs, workload.hidden)
        self.layer = _with_real_weights(kind(workload.hidden))
        self.readout = nn.Linear(workload.hidden, workload.outputs)

    def initial_state(self, batch: int) -> State:
        """Return complex zeros (batch, H)."""
        return (torch.zeros(batch, self.hidden, dtype=torch.complex64),)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I), dt (B, T)."""
        before = None if state is None else state[0]
        with parametrize.cached():
            hidden, after = self.layer(self.encoder(x), dt if self.irregular else 1.0, before, return_state=True)
        return self.readout(hidden), (after,)


class LRUModel(LikeModel):
    """LRU of LRU-pytorch: a diagonal complex recurrence in a loop over samples and steps; it ignores elapsed times.

    It gives no final state.
    """

    def __init__(self, package: str, kind: type[nn.Module], workload: Workload) -> None:
        super().__init__(package)
        self.layer = _with_real_weights(kind(workload.inputs, workload.outputs, workload.hidden))

    def initial_state(self, batch: int) -> State:
        """Return no tensors."""
        return ()

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and no state for x (B, T, I). Raises UsageError for a given state."""
        if state is not None:
            raise UsageError(f"{self.package} cannot carry a state from step to step")
        with parametrize.cached():
            return self.layer(x), ()


_BUILT: dict[str, tuple[type[MinGatedModel | S5Model | LRUModel], str, str]] = {
    "min_gru": (MinGatedModel, "minGRU_pytorch.minGRU", "minGRU"),
    "min_lstm": (MinGatedModel, "minGRU_pytorch.minLSTM", "minLSTM"),
    "s4d": (S5Model, "s5", "S5"),
    "linoss": (LRUModel, "LRU_pytorch", "LRU"),
}
"""For each model the adapter, and the module and the name of the package's layer."""


def installed(like: LikePeer) -> bool:
    """Return whether the package is installed."""
    return find_spec(like.module) is not None


def build_like(candidate: Candidate, workload: Workload) -> SequenceModel:
    """Return the network of another package with weights from torch's global generator.

    Raises LnncmpError if the package is not there as expected.
    """
    adapter, module, name = _BUILT[candidate.model]
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LnncmpError(f"{candidate.implementation} cannot be used: {error}") from error
    return adapter(candidate.implementation, kind, workload)
