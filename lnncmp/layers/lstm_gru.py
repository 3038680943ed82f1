"""LSTM and GRU: the baselines, by a fused kernel, by torch's own or unrolled in plain PyTorch.

LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), as in torch.nn.LSTM:
    i, f, o = sigmoid(...), g = tanh(...);  c' = f c + i g;  h' = o tanh(c')
GRU (Cho et al. 2014), as in torch.nn.GRU:
    r, z = sigmoid(...);  n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h
Both ignore the elapsed time dt. Parameters have torch's names, shapes and initialisation.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from lnncmp.kernels.common.sequence_function import run
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.plain_gated import gru_loop, gru_twin, lstm_loop, lstm_twin
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding
from lnncmp.layers.sequence_model import State

LSTM, GRU = "gated lstm", "gated gru"
"""Keys of the kernels."""


def run_fused(weights: list[Tensor], x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and the final state by one kernel for the sequence; it blanks padding itself.

    `weights` are w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H,); a state of (h, c) makes it an LSTM, of (h,) a GRU.
    """
    key, twin = (LSTM, lstm_twin) if len(state) == 2 else (GRU, gru_twin)
    hidden, *final = run(key, twin, (x, None, valid, *state, *weights))
    return hidden, tuple(final)


def _streams(x: Tensor, valid: Tensor | None) -> bool:
    """Return whether x (B, T, I) is one step that no gradient will be asked of: torch's cell has less to prepare."""
    one = valid is None and x.shape[1] == 1 and x.shape[0] > 0
    # Neither torch.lstm_cell nor torch.gru_cell works well under vmap.
    return one and not torch.is_grad_enabled() and not torch._C._are_functorch_transforms_active()


