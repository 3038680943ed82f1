"""From raw figures to the rows of the result: medians, quartiles, ratios, scaling, fraction of roofline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lnncmp.bench.candidates import MODELS, REFERENCE, SAME_KIND, Candidate
from lnncmp.bench.messages import Found
from lnncmp.bench.operations import Operations, PeakRates
from lnncmp.bench.result import BenchRow
from lnncmp.bench.workload import Workload

SCALED_PARTS = ("train", "inference", "stacked")
"""Parts whose time is proportional to the steps of the sequence."""


@dataclass(frozen=True)
class Isolated:
    """What was measured in isolated processes: peak bytes and compilation seconds, by candidate."""

    peaks: Mapping[Candidate, int] = field(default_factory=dict)
    compile_seconds: Mapping[Candidate, float] = field(default_factory=dict)


def rows_of(
    workload: Workload,
    found: Sequence[Found],
    isolated: Isolated,
    peak_rates: PeakRates | None,
    threads: int,
    copies: int,
) -> list[BenchRow]:
    """Return one row per network, in their order."""
    medians = _Medians(workload, found)
    rows = []
    for one in found:
        factor = workload.steps / one.steps
        values = {**_training(one, factor, medians), **_others(one, factor, medians, copies)}
        if peak_rates is not None and one.operations is not None:
            values |= _limit(one.operations, peak_rates, values.get("ms"))
        row = BenchRow(
            workload=workload.name,
            **asdict(one.candidate),
            peer=None if one.candidate.compared is None else one.candidate.compared.implementation,
            relation=SAME_KIND if one.candidate.like else None,
            threads=threads,
            saved_bytes=_multiplied(one.saved_bytes, factor),
            peak_bytes=_multiplied(isolated.peaks.get(one.candidate), factor),
            compile_seconds=isolated.compile_seconds.get(one.candidate),
            scaled=one.steps < workload.steps,
            measured_steps=one.steps,
            output_difference=one.difference,
            **values,
        )
        rows.append(row)
    return rows


def _limit(operations: Operations, rates: PeakRates, measured: float | None) -> dict[str, Any]:
    limit = operations.limit(rates)
    return {
        "roofline_ms": limit.milliseconds,
        "roofline_fraction": None if measured is None else limit.milliseconds / measured,
        "roofline_bound": limit.bound,
        "multiply_adds": operations.multiply_adds,
        "exponentials": operations.exponentials,
        "traffic_bytes": operations.traffic,
    }


class _Medians:
    """Median wall and processor seconds by candidate and part, for the whole workload."""

    def __init__(self, workload: Workload, found: Sequence[Found]) -> None:
        self.wall, self.cpu = {}, {}
        for one in found:
            for part, samples in one.samples.items():
                factor = workload.steps / one.steps if part in SCALED_PARTS else 1.0
                self.wall[one.candidate, part] = factor * samples.quartiles()[1]
                self.cpu[one.candidate, part] = factor * samples.cpu_median()

    def ratios(self, one: Found, part: str, peers_part: str, times: int = 1) -> dict[str, float | None]:
        """Return the speedups over peer, ncps and torch.nn.LSTM in wall and processor time; None if a time is missing.

        A peer is charged `times` times its time for `peers_part`.
        """
        peer = one.candidate.compared
        ncps = peer if peer is not None and peer.implementation == "ncps" else None
        peers = {"peer": peer, "ncps": ncps, "lstm": REFERENCE}
        found: dict[str, float | None] = {}
        for prefix, seconds in (("", self.wall), ("cpu_", self.cpu)):
            mine = seconds.get((one.candidate, part))
            for name, other in peers.items():
                theirs = None if other is None else seconds.get((other, peers_part))
                found[f"{prefix}ratio_{name}"] = None if mine is None or theirs is None else times * theirs / mine
        return found


def _training(one: Found, factor: float, medians: _Medians) -> dict[str, Any]:
    """Return the fields of a row about training steps."""
    samples = one.samples.get("train")
    if samples is None:
        return {}
    low, middle, high = (1e3 * factor * seconds for seconds in samples.quartiles())
    times = {"ms": middle, "spread": (low, high), "cpu_ms": 1e3 * factor * samples.cpu_median()}
    return {**times, "rounds": len(samples.wall), **medians.ratios(one, "train", "train")}


def _others(one: Found, factor: float, medians: _Medians, copies: int) -> dict[str, Any]:
    """Return the fields of a row about everything else that was timed."""
    values: dict[str, Any] = {}
    units = {
        "inference": ("ms", 1e3 * factor),
        "latency": ("us", 1e6),
        "stepper": ("us", 1e6),
        "stacked": ("ms", 1e3 * factor),
    }
    for part, (unit, scale) in units.items():
        if samples := one.samples.get(part):
            low, middle, high = (scale * seconds for seconds in samples.quartiles())
            peers_part = {"stacked": "train", "stepper": "latency"}.get(part, part)
            ratios = medians.ratios(one, part, peers_part, copies if part == "stacked" else 1)
            values |= {f"{part}_{unit}": middle, f"{part}_spread": (low, high)}
            values |= {f"{part}_{name}": ratios[name] for name in ("ratio_peer", "ratio_ncps", "ratio_lstm")}
    if "stacked" in one.samples:
        values["stacked_copies"] = copies
    for part in ("optimizer", "default_optimizer"):
        if samples := one.samples.get(part):
            values[f"{part}_ms"] = 1e3 * samples.quartiles()[1]
    return values


def _multiplied(count: int | None, factor: float) -> int | None:
    return None if count is None else round(count * factor)


MOST_DIFFERENCE = 1e-3
"""Largest relative output difference at which two networks count as the same function (float32)."""
_TRAIN = (
    "A training step is forward, mean squared error, backward and Adam, in float32, for every network: by torch with "
    "Adam(fused=True), or by compiled code alone where lnncmp trains the model so. Times are medians over rounds in "
    "which the networks of a workload run in turn in one process; short steps repeat for 20 ms. Brackets show "
    "quartiles. Ratios are the peer's wall time divided by the row's: above 1 the row is faster. The peer is the "
    "network of ncps or torch.nn with the same model and wiring."
)
_SAME = (
    "Both sides have the same weights, wiring (AutoNCP with seed 1) and readout; a wired CfC has the masks of ncps. "
    "With irregular times the cell of ncps runs in a loop with dt of shape (B, 1), because its layers misinterpret "
    "batched timespans. Mixed memory is an LSTM cell in front of a network of all units."
)
_OTHERS = (
    "Models other than LTC, CfC, LSTM and GRU have their default arguments but for the hidden units; those without a "
    "peer have a ratio to torch.nn.LSTM alone. Their operations are not counted."
)
_LIKE = (
    f"{SAME_KIND.capitalize()}: %s. Such a network shares no weights with the model beside it, its outputs are not "
    "compared, and a ratio to it is one of two functions. It has the same inputs, hidden units and outputs and the "
    "default arguments of its package; the size of its state and its weights may differ. minGRU-pytorch and "
    "LRU-pytorch ignore elapsed times; with irregular ones s5-pytorch has a matrix of the inputs for every sample and "
    "step. LRU-pytorch is a loop over samples and steps, and cannot stream."
)
_ROOFLINE = (
    "Fraction of roofline: the least time that this machine's peak rates allow for a training step, divided by the "
    "measured time. The rates are those of matrix products, of the kernels' own sigmoids and synapse adjoints in "
    "vectors as wide as theirs, and of memory. LTC: (6 x synapses + sensory synapses) x B x T sigmoids and as many "
    "adjoints. CfC, LSTM, GRU: 3 multiply-adds per weight, step and sample, and the sigmoids of the forward pass; the "
    "two gate heads of a CfC count as one if times are regular. Each sigmoid, tanh or adjoint takes an exponential, "
    "two of them a division. Memory: inputs, outputs and a state per step, each moved twice. Bound: what most of that "
    "least time is spent on. Readout and optimiser are left out."
)
_MEMORY = (
    "Kept for the backward pass: distinct tensors that one forward pass stores, without weights. Peak memory: growth "
    "over two training steps in an isolated process, after one training step on a single step of the sequence."
)
_LATENCY = (
    "Latency: one streaming step at batch 1, without gradients; of ours by model.step and by model.stepper(), whose "
    "ratios are to the same step of the peer. The peers run their cells (LTCCell, CfCCell, LSTMCell, GRUCell, RNNCell)."
)
_COMPILE = (
    "First compile: extra time of the first training step in an isolated process with an empty kernel cache; it occurs "
    "once per machine and is not part of any other time."
)
_STACKED = "Stacked: one training step of several networks in one call, compared with consecutive steps of the peer."
_OPTIMIZER = (
    "Adam, default: one step on the weights of ncps with torch's default arguments, which most users of ncps have; the "
    "training steps here use the fused Adam, or that of the compiled code."
)


def explain(rows: Sequence[BenchRow], parts: frozenset[str]) -> list[str]:
    """Return the notes that explain these rows."""
    notes = [_scaled(rows)] if any(row.scaled for row in rows) else []
    notes += [_TRAIN, _SAME] if "train" in parts else [_SAME]
    notes += [_OTHERS] if any(row.model not in MODELS for row in rows) else []
    like = dict.fromkeys(row.label for row in rows if row.relation)
    notes += [_LIKE % ", ".join(like)] if like else []
    notes += [_ROOFLINE] if "train" in parts else []
    notes += [_MEMORY] if "memory" in parts else []
    notes += [_LATENCY] if "latency" in parts else []
    notes += [_COMPILE] if any(row.compile_seconds is not None for row in rows) else []
    notes += [_STACKED] if any(row.stacked_ms is not None for row in rows) else []
    notes += [_OPTIMIZER] if any(row.default_optimizer_ms is not None for row in rows) else []
    return notes


def _scaled(rows: Sequence[BenchRow]) -> str:
    scaled = [f"{row.workload} {row.label} ({row.measured_steps} steps)" for row in rows if row.scaled]
    return (
        f"~ scaled: measured on fewer steps of the sequence, to limit memory or time, and multiplied up to the full "
        f"length: {', '.join(scaled)}."
    )


def output_warnings(rows: Sequence[BenchRow]) -> list[str]:
    """Return a sentence for each network whose outputs differ from those of its peer with the same weights."""
    return [
        f"{row.workload}: outputs of {row.label} differ from those of its peer by {row.output_difference:.2g} of the "
        "largest output: they do not compute the same function."
        for row in rows
        if row.output_difference is not None and not row.output_difference <= MOST_DIFFERENCE
    ]
