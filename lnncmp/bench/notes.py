"""What is to be known beside the numbers: how they were measured, what stands for what, and what looks wrong."""

from collections.abc import Sequence

from lnncmp.bench.result import BenchRow

MOST_DIFFERENCE = 1e-3
"""Largest difference of outputs, over the largest output, at which two networks count as the same (float32)."""

_TRAIN = (
    "A training step is zero_grad, forward, mean squared error, backward and Adam(fused=True), in float32, the same "
    "for all. Times are medians of rounds in which the networks of a workload take turns inside one process, short "
    "ones for 20 ms each; [ ] are quartiles. Ratios are the peer's wall time over a row's: above 1 the row is faster. "
    "ncps is compared by model and wiring."
)
_SAME = (
    "Both sides have the same weights, wiring (AutoNCP with seed 1) and readout; a wired CfC has the masks of ncps. "
    "Where times are irregular ncps's cell runs in a loop with dt of shape (B, 1), because its layers mistake batched "
    "timespans."
)
_LIMIT = (
    "Of the limit: the least time for the operations of a training step, at this machine's own rates of multiply-adds "
    "(matrix products) and sigmoids, over the time taken. LTC: (6 x synapses + sensory synapses) x B x T sigmoids, and "
    "as many in the backward pass at 1.25 times their cost. CfC, LSTM, GRU: 3 multiply-adds for each weight, step and "
    "sample, and the sigmoids of the forward pass; a CfC's two gate heads count as one where times are regular. "
    "Readout, optimiser and memory traffic are left out."
)
_MEMORY = (
    "Saved for backward: distinct tensors that one forward pass keeps, weights left out. Peak memory: growth over two "
    "training steps in a fresh process, after one on a single step of the sequence."
)
_LATENCY = "Latency: one streaming step at batch 1, without gradients; ncps by its cell, torch.nn by its layer."
_COMPILE = (
    "First compile: what the first training step takes longer in a fresh process where no kernel was compiled before; "
    "it comes once a machine and is in no other time."
)
_STACKED = "Stacked: one training step of several networks in one call, against steps of the peer one after the other."
_OPTIMIZER = (
    "Adam, default: its step on ncps's weights as torch gives it without arguments, which ncps's users mostly have; "
    "the training steps here use the fused one."
)


def explain(rows: Sequence[BenchRow], parts: frozenset[str]) -> list[str]:
    """Return the notes that belong to these rows."""
    notes = [_scaled(rows)] if any(row.scaled for row in rows) else []
    notes += [_TRAIN, _SAME, _LIMIT] if "train" in parts else [_SAME]
    notes += [_MEMORY] if "memory" in parts else []
    notes += [_LATENCY] if "latency" in parts else []
    notes += [_COMPILE] if any(row.compile_seconds is not None for row in rows) else []
    notes += [_STACKED] if any(row.stacked_ms is not None for row in rows) else []
    notes += [_OPTIMIZER] if any(row.default_optimizer_ms is not None for row in rows) else []
    return notes


def _scaled(rows: Sequence[BenchRow]) -> str:
    scaled = [f"{row.workload} {row.label} ({row.measured_steps} steps)" for row in rows if row.scaled]
    return (
        f"~ scaled: measured at fewer steps of the sequence, because of its memory or time, and multiplied by the "
        f"number of steps: {', '.join(scaled)}."
    )


def output_warnings(rows: Sequence[BenchRow]) -> list[str]:
    """Return a sentence for each network whose outputs are not those of its peer for the same weights."""
    return [
        f"{row.workload}: outputs of {row.label} differ from its peer's by {row.output_difference:.2g} of the largest "
        "output: they do not compute the same."
        for row in rows
        if row.output_difference is not None and not row.output_difference <= MOST_DIFFERENCE
    ]
