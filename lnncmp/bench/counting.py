"""The operations of a network: its wiring's synapses, put into the formulas."""

import numpy as np

from lnncmp.bench import operations
from lnncmp.bench.contenders import Contender
from lnncmp.bench.operations import Operations, Sizes
from lnncmp.bench.peers import WIRING_SEED
from lnncmp.bench.workload import Workload
from lnncmp.cells.wired_cfc import head_mask
from lnncmp.cells.wiring import Wiring, auto_ncp

SPARSITY = 0.5
"""Of the AutoNCP wiring: the default here and in ncps."""


def operations_of(contender: Contender, workload: Workload) -> Operations:
    """Return the operations of a training step on the whole workload, the same for all implementations of a model.

    A wired CfC is counted with the masks of ncps, which the measured networks have on both sides.
    """
    sizes = Sizes(workload.batch, workload.steps, workload.inputs, workload.hidden, workload.irregular)
    if contender.model == "lstm":
        return operations.lstm(sizes)
    if contender.model == "gru":
        return operations.gru(sizes)
    if contender.wiring == "full":
        hidden = workload.hidden
        return (
            operations.cfc(sizes)
            if contender.model == "cfc"
            else operations.ltc(sizes, hidden**2, workload.inputs * hidden)
        )
    wiring = auto_ncp(workload.hidden, workload.inputs, workload.outputs, SPARSITY, WIRING_SEED)
    if contender.model == "ltc":
        counts = (int(np.count_nonzero(m)) for m in (wiring.polarity, wiring.sensory_polarity))
        return operations.ltc(sizes, *counts)
    return operations.wired_cfc(sizes, *_head_weights(wiring))


def _head_weights(wiring: Wiring) -> tuple[int, int]:
    """Return the weights that exist in both heads for states, and in one of the heads for the gate."""
    masks = [head_mask(wiring, layer, "ncps") for layer in range(len(wiring.layers))]
    return sum(int(mask[:2].sum()) for mask in masks), sum(int(mask[2].sum()) for mask in masks)
