"""The Elman network (1990) as in torch.nn.RNN: h' = tanh(W x + b + U h + c); it ignores the elapsed time.

Its kernel is that of additive networks, since h' is one Euler step of length 1 of dh/dt = tanh(...) - h.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

import torch
from torch import Tensor

from lnncmp.layers.additive import AdditiveWeights, Scheme, additive_loop, run_additive
from lnncmp.layers.lstm_gru import GatedLayer
from lnncmp.layers.recurrent_layer import KernelCall
from lnncmp.layers.sequence_model import State

_EULER = Scheme(step=1.0)
"""One Euler step of length 1."""


class RNNLayer(GatedLayer):
    """One layer of an Elman network; state (h,) of shape (B, H). `implementation` and `init` as for GRULayer."""

    gates = 1

    def __init__(self, inputs: int, hidden: int, implementation: str = "auto", init: str = "torch") -> None:
        super().__init__(inputs, hidden, implementation, init)
        self.state_widths = (hidden,)

    def kernel_call(self) -> KernelCall:
        """Return the kernel and its weights."""
        return KernelCall(_EULER.key(rate=1.0, biases=2, scaled=False), self.weights())

    def _acting(self, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> AdditiveWeights:
        one = b_ih.new_ones(self.width)
        return AdditiveWeights(w_ih, b_ih + b_hh, w_hh, one, one)

    def _fused(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        dt = x.new_ones(x.shape[:2])
        return run_additive(self.kernel_call(), _EULER, self._acting, x, dt, valid, *state)

    def _step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.rnn_tanh_cell(x[:, 0], state[0], *self.weights())
        return h[:, None], (h,)

    def _kernel(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        (h,) = state
        hidden, _ = torch.rnn_tanh(x, h[None], self.weights(), True, 1, 0.0, self.training, False, True)
        return hidden, (self._last(hidden, valid, h),)

    def _loop(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        weights, lengths = self._acting(*self.weights()), x.new_ones(x.shape[:2])
        return additive_loop(_EULER, weights, x, lengths, valid, *state)
