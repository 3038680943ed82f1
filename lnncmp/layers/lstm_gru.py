"""LSTM and GRU: the baselines, by a fused kernel, by torch's own or unrolled in plain PyTorch.

LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), as in torch.nn.LSTM:
    i, f, o = sigmoid(...), g = tanh(...);  c' = f c + i g;  h' = o tanh(c')
GRU (Cho et al. 2014), as in torch.nn.GRU:
    r, z = sigmoid(...);  n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h
Both ignore the elapsed time dt. Parameters have torch's names, shapes and initialisation.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.activations import tanh
from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


def _start(layer: "LSTMLayer | GRULayer", init: str) -> None:
    """Draw the weights: `torch` leaves U(-1/sqrt H, 1/sqrt H), `keras` is glorot, orthogonal and zero biases."""
    if init == "keras":
        nn.init.xavier_uniform_(layer.weight_ih_l0)
        nn.init.orthogonal_(layer.weight_hh_l0)
        nn.init.zeros_(layer.bias_ih_l0)
        nn.init.zeros_(layer.bias_hh_l0)


def _weights(layer: "LSTMLayer | GRULayer") -> list[Tensor]:
    """Return the four weights as attributes, never torch's cached list, which functional_call does not replace."""
    return [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0]


def _fused(layer: "LSTMLayer | GRULayer", x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and the final state by one kernel for the sequence; it blanks padding itself."""
    from lnncmp.kernels.gated.function import (  # compiles, which only users of a kernel wait for
        GRU,
        LSTM,
        GatedSequence,
    )

    cell = LSTM if len(state) == 2 else GRU
    arguments = cell, x, valid, *_weights(layer), *state, torch.is_grad_enabled(), False
    hidden, *rest = GatedSequence.apply(*arguments)  # type: ignore[no-untyped-call]
    return hidden, tuple(rest[: len(state)])


def _streams(x: Tensor, valid: Tensor | None) -> bool:
    """Return whether x (B, T, I) is one step that no gradient will be asked of: torch's cell has less to prepare."""
    one = valid is None and x.shape[1] == 1 and x.shape[0] > 0
    # Neither torch.lstm_cell nor torch.gru_cell works well under vmap.
    return one and not torch.is_grad_enabled() and not torch._C._are_functorch_transforms_active()


class LSTMLayer(nn.LSTM, RecurrentLayer):
    """One LSTM layer; state (h, c), each (B, H).

    `implementation` "fused" runs the kernel of this project, "torch" that of torch.nn.LSTM; "loop" is the unrolled
    twin; "auto" is "fused" on a CPU and "torch" elsewhere. torch's kernel gives no cell state but the last, so a
    padded batch whose final state is asked for (`sequence`) runs the loop there; `outputs` needs no state and always
    runs the kernel. Only "torch" does not work under vmap.
    `forget_bias` is added to the forget gate's bias at the start (0 is torch's own initialisation).
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(
        self,
        inputs: int,
        hidden: int,
        implementation: str = "auto",
        forget_bias: float = 0.0,
        init: str = "torch",
    ) -> None:
        super().__init__(inputs, hidden, batch_first=True)
        self.chosen, self.fallback = implementation, "torch"
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden, hidden)
        _start(self, init)
        with torch.no_grad():
            self.bias_ih_l0[hidden : 2 * hidden] += forget_bias

    def initial_state(self, batch: int) -> State:
        """Return (h, c) = 0, each (batch, H)."""
        zeros = self.weight_hh_l0.new_zeros(batch, self.hidden_size)
        return zeros, zeros

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_lstm

        return write_lstm(self, program)

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and (h, c) for x (B, T, I), valid (B, T); dt is ignored."""
        implementation = self.implementation
        if implementation == "fused":
            if _streams(x, valid):
                h, c = torch.lstm_cell(x[:, 0], state, *_weights(self))
                return h[:, None], (h, c)
            return _fused(self, x, valid, state)
        x, _ = blank_padding(x, dt, valid)
        if implementation == "torch" and valid is None and x.shape[0] and x.shape[1]:
            return self._kernel(x, state)
        return self._loop(x, valid, state)

    def _outputs(self, x: Tensor, dt: Tensor, valid: Tensor | None) -> Tensor:
        """Return hidden states (B, T, H) from the initial state for x (B, T, I), valid (B, T); dt is ignored."""
        if self.implementation == "torch":
            # Padding is at the end and the layer is causal: blanked padding cannot reach a real step.
            (x, dt), valid = blank_padding(x, dt, valid), None
        return self.sequence(x, dt, valid, self.initial_state(x.shape[0]))[0]

    def _kernel(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        start = [s[None] for s in state]
        hidden, h, c = torch.lstm(x, start, _weights(self), True, 1, 0.0, self.training, False, True)
        return hidden, (h[0], c[0])

    def _loop(self, x: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        w_ih, w_hh, b_ih, b_hh = _weights(self)
        recurrent = w_hh.t()
        h, c = state
        outputs = []
        drive = linear(x.transpose(0, 1), w_ih, b_ih + b_hh).unbind(0)
        for z, real in zip(drive, time_major(valid, x.shape[1]), strict=True):
            i, f, g, o = torch.addmm(z, h, recurrent).chunk(4, 1)
            new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * tanh(g)
            new_h = torch.sigmoid(o) * tanh(new_c)
            h, c = hold(real, new_h, h), hold(real, new_c, c)
            outputs.append(h)
        return stack_steps(outputs, self.width, x), (h, c)


class GRULayer(nn.GRU, RecurrentLayer):
    """One GRU layer; state (h,) of shape (B, H).

    `implementation` as for LSTMLayer; with "torch" the padded final state is read off the hidden states, so
    torch's kernel runs there too.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, inputs: int, hidden: int, implementation: str = "auto", init: str = "torch") -> None:
        super().__init__(inputs, hidden, batch_first=True)
        self.chosen, self.fallback = implementation, "torch"
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden,)
        _start(self, init)

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H)."""
        return (self.weight_hh_l0.new_zeros(batch, self.hidden_size),)

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_gru

        return write_gru(self, program)

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and (h,) for x (B, T, I), valid (B, T); dt is ignored."""
        implementation = self.implementation
        if implementation == "fused":
            if _streams(x, valid):
                h = torch.gru_cell(x[:, 0], state[0], *_weights(self))
                return h[:, None], (h,)
            return _fused(self, x, valid, state)
        x, _ = blank_padding(x, dt, valid)
        if implementation == "torch" and x.shape[0] and x.shape[1]:
            return self._kernel(x, valid, state[0])
        return self._loop(x, valid, state[0])

    def _kernel(self, x: Tensor, valid: Tensor | None, h: Tensor) -> tuple[Tensor, State]:
        hidden, last = torch.gru(x, h[None], _weights(self), True, 1, 0.0, self.training, False, True)
        if valid is None:
            return hidden, (last[0],)
        path = torch.cat([h[:, None], hidden], 1)
        real_steps = valid.sum(1)[:, None, None].expand(-1, 1, self.hidden_size)
        return hidden, (path.gather(1, real_steps)[:, 0],)

    def _loop(self, x: Tensor, valid: Tensor | None, h: Tensor) -> tuple[Tensor, State]:
        w_ih, w_hh, b_ih, b_hh = _weights(self)
        recurrent = w_hh.t()
        outputs = []
        drive = linear(x.transpose(0, 1), w_ih, b_ih).unbind(0)
        for z, real in zip(drive, time_major(valid, x.shape[1]), strict=True):
            in_r, in_z, in_n = z.chunk(3, 1)
            rec_r, rec_z, rec_n = torch.addmm(b_hh, h, recurrent).chunk(3, 1)
            update = torch.sigmoid(in_z + rec_z)
            candidate = tanh(in_n + torch.sigmoid(in_r + rec_r) * rec_n)
            h = hold(real, torch.lerp(candidate, h, update), h)
            outputs.append(h)
        return stack_steps(outputs, self.width, x), (h,)