class GatedLayer(RecurrentLayer):
    """What LSTM, GRU and RNN share: the parameters of one layer of torch.nn, with its names, shapes and initialisation.

    It is no torch.nn.RNNBase, whose cached list of weights functional_call does not replace, and which torch.compile
    refuses. `init`: `torch` is U(-1/sqrt H, 1/sqrt H), `keras` is glorot, orthogonal and zero biases.
    """

    gates: int
    fallback = "torch"

    def __init__(self, inputs: int, hidden: int, implementation: str, init: str) -> None:
        super().__init__()
        rows = self.gates * hidden
        self.weight_ih_l0 = nn.Parameter(torch.empty(rows, inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(rows, hidden))
        self.bias_ih_l0 = nn.Parameter(torch.empty(rows))
        self.bias_hh_l0 = nn.Parameter(torch.empty(rows))
        self.chosen, self.inputs, self.width = implementation, inputs, hidden
        bound = 1.0 / math.sqrt(hidden) if hidden else 0.0
        for weight in self.weights():
            nn.init.uniform_(weight, -bound, bound)
        if init == "keras":
            nn.init.xavier_uniform_(self.weight_ih_l0)
            nn.init.orthogonal_(self.weight_hh_l0)
            nn.init.zeros_(self.bias_ih_l0)
            nn.init.zeros_(self.bias_hh_l0)

    def weights(self) -> list[Tensor]:
        """Return w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H,)."""
        return [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]

    def initial_state(self, batch: int) -> State:
        """Return zeros (batch, H) for each tensor of the state."""
        zeros = self.weight_hh_l0.new_zeros(batch, self.width)
        return (zeros,) * len(self.state_widths)

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and the final state for x (B, T, I), valid (B, T); dt is ignored."""
        implementation = self.implementation
        if implementation == "fused":
            return self._step(x, state) if _streams(x, valid) else self._fused(x, valid, state)
        x, _ = blank_padding(x, dt, valid)
        if implementation == "torch" and x.shape[0] and x.shape[1]:
            return self._kernel(x, valid, state)
        return self._loop(x, valid, state)

    def _fused(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Compute x by the kernel of this project."""
        return run_fused(self.weights(), x, valid, state)

    def _last(self, hidden: Tensor, valid: Tensor | None, h: Tensor) -> Tensor:
        """Return h after the last real step of each row, off the hidden states (B, T, H) and the h at the start."""
        if valid is None:
            return hidden[:, -1]
        path = torch.cat([h[:, None], hidden], 1)
        real_steps = valid.sum(1)[:, None, None].expand(-1, 1, self.width)
        return path.gather(1, real_steps)[:, 0]

    @abstractmethod
    def _step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute one step x (B, 1, I) by torch's cell."""

    @abstractmethod
    def _kernel(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Compute blanked x by torch's kernel."""

    @abstractmethod
    def _loop(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Compute blanked x step by step in plain PyTorch."""


class LSTMLayer(GatedLayer):
    """One LSTM layer; state (h, c), each (B, H).

    `implementation` "fused" runs the kernel of this project, "torch" that of torch.nn.LSTM; "loop" is the unrolled
    twin; "auto" is "fused" on a CPU and "torch" elsewhere. torch's kernel gives no cell state but the last, so a
    padded batch whose final state is asked for (`sequence`) runs the loop there; `outputs` needs no state and always
    runs the kernel. Only "torch" does not work under vmap.
    `forget_bias` is added to the forget gate's bias at the start (0 is torch's own initialisation).
    """

    gates = 4

    def __init__(
        self,
        inputs: int,
        hidden: int,
        implementation: str = "auto",
        forget_bias: float = 0.0,
        init: str = "torch",
    ) -> None:
        super().__init__(inputs, hidden, implementation, init)
        self.state_widths = (hidden, hidden)
        with torch.no_grad():
            self.bias_ih_l0[hidden : 2 * hidden] += forget_bias

    def _outputs(self, x: Tensor, dt: Tensor, valid: Tensor | None) -> Tensor:
        """Return hidden states (B, T, H) from the initial state for x (B, T, I), valid (B, T); dt is ignored."""
        if self.implementation == "torch":
            # Padding is at the end and the layer is causal: blanked padding cannot reach a real step.
            (x, dt), valid = blank_padding(x, dt, valid), None
        return self.sequence(x, dt, valid, self.initial_state(x.shape[0]))[0]

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_lstm

        return write_lstm(self.weights(), program)

    def kernel_call(self) -> KernelCall:
        """Return the operation and its weights."""
        return KernelCall(LSTM, self.weights())

    def _step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = torch.lstm_cell(x[:, 0], state, *self.weights())
        return h[:, None], (h, c)

    def _kernel(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        if valid is not None:
            return self._loop(x, valid, state)
        start = [s[None] for s in state]
        hidden, h, c = torch.lstm(x, start, self.weights(), True, 1, 0.0, self.training, False, True)
        return hidden, (h[0], c[0])

    def _loop(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        return lstm_loop(self.weights(), x, valid, state)


class GRULayer(GatedLayer):
    """One GRU layer; state (h,) of shape (B, H).

    `implementation` as for LSTMLayer; with "torch" the padded final state is read off the hidden states, so
    torch's kernel runs there too.
    """

    gates = 3

    def __init__(self, inputs: int, hidden: int, implementation: str = "auto", init: str = "torch") -> None:
        super().__init__(inputs, hidden, implementation, init)
        self.state_widths = (hidden,)

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_gru

        return write_gru(self.weights(), program)

    def kernel_call(self) -> KernelCall:
        """Return the operation and its weights."""
        return KernelCall(GRU, self.weights())

    def _step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.gru_cell(x[:, 0], state[0], *self.weights())
        return h[:, None], (h,)

    def _kernel(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        (h,) = state
        hidden, _ = torch.gru(x, h[None], self.weights(), True, 1, 0.0, self.training, False, True)
        return hidden, (self._last(hidden, valid, h),)

    def _loop(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        return gru_loop(self.weights(), x, valid, state)
