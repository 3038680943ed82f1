"""CfC: closed-form continuous-time network (Hasani et al., Nature Machine Intelligence 2022, arXiv 2106.13898).

With z = backbone([x, h]) and the elapsed time dt:
    default  h' = ff1 (1 - gate) + ff2 gate,   gate = sigmoid(+-time_a(z) dt + time_b(z))     (Eq. 4)
    no_gate  h' = ff1 + ff2 gate
    pure     h' = A - A exp(-dt (|w_tau| + |ff1|)) ff1                                        (Eq. 3, Cf-S)
ff1, ff2 pass through tanh in `default` and `no_gate`; ff1 is linear in `pure`. The paper and its TensorFlow code
have the gate's time with a minus sign, the PyTorch code with a plus.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, N backbone units.
"""

from functools import partial

from torch import Tensor

from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.common.operation import Memory
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.cfc_cell import CfCCell, CfCOptions, CfCWeights
from lnncmp.layers.fused_cfc import draw_dropout, run_fused, stage_plan, stage_tensors
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.plain_cfc import run_plain
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer
from lnncmp.layers.sequence_model import State
from lnncmp.layers.twin_cfc import plan_twin


class CfCRunner:
    """Computes sequences with a cell, and with a memory cell if `memory` is one, by the kernel or by plain PyTorch.

    It keeps what the kernel has to know of them, not the modules themselves: their owner gives them at each call.
    """

    def __init__(self, cell: CfCWeights, memory: MemoryCell | None, variant: str | None, inputs: int) -> None:
        self.variant = variant
        self.plans = [Plan((stage_plan(cell, memory, variant, inputs, dropped),), (0,)) for dropped in (False, True)]
        self.scratch = Memory()

    def run(
        self,
        cell: CfCWeights,
        memory: MemoryCell | None,
        x: Tensor,
        dt: Tensor,
        valid: Tensor | None,
        state: State,
        fused: bool,
    ) -> tuple[Tensor, State]:
        """Return states (B, T, H) and the final state for x (B, T, I), dt (B, T), valid (B, T)."""
        if not fused:
            return run_plain(cell, memory, self.variant, x, dt, valid, state)
        drops = cell.drops()
        factors = draw_dropout(cell, x.shape[1], x.shape[0]) if drops else None
        tensors = stage_tensors(cell, memory, factors)
        plan = self.plans[drops]
        return run_fused(plan, partial(plan_twin, plan), self.scratch, tensors, x, dt, valid, state)


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
        self.inputs, self.width = inputs, hidden
        self.state_widths = (hidden,) if memory is None else (hidden, hidden)
        self.cell = CfCCell(hidden if memory == "input_to_cfc" else inputs, hidden, options, head_mask)
        self.memory = MemoryCell(inputs, hidden, forget_bias, options.init) if memory else None
        self.runner = CfCRunner(self.cell, self.memory, memory, inputs)

    def has_kernel(self) -> bool:
        """Return True: the kernel covers every CfC."""
        return True

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_cfc

        return write_cfc(self.cell, self.memory, self.runner.variant, program)

    def kernel_call(self) -> KernelCall | None:
        """Return the operation of the plan and its tensors; None with dropout."""
        if self.cell.options.backbone_dropout > 0.0:
            return None
        return KernelCall(self.runner.plans[0].key, stage_tensors(self.cell, self.memory, None))

    @property
    def stackable(self) -> bool:
        """Whether copies can be computed in one call: not with dropout, whose draws belong to each copy."""
        return super().stackable and self.cell.options.backbone_dropout == 0.0

    def initial_state(self, batch: int) -> State:
        """Return zeros: (h,), or (h, c) with mixed memory, each (batch, H)."""
        zeros = self.cell.head_maps()[0].bias.new_zeros(batch, self.width)
        return (zeros,) if self.memory is None else (zeros, zeros)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return states (B, T, H) and the final state for x (B, T, I), dt (B, T), valid (B, T)."""
        fused = self.uses_kernel(dt)
        return self.runner.run(self.cell, self.memory, x, dt, valid, state, fused)
