"""From raw figures to the rows of the result: medians, quartiles, ratios, scaling, the share of the limit reached."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lnncmp.bench.candidates import PEERS, REFERENCE, Candidate
from lnncmp.bench.messages import Found, PeakRates
from lnncmp.bench.result import BenchRow
from lnncmp.bench.workload import Workload

SCALED_PARTS = ("train", "inference", "stacked")
"""What takes a time in proportion to the steps of the sequence."""


@dataclass(frozen=True)
class Apart:
    """What was measured in processes of their own: peak bytes, and seconds of compilation, by network."""

    peaks: Mapping[Candidate, int] = field(default_factory=dict)
    compile_seconds: Mapping[Candidate, float] = field(default_factory=dict)


def rows_of(
    workload: Workload, found: Sequence[Found], apart: Apart, peak_rates: PeakRates | None, threads: int, copies: int
) -> list[BenchRow]:
    """Return one row for each network, in their order."""
    medians = _Medians(workload, found)
    rows = []
    for one in found:
        factor = workload.steps / one.steps
        values = {**_training(one, factor, medians), **_others(one, factor, medians, copies)}
        if peak_rates is not None:
            limit = one.operations.milliseconds(peak_rates.flops, peak_rates.sigmoids)
            values |= {"roofline_ms": limit, "roofline_fraction": limit / values["ms"] if "ms" in values else None}
        row = BenchRow(
            workload=workload.name,
            **asdict(one.candidate),
            threads=threads,
            saved_bytes=_multiplied(one.saved_bytes, factor),
            peak_bytes=_multiplied(apart.peaks.get(one.candidate), factor),
            compile_seconds=apart.compile_seconds.get(one.candidate),
            scaled=one.steps < workload.steps,
            measured_steps=one.steps,
            output_difference=one.difference,
            **values,
        )
        rows.append(row)
    return rows


class _Medians:
    """Median seconds of what was timed, by network, for the whole workload: on the clock, of the processor."""

    def __init__(self, workload: Workload, found: Sequence[Found]) -> None:
        self.wall, self.cpu = {}, {}
        for one in found:
            for part, samples in one.samples.items():
                factor = workload.steps / one.steps if part in SCALED_PARTS else 1.0
                self.wall[one.candidate, part] = factor * samples.quartiles()[1]
                self.cpu[one.candidate, part] = factor * samples.cpu_median()

    def ratios(self, one: Found, part: str, peers_part: str, times: int = 1) -> dict[str, float | None]:
        """Return how many times faster than ncps and torch.nn.LSTM, by both clocks; None where one is missing.

        The peers do `peers_part`, `times` times.
        """
        ncps = one.candidate.peer if PEERS[one.candidate.model] == "ncps" else None
        peers = {"ncps": ncps, "lstm": REFERENCE}
        found: dict[str, float | None] = {}
        for prefix, seconds in (("", self.wall), ("cpu_", self.cpu)):
            mine = seconds.get((one.candidate, part))
            for name, peer in peers.items():
                theirs = None if peer is None else seconds.get((peer, peers_part))
                found[f"{prefix}ratio_{name}"] = None if mine is None or theirs is None else times * theirs / mine
        return found


def _training(one: Found, factor: float, medians: _Medians) -> dict[str, Any]:
    """Return what a row says of training steps."""
    samples = one.samples.get("train")
    if samples is None:
        return {}
    low, middle, high = (1e3 * factor * seconds for seconds in samples.quartiles())
    times = {"ms": middle, "spread": (low, high), "cpu_ms": 1e3 * factor * samples.cpu_median()}
    return {**times, "rounds": len(samples.wall), **medians.ratios(one, "train", "train")}


def _others(one: Found, factor: float, medians: _Medians, copies: int) -> dict[str, Any]:
    """Return what a row says of everything else that was timed."""
    values: dict[str, Any] = {}
    units = {"inference": ("ms", 1e3 * factor), "latency": ("us", 1e6), "stacked": ("ms", 1e3 * factor)}
    for part, (unit, scale) in units.items():
        if samples := one.samples.get(part):
            low, middle, high = (scale * seconds for seconds in samples.quartiles())
            stacked = part == "stacked"
            ratios = medians.ratios(one, part, "train" if stacked else part, copies if stacked else 1)
            values |= {f"{part}_{unit}": middle, f"{part}_spread": (low, high)}
            values |= {f"{part}_{name}": ratios[name] for name in ("ratio_ncps", "ratio_lstm")}
    if "stacked" in one.samples:
        values["stacked_copies"] = copies
    for part in ("optimizer", "default_optimizer"):
        if samples := one.samples.get(part):
            values[f"{part}_ms"] = 1e3 * samples.quartiles()[1]
    return values


def _multiplied(count: int | None, factor: float) -> int | None:
    return None if count is None else round(count * factor)


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
