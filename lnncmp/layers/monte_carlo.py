"""Monte Carlo dropout over a recurrent model: dropout in training and in prediction, whose passes differ.

Source: Gal and Ghahramani, Dropout as a Bayesian approximation, ICML 2016, arXiv 1506.02142.

A pass multiplies either the hidden units before the readout or the inputs by a mask, the same at all steps of a
sequence; its entries are 0 with probability p and 1 / (1 - p) otherwise.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, O outputs, P passes, R rows of one call.
"""

import copy

import torch
from torch import Tensor, nn

from lnncmp.layers.readout import RecurrentModel
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.sequence_model import SequenceModel, Spread, State
from lnncmp.layers.shapes import check_inputs, check_state

ROWS = 4096
"""Rows up to which passes are computed in one call: more need memory and are no faster."""


class DropoutModel(SequenceModel):
    """A recurrent layer and a readout under dropout; in evaluation the mean over `passes` fixed masks.

    place: "output", a mask on the hidden units before the readout, so that the recurrence runs once; "input", a mask on
    the inputs, so that it runs for each pass. In training each sequence gets a fresh mask from torch's global
    generator. In evaluation the masks are those drawn when the model was built (a buffer, saved with the weights): the
    same input gives the same output, and a stream that of its sequence. With place "input" the state then holds the
    passes side by side, (B, P times the layer's); a state belongs to the mode it was made in. Without dropout there is
    one pass, that of the model itself.
    """

    masks: Tensor

    def __init__(self, base: RecurrentModel, dropout: float, passes: int, place: str) -> None:
        super().__init__()
        self.layer: RecurrentLayer = base.layer
        self.readout: nn.Module = base.readout
        self.dropout, self.place = dropout, place
        self.passes = passes if dropout > 0 else 1
        width = self.layer.inputs if place == "input" else self.layer.width
        self.register_buffer("masks", self._draw((self.passes, width)))

    def _draw(self, shape: tuple[int, ...]) -> Tensor:
        weight = self.layer.sample_weight()
        kept = 1.0 - self.dropout
        return torch.bernoulli(torch.full(shape, kept, dtype=weight.dtype, device=weight.device)) / kept

    def _fresh(self, batch: int) -> Tensor | None:
        """Return a mask (B, 1, I or H) for each sequence in training, None in evaluation."""
        return self._draw((batch, 1, self.masks.shape[1])) if self.training and self.dropout > 0 else None

    @property
    def implementation(self) -> str:
        """How the layer computes a sequence where its weights are now."""
        return self.layer.implementation

    @property
    def stackable(self) -> bool:
        """Whether copies can be computed in one call: not with dropout, whose masks are drawn for one model."""
        return self.layer.stackable and self.dropout == 0

    def _copies(self) -> int:
        """Return how many states a sequence has."""
        return self.passes if self.place == "input" and not self.training else 1

    def initial_state(self, batch: int) -> State:
        """Return the state before the first step, in evaluation on the inputs that of all passes side by side."""
        return self._joined(self.layer.initial_state(batch * self._copies()), batch)

    def _joined(self, state: State, batch: int) -> State:
        """Return a state of (B P, ...) rows as (B, P ...)."""
        return tuple(own.reshape(batch, self._copies() * own.shape[1]) for own in state)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I), dt (B, T), valid (B, T), state or None."""
        check_inputs(x, dt, valid, self.layer.inputs)
        start = self.initial_state(len(x)) if state is None else state
        check_state(start, len(x), [self._copies() * width for width in self.layer.state_widths])
        if self.place == "input":
            y, final = self._with_masked_inputs(x, dt, valid, start)
            return y.mean(1) if y.shape[1] > 1 else y[:, 0], final
        hidden, final = self.layer.sequence(x, dt, valid, start)
        fresh = self._fresh(len(x))
        # Readouts are affine, so the mean of the passes is the readout of the mean mask.
        return self._read(hidden * (self.masks.mean(0) if fresh is None else fresh), valid), final

    def _read(self, hidden: Tensor, valid: Tensor | None) -> Tensor:
        y: Tensor = self.readout(hidden)
        return y if valid is None else y.where(valid[..., None], y.new_zeros(()))

    def _with_masked_inputs(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return outputs (B, P, T, O) and the final state, of one pass with a fresh mask in training."""
        batch, copies = len(x), self._copies()
        fresh = self._fresh(batch)
        masks = self.masks.expand(batch, -1, -1) if fresh is None else fresh
        states = [own.reshape(batch, copies, own.shape[1] // copies) for own in state]
        together = max(ROWS // max(batch, 1), 1)
        found, finals = [], []
        for first in range(0, copies, together):
            rows = slice(first, first + together)
            y, final = self._some(x, dt, valid, masks[:, rows], tuple(own[:, rows] for own in states))
            found.append(y)
            finals.append([own.unflatten(0, (batch, y.shape[1])) for own in final])
        joined = [torch.cat(parts, 1).flatten(1) for parts in zip(*finals, strict=True)]
        return torch.cat(found, 1), tuple(joined)

    def _some(self, x: Tensor, dt: Tensor, valid: Tensor | None, masks: Tensor, state: State) -> tuple[Tensor, State]:
        """Return outputs (B, P, T, O) and the final state (R, ...) of R = B P rows for masks (B, P, I)."""
        passes = masks.shape[1]
        real = None if valid is None else valid.repeat_interleave(passes, 0)
        masked = (x[:, None] * masks[:, :, None]).flatten(0, 1)
        times = dt.repeat_interleave(passes, 0)
        hidden, final = self.layer.sequence(masked, times, real, tuple(own.flatten(0, 1) for own in state))
        return self._read(hidden, real).unflatten(0, (len(x), passes)), final

    @torch.no_grad()
    def spread(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Spread | None:
        """Return mean and standard deviation (B, T, O) over the passes, from the initial state, in evaluation mode."""
        was_training = self.training
        self.eval()
        try:
            return self._spread(x, dt, valid)
        finally:
            self.train(was_training)

    def _spread(self, x: Tensor, dt: Tensor, valid: Tensor | None) -> Spread:
        start = self.initial_state(len(x))
        if self.place == "input":
            each = self._with_masked_inputs(x, dt, valid, start)[0].transpose(0, 1)
        else:
            hidden, _ = self.layer.sequence(x, dt, valid, start)
            each = torch.stack([self._read(hidden * mask, valid) for mask in self.masks])
        return each.mean(0), each.std(0, correction=0)

    def samples(self) -> list[SequenceModel]:
        """Return the model of each pass, with shared weights and that pass's mask alone; empty if there is one pass."""
        return [self._of_pass(k) for k in range(self.passes)] if self.passes > 1 else []

    def _of_pass(self, k: int) -> "DropoutModel":
        one = copy.copy(self)
        one._buffers = {"masks": self.masks[k : k + 1]}
        one.passes = 1
        return one

    def constrain(self) -> None:
        """Put the layer's parameters back into their admissible range."""
        self.layer.constrain()

    def structure(self) -> dict[str, int]:
        """Return the layer's counts and the number of passes."""
        return {**self.layer.structure(), "passes": self.passes}
