"""From raw figures to the rows of the result: medians, quartiles, ratios, scaling, the share of the limit reached."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lnncmp.bench.contenders import PEERS, REFERENCE, Contender
from lnncmp.bench.exchange import Ceilings, Found
from lnncmp.bench.result import BenchRow
from lnncmp.bench.workload import Workload

SCALED_PARTS = ("train", "inference", "stacked")
"""What takes a time in proportion to the steps of the sequence."""


@dataclass(frozen=True)
class Apart:
    """What was measured in processes of their own: peak bytes, and seconds of compilation, by network."""

    peaks: Mapping[Contender, int] = field(default_factory=dict)
    compile_seconds: Mapping[Contender, float] = field(default_factory=dict)


def rows_of(
    workload: Workload, found: Sequence[Found], apart: Apart, ceilings: Ceilings | None, threads: int, copies: int
) -> list[BenchRow]:
    """Return one row for each network, in their order."""
    medians = _Medians(workload, found)
    rows = []
    for one in found:
        factor = workload.steps / one.steps
        values = {**_training(one, factor, medians), **_others(one, factor, medians, copies)}
        if ceilings is not None:
            limit = one.operations.milliseconds(ceilings.flops, ceilings.sigmoids)
            values |= {"roofline_ms": limit, "roofline_fraction": limit / values["ms"] if "ms" in values else None}
        row = BenchRow(
            workload=workload.name,
            **asdict(one.contender),
            threads=threads,
            saved_bytes=_multiplied(one.saved_bytes, factor),
            peak_bytes=_multiplied(apart.peaks.get(one.contender), factor),
            compile_seconds=apart.compile_seconds.get(one.contender),
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
                self.wall[one.contender, part] = factor * samples.quartiles()[1]
                self.cpu[one.contender, part] = factor * samples.cpu_median()

    def ratios(self, one: Found, part: str, peers_part: str, times: int = 1) -> dict[str, float | None]:
        """Return how many times faster than ncps and torch.nn.LSTM, by both clocks; None where one is missing.

        The peers do `peers_part`, `times` times.
        """
        ncps = one.contender.peer if PEERS[one.contender.model] == "ncps" else None
        peers = {"ncps": ncps, "lstm": REFERENCE}
        found: dict[str, float | None] = {}
        for prefix, seconds in (("", self.wall), ("cpu_", self.cpu)):
            mine = seconds.get((one.contender, part))
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
