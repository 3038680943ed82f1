"""Blocks of a network one after the other, each with a state of its own: what state-space models are made of.

Legend of shape suffixes: B batch, T steps, I inputs, H features of a block.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, glu, layer_norm, linear

from lnncmp.layers.of_each import of_each
from lnncmp.layers.readout import LinearReadout
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding
from lnncmp.layers.sequence_model import State


class Block(nn.Module, ABC):
    """A causal map from u (B, T, features in) to (B, T, `width`) with a state of its own, zero at the start."""

    width: int
    """Features that it gives at each step."""
    state_widths: tuple[int, ...]
    """Features of each tensor of the state."""
    has_kernel: bool = False
    """Whether a fused kernel computes it as it is set up."""

    @abstractmethod
    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, width) and the final state for u (B, T, ...) and dt (B, T), finite at padding too.

        The state is kept at padding. `fused`: by the kernel, if there is one.
        """

    def kernel_call(self) -> KernelCall | None:
        """Return the text and the weights of what computes the block without torch (lnncmp.kernels.blocks), if any.

        A subclass that computes something else than its base has to override it.
        """
        return None


class MixingBlock(Block):
    """A block that ends as in S4D: GLU(W GELU(y + D u) + b), W of shape (2H, H), D (H,) drawn from N(0, 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.skip = nn.Parameter(torch.randn(width))
        self.mix = LinearReadout(width, 2 * width)

    def mixing_weights(self) -> list[Tensor]:
        """Return the weights of the mixing, in the order of its kernels."""
        return [self.skip, self.mix.weight, self.mix.bias]

    def finish(self, y: Tensor, u: Tensor) -> Tensor:
        """Return the block's outputs (B, T, H) for those of its state y and its inputs u, both (B, T, H)."""
        return of_each(_mixed, (y, u), self.mixing_weights())[0]


def _mixed(y: Tensor, u: Tensor, skip: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor]:
    return (glu(linear(gelu(torch.addcmul(y, skip, u)), weight, bias), dim=-1),)


def _normalised(u: Tensor) -> tuple[Tensor]:
    return (layer_norm(u, u.shape[-1:]),)


class BlockStack(RecurrentLayer):
    """Blocks one after the other; the state is that of the first block, then of the second, and so on.

    `residual`: an affine map of the inputs to H features comes first, then u <- u + block(u), and with `norm` each sum
    is normalised over its features (no parameters). Otherwise a block reads what the one before it gives. `fixed`:
    every elapsed time counts as 1.
    """

    def __init__(
        self, inputs: int, blocks: Sequence[Block], *, residual: bool = True, norm: bool = False, fixed: bool = False
    ) -> None:
        super().__init__()
        self.inputs, self.width = inputs, blocks[-1].width
        self.encoder = LinearReadout(inputs, self.width) if residual else nn.Identity()
        self.blocks = nn.ModuleList(blocks)
        self.state_widths = tuple(width for block in blocks for width in block.state_widths)
        self.residual, self.norm, self.fixed, self._kernel = residual, norm, fixed, blocks[0].has_kernel

    def has_kernel(self) -> bool:
        """Return whether the blocks have one."""
        return self._kernel

    def initial_state(self, batch: int) -> State:
        """Return zeros (batch, width of each tensor of the state)."""
        like = self.sample_weight()
        return tuple(like.new_zeros(batch, width) for width in self.state_widths)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return the last block's outputs (B, T, H) and all final states for x (B, T, I), dt and valid (B, T)."""
        x, dt = blank_padding(x, dt, valid)
        dt = torch.ones_like(dt) if self.fixed else dt
        u, fused, rest = self.encoder(x), self.uses_kernel(dt), list(state)
        final: list[Tensor] = []
        for block in self.blocks:
            assert isinstance(block, Block)
            count = len(block.state_widths)
            own, rest = tuple(rest[:count]), rest[count:]
            y, own = block.run(u, dt, valid, own, fused)
            u = u + y if self.residual else y
            u = of_each(_normalised, (u,))[0] if self.norm else u
            final += own
        return u, tuple(final)

    def kernel_call(self) -> KernelCall | None:
        """Return what computes all blocks, if each of them can be computed without torch."""
        calls = [block.kernel_call() for block in self.blocks if isinstance(block, Block)]
        present = [call for call in calls if call is not None]
        if self.implementation != "fused" or len(present) < len(calls):
            return None
        joining, norm = "residual" if self.residual else "plain", "normed" if self.norm else "raw"
        form = f"blocks {joining} {norm} {'fixed' if self.fixed else 'elapsed'}"
        weights = [weight for call in present for weight in call.weights]
        return KernelCall("; ".join([form, *(call.key for call in present)]), [*self.encoder.parameters(), *weights])

    def structure(self) -> dict[str, int]:
        """Return the number of blocks."""
        return {"blocks": len(self.blocks)}
