"""A CfC wired as a neural circuit policy: one small CfC without backbone for each layer of the wiring.

Layer l reads the new states of layer l - 1 (the inputs, for the first), as in ncps.torch.WiredCfCCell. Layers
have no feedback between them, so each is evaluated over the whole sequence before the next. Signs of synapses play no
role.

`masking` "all_heads": an absent synapse is absent from all four heads, and within a layer a neuron reads itself and
the neurons that the wiring connects to it. "ncps" reproduces that library for comparison: only ff1 and ff2 are
masked, and every layer is fully connected within itself, independent of the wiring.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons, M neurons of the last layer that are outputs.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.cfc import CfCLayer
from lnncmp.layers.cfc_cell import CfCOptions
from lnncmp.layers.fused_cfc import run_fused, stage_tensors
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.sequence_model import State
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
        stages = tuple(stage.plans[False].stages[0] for stage in self._stages())
        self.plan = Plan(stages, tuple(layer[0] for layer in wiring.layers))
        self.memos: list[Any] = []

    def has_kernel(self) -> bool:
        """Return whether each layer's neurons are consecutive, as in every wiring here: the kernel expects it."""
        return all(layer == tuple(range(layer[0], layer[0] + len(layer))) for layer in self.wiring.layers)

    def _stages(self) -> list[CfCLayer]:
        return [layer for layer in self.layers if isinstance(layer, CfCLayer)]

    def write_step(self, program: StepProgram) -> int | None:
        """Write one step for steppers."""
        if not self.has_kernel():
            return None
        from lnncmp.layers.step_programs import write_wired_cfc

        return write_wired_cfc([stage.cell for stage in self._stages()], self.wiring.layers, program)

    def initial_state(self, batch: int) -> State:
        """Return zeros, one tensor (batch, H_l) for each layer of the wiring."""
        return tuple(layer.initial_state(batch)[0] for layer in self._stages())

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return the states (B, T, H) of all neurons and the final state for x (B, T, I), dt, valid (B, T).

        The kernel has no gradient for dt; where that is wanted, the loop runs.
        """
        if self.implementation == "fused" and not dt.requires_grad:
            tensors = [tensor for stage in self._stages() for tensor in stage_tensors(stage.cell, None, None)]
            return run_fused(self.plan, self.memos, tensors, x, dt, valid, state)
        hidden, paths, finals = x, [], []
        for layer, start in zip(self._stages(), state, strict=True):
            layer.chosen = "loop"
            hidden, (final,) = layer.sequence(hidden, dt, valid, (start,))
            paths.append(hidden)
            finals.append(final)
        return torch.cat(paths, 2).index_select(2, self.order), tuple(finals)

    def structure(self) -> dict[str, int]:
        """Return the wiring's counts of neurons and synapses."""
        return self.wiring.structure()
