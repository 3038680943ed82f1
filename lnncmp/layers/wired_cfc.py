"""A CfC wired as a neural circuit policy: one small CfC without backbone for each layer of the wiring.

Layer l reads the new states of layer l - 1 (the inputs, for the first), as in ncps.torch.WiredCfCCell. Layers
have no feedback between them, so each is evaluated over the whole sequence before the next. Signs of synapses play no
role.

`masking` "all_heads": an absent synapse is absent from all four heads, and within a layer a neuron reads itself and
the neurons that the wiring connects to it. "ncps" reproduces that library for comparison: only ff1 and ff2 are
masked, and every layer is fully connected within itself, independent of the wiring.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons, M neurons of the last layer that are outputs.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.common.operation import Memory
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.cfc import CfCLayer
from lnncmp.layers.cfc_cell import CfCOptions, CfCWeights
from lnncmp.layers.fused_cfc import run_fused, stage_plan, stage_tensors
from lnncmp.layers.plain_cfc import run_plain
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer
from lnncmp.layers.sequence_model import State
from lnncmp.layers.twin_cfc import plan_twin
from lnncmp.layers.wiring import Wiring

HEADS = 4
"""Heads of a CfC in mode default or no_gate: ff1, ff2, time_a, time_b, in this order."""


def head_mask(wiring: Wiring, layer: int, masking: str) -> Tensor:
    """Return the mask (4 heads, H_l, I_l + H_l) of bool of one layer's heads; I_l sources, then the layer itself."""
    here = list(wiring.layers[layer])
    if layer == 0:
        sources = wiring.sensory_polarity[:, here]
    else:
        sources = wiring.polarity[np.ix_(list(wiring.layers[layer - 1]), here)]
    own = wiring.polarity[np.ix_(here, here)] != 0
    within = own | np.eye(len(here), dtype=bool) if masking == "all_heads" else np.ones_like(own)
    mask = torch.as_tensor(np.concatenate([sources != 0, within]).T)
    time_mask = mask if masking == "all_heads" else torch.ones_like(mask)
    return torch.stack([mask, mask, time_mask, time_mask])


def stages_tensors(cells: Sequence[CfCWeights]) -> list[Tensor]:
    """Return the tensors of all cells, in the order of the kernel."""
    return [tensor for cell in cells for tensor in stage_tensors(cell, None, None)]


class WiredRunner:
    """Computes sequences with one cell for each layer of a wiring, by the kernel or by plain PyTorch.

    It keeps what the kernel has to know of them, not the modules themselves: their owner gives them at each call. The
    kernel expects that each layer's neurons are consecutive, as in every wiring here; without a plan the loop runs.
    """

    def __init__(self, cells: Sequence[CfCWeights], layers: Sequence[Sequence[int]]) -> None:
        consecutive = all(list(layer) == list(range(layer[0], layer[0] + len(layer))) for layer in layers)
        stages = tuple(stage_plan(cell, None, None, cell.inputs, False) for cell in cells)
        self.plan = Plan(stages, tuple(layer[0] for layer in layers)) if consecutive else None
        self.scratch = Memory()

    def run(
        self,
        cells: Sequence[CfCWeights],
        order: Tensor,
        x: Tensor,
        dt: Tensor,
        valid: Tensor | None,
        state: State,
        fused: bool,
    ) -> tuple[Tensor, State]:
        """Return the states (B, T, H) of all neurons in the wiring's own order, and the final state.

        `order` (H,) gives for each neuron its place in the order of the signal.
        """
        if self.plan is not None and fused:
            tensors = stages_tensors(cells)
            twin = partial(plan_twin, self.plan)
            return run_fused(self.plan, twin, self.scratch, tensors, x, dt, valid, state)
        hidden, paths, finals = x, [], []
        for cell, start in zip(cells, state, strict=True):
            hidden, (final,) = run_plain(cell, None, None, hidden, dt, valid, (start,))
            paths.append(hidden)
            finals.append(final)
        return torch.cat(paths, 2).index_select(2, order), tuple(finals)


class WiredCfCLayer(RecurrentLayer):
    """A wired CfC over a sequence; state: one tensor (B, H_l) for each layer of the wiring, in signal order.

    It gives the states of all neurons in the wiring's own order, so that the motor neurons come first.
    """

    order: Tensor

    def __init__(self, wiring: Wiring, masking: str = "all_heads", mode: str = "default") -> None:
        super().__init__()
        self.inputs, self.width, self.wiring = wiring.inputs, wiring.neurons, wiring
        self.state_widths = tuple(len(layer) for layer in wiring.layers)
        options = CfCOptions(mode=mode, backbone_layers=0)
        sources = [wiring.inputs, *(len(layer) for layer in wiring.layers)]
        self.layers = nn.ModuleList(
            CfCLayer(sources[k], len(layer), options, head_mask=head_mask(wiring, k, masking))
            for k, layer in enumerate(wiring.layers)
        )
        signal_order = torch.tensor([neuron for layer in wiring.layers for neuron in layer])
        self.register_buffer("order", signal_order.argsort(), persistent=False)
        self.runner = WiredRunner(self._cells(), wiring.layers)

    def has_kernel(self) -> bool:
        """Return whether each layer's neurons are consecutive, as in every wiring here: the kernel expects it."""
        return self.runner.plan is not None

    def kernel_call(self) -> KernelCall | None:
        """Return the operation of the plan and its tensors; None without a plan."""
        plan = self.runner.plan
        return None if plan is None else KernelCall(plan.key, stages_tensors(self._cells()))

    def stages(self) -> list[CfCLayer]:
        """Return the CfC of each layer of the wiring, in signal order."""
        return [layer for layer in self.layers if isinstance(layer, CfCLayer)]

    def _cells(self) -> list[CfCWeights]:
        return [layer.cell for layer in self.stages()]

    def write_step(self, program: StepProgram) -> int | None:
        """Write one step for steppers."""
        if not self.has_kernel():
            return None
        from lnncmp.layers.step_programs import write_wired_cfc

        return write_wired_cfc(self._cells(), self.wiring.layers, program)

    def initial_state(self, batch: int) -> State:
        """Return zeros, one tensor (batch, H_l) for each layer of the wiring."""
        return tuple(layer.initial_state(batch)[0] for layer in self.stages())

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return the states (B, T, H) of all neurons and the final state for x (B, T, I), dt, valid (B, T)."""
        return self.runner.run(self._cells(), self.order, x, dt, valid, state, self.uses_kernel(dt))

    def structure(self) -> dict[str, int]:
        """Return the wiring's counts of neurons and synapses."""
        return self.wiring.structure()
