"""CfC: closed-form continuous-time network (Hasani et al., Nature Machine Intelligence 2022, arXiv 2106.13898).

With z = backbone([x, h]) and the elapsed time dt:
    default  h' = ff1 (1 - gate) + ff2 gate,   gate = sigmoid(+-time_a(z) dt + time_b(z))     (Eq. 4)
    no_gate  h' = ff1 + ff2 gate
    pure     h' = A - A exp(-dt (|w_tau| + |ff1|)) ff1                                        (Eq. 3, Cf-S)
ff1, ff2 pass through tanh in `default` and `no_gate`; ff1 is linear in `pure`. The paper and its TensorFlow code
have the gate's time with a minus sign, the PyTorch code with a plus.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, N backbone units.
"""

from typing import Any

from torch import Tensor

from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.cfc_cell import CfCCell, CfCOptions, linears
from lnncmp.layers.fused_cfc import draw_dropout, run_fused, stage_plan, stage_tensors
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


class CfCLayer(RecurrentLayer):
    """A CfC over a sequence; state (h,) or, with mixed memory, (h, c), each (B, H).

    `memory` None: plain. "replace_h" (PyTorch code): the LSTM cell's output replaces h, the CfC still reads x.
    "input_to_cfc" (TensorFlow code): the LSTM cell's output is the CfC's input, x is not read by it, and the LSTM's
    recurrent part reads the CfC's state.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        options: CfCOptions,
        memory: str | None = None,
        forget_bias: float = 1.0,
        head_mask: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.memory_variant = inputs, hidden, memory
        self.state_widths = (hidden,) if memory is None else (hidden, hidden)
        self.cell = CfCCell(hidden if memory == "input_to_cfc" else inputs, hidden, options, head_mask)
        self.memory = MemoryCell(inputs, hidden, forget_bias, options.init) if memory else None
        self.plans = [
            Plan((stage_plan(self.cell, self.memory, memory, inputs, dropped),), (0,)) for dropped in (False, True)
        ]
        self.memos: list[Any] = []

    def has_kernel(self) -> bool:
        """Return True: the kernel covers every CfC."""
        return True

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_cfc

        return write_cfc(self.cell, self.memory, self.memory_variant, program)

    @property
    def stackable(self) -> bool:
        """Whether copies can be computed in one call: not with dropout, whose draws belong to each copy."""
        return super().stackable and self.cell.options.backbone_dropout == 0.0

    def initial_state(self, batch: int) -> State:
        """Return zeros: (h,), or (h, c) with mixed memory, each (batch, H)."""
        zeros = linears(self.cell.heads.values())[0].bias.new_zeros(batch, self.width)
        return (zeros,) if self.memory is None else (zeros, zeros)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return states (B, T, H) and the final state for x (B, T, I), dt (B, T), valid (B, T).

        The kernel has no gradient for dt; where that is wanted, the loop runs.
        """
        if self.implementation == "fused" and not dt.requires_grad:
            drops = self.cell.drops()
            factors = draw_dropout(self.cell, x.shape[1], x.shape[0]) if drops else None
            tensors = stage_tensors(self.cell, self.memory, factors)
            return run_fused(self.plans[drops], self.memos, tensors, x, dt, valid, state)
        x, dt = blank_padding(x, dt, valid)
        x, elapsed = x.transpose(0, 1), dt.t()[..., None]
        if self.memory is None:
            return self._plain(x, elapsed, valid, state)
        return self._mixed(self.memory, x, elapsed, valid, state)

    def _plain(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Run the cell alone over x (T, B, I), dt (T, B, 1)."""
        update = self.cell.prepare()
        (h,) = state
        outputs = []
        reals = time_major(valid, x.shape[0])
        for drive, dt_t, real in zip(update.drive(x).unbind(0), dt.unbind(0), reals, strict=True):
            h = hold(real, update.advance(drive, h, dt_t), h)
            outputs.append(h)
        return stack_steps(outputs, self.width, h), (h,)

    def _mixed(
        self, memory: MemoryCell, x: Tensor, dt: Tensor, valid: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        """Run the memory cell, then the cell, at every step of x (T, B, I), dt (T, B, 1)."""
        update = self.cell.prepare()
        replaces = self.memory_variant == "replace_h"
        h, c = state
        outputs = []
        reals = time_major(valid, x.shape[0])
        gates = memory.drive(x).unbind(0)
        drives = update.drive(x).unbind(0) if replaces else gates
        for gate, drive, dt_t, real in zip(gates, drives, dt.unbind(0), reals, strict=True):
            u, new_c = memory.advance(gate, h, c)
            new_h = update.advance(drive, u, dt_t) if replaces else update.advance(update.drive(u), h, dt_t)
            h, c = hold(real, new_h, h), hold(real, new_c, c)
            outputs.append(h)
        return stack_steps(outputs, self.width, h), (h, c)
