"""A causal transformer over irregular times: a fixed number of past steps is attended to, so it can be streamed.

Vaswani et al. 2017 (arXiv 1706.03762) with normalisation before each part (Xiong et al. 2020, arXiv 2002.04745):
    a = W x + b + e(t);  for each block: a = a + attention(norm(a)), a = a + W2 gelu(W1 norm(a));  h = norm(a)
The time t of a step is the sum of the elapsed times up to it, and e(t) = (sin w t, cos w t) with frequencies w from 1
to about 1 / 10000. A step attends to itself and the `context` steps before it, in every block, whether it is computed
in a sequence or alone: the state holds what the blocks need of those steps.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, K heads, C steps of context, P past and new steps.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from lnncmp.kernels.common.torch_arrays import check_kind
from lnncmp.layers.precision import autocasts
from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding
from lnncmp.layers.sequence_model import State

LONGEST_PERIOD = 10000.0
"""The lowest frequency is about 1 / this, in units of the elapsed times (in the paper: of steps)."""


def heads_of(hidden: int, most: int) -> int:
    """Return the largest number of heads up to `most` that divides `hidden`."""
    return max(heads for heads in range(1, most + 1) if hidden % heads == 0)


class Block(nn.Module):
    """Attention to past steps, then two layers at each step; both behind a normalisation and added to what comes in.

    The maps to queries, keys and values have no bias: a bias of keys would change nothing.
    """

    def __init__(self, hidden: int, heads: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.step_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.query_map, self.key_map, self.value_map = (nn.Linear(hidden, hidden, bias=False) for _ in range(3))
        self.output_map = nn.Linear(hidden, hidden)
        self.inner, self.outer = nn.Linear(hidden, expansion * hidden), nn.Linear(expansion * hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, a: Tensor, past: Tensor | None, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return what goes to the next block (B, T, H), and keys and values (B, P, 2 H) of past and new steps.

        past: keys and values (B, C, 2 H) of past steps or None; visible (B or 1, T, P): what a step attends to.
        """
        normed = self.attention_norm(a)
        memory = torch.cat([self.key_map(normed), self.value_map(normed)], 2)
        if past is not None:
            memory = torch.cat([past, memory], 1)
        keys, values = memory.chunk(2, 2)
        seen = self._attend(self.query_map(normed), keys, values, visible)
        a = a + self.dropout(self.output_map(seen))
        return a + self.dropout(self.outer(gelu(self.inner(self.step_norm(a))))), memory

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor, visible: Tensor) -> Tensor:
        """Return the values (B, T, H) that the queries find, by scaled dot products in each head."""
        q, k, v = (own.unflatten(2, (self.heads, -1)).transpose(1, 2) for own in (queries, keys, values))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        weights = scores.where(visible[:, None], -math.inf).softmax(3)
        found: Tensor = weights @ v
        return found.transpose(1, 2).flatten(2)


class TransformerLayer(RecurrentLayer):
    """A causal transformer over a sequence of H-wide steps.

    The state is (keys and values of the last C steps in all blocks, the time, how many steps were seen, at most C), of
    widths (2 H C blocks, 1, 1): zeros at the start. Where there are fewer than C steps, the latest are last.
    """

    frequencies: Tensor

    def __init__(
        self,
        inputs: int,
        hidden: int,
        blocks: int = 2,
        heads: int = 4,
        expansion: int = 4,
        context: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.context = inputs, hidden, context
        self.state_widths = (2 * hidden * context * blocks, 1, 1)
        self.input_map = nn.Linear(inputs, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads_of(hidden, heads), expansion, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(hidden)
        count = -(-hidden // 2)
        self.register_buffer("frequencies", LONGEST_PERIOD ** (-torch.arange(count) / count), persistent=False)

    def initial_state(self, batch: int) -> State:
        """Return zeros (batch, width) of each tensor of the state."""
        like = self.sample_weight()
        return tuple(like.new_zeros(batch, width) for width in self.state_widths)

    def _outputs(self, x: Tensor, dt: Tensor, valid: Tensor | None) -> Tensor:
        """Return hidden states (B, T, H) from the initial state, where there are no past steps to look at."""
        weight = self.sample_weight()
        if autocasts(weight):
            return super()._outputs(x, dt, valid)
        check_kind(weight, x=x, dt=dt)
        return self._run(x, dt, valid, None)[0]

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and the final state for x (B, T, I), dt (B, T), valid (B, T)."""
        hidden, memories = self._run(x, dt, valid, state)
        _, dt = blank_padding(x, dt, valid)
        batch, steps = dt.shape
        real = dt.new_full((batch,), steps).long() if valid is None else valid.sum(1)
        latest = real[:, None] + torch.arange(self.context, device=x.device)
        kept = [own.gather(1, latest[..., None].expand(-1, -1, own.shape[2])) for own in memories]
        seen = (state[2] + real[:, None]).clamp(max=self.context)
        return hidden, (torch.stack(kept, 1).flatten(1), state[1] + dt.sum(1, keepdim=True), seen)

    def _run(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, list[Tensor]]:
        """Return hidden states (B, T, H) and each block's keys and values (B, P, 2 H) of past and new steps."""
        x, dt = blank_padding(x, dt, valid)
        pasts: tuple[Tensor | None, ...] = (None,) * len(self.blocks)
        times, visible = dt.cumsum(1), self._visible(x.shape[1], 0)
        if state is not None:
            pasts = state[0].unflatten(1, (len(self.blocks), self.context, -1)).unbind(1)
            times = times + state[1]
            known = torch.arange(self.context, device=x.device) >= self.context - state[2]
            known = torch.cat([known, known.new_ones(x.shape[:2])], 1)
            visible = self._visible(x.shape[1], self.context) & known[:, None]
        a = self.input_map(x) + self._encoded(times)
        memories = []
        for block, past in zip(self.blocks, pasts, strict=True):
            a, memory = block(a, past, visible)
            memories.append(memory)
        hidden: Tensor = self.norm(a)
        return hidden, memories

    def _visible(self, steps: int, past: int) -> Tensor:
        """Return which of the past and new steps each new one attends to, (1, T, P)."""
        places = torch.arange(-past, steps, device=self.frequencies.device)
        back = places[past:, None] - places
        return ((back >= 0) & (back <= self.context))[None]

    def _encoded(self, times: Tensor) -> Tensor:
        """Return the encoding (B, T, H) of times (B, T); of an odd H one cosine is left out."""
        angles = times[..., None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], 2)[..., : self.width]
