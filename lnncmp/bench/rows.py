"""From raw figures to the rows of the result: medians, quartiles, ratios, scaling, the share of the limit reached."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lnncmp.bench.contenders import PEERS, REFERENCE, Contender
from lnncmp.bench.exchange import Ceilings, Found
from lnncmp.bench.result import BenchRow
from lnncmp.bench.timing import Samples
from lnncmp.bench.workload import Workload


@dataclass(frozen=True)
class Apart:
    """What was measured in processes of their own: peak bytes, and seconds of compilation, by network."""

    peaks: Mapping[Contender, int] = field(default_factory=dict)
    compile_seconds: Mapping[Contender, float] = field(default_factory=dict)


def rows_of(
    workload: Workload, found: Sequence[Found], apart: Apart, ceilings: Ceilings | None, threads: int, copies: int
) -> list[BenchRow]:
    """Return one row for each network, in their order."""
    peers = _Medians(found, workload)
    return [_row(workload, one, apart, ceilings, threads, copies, peers) for one in found]


class _Medians:
    """Median seconds of what was timed, by network, for the whole workload."""

    def __init__(self, found: Iterable[Found], workload: Workload) -> None:
        self.seconds = {
            (one.contender, part): samples.quartiles()[1] * _factor(part, one, workload)
            for one in found
            for part, samples in one.samples.items()
        }

    def over(self, reference: Contender, one: Found, part: str, reference_part: str, times: int = 1) -> float | None:
        """Return `times` times of the reference over the time of `one`; None if one of them was not measured."""
        theirs = self.seconds.get((reference, reference_part))
        mine = self.seconds.get((one.contender, part))
        return None if theirs is None or mine is None else times * theirs / mine


def _factor(part: str, one: Found, workload: Workload) -> float:
    """Return what to multiply by where only a part of the sequence was measured."""
    return workload.steps / one.steps if part in ("train", "inference", "stacked") else 1.0


def _row(
    workload: Workload,
    one: Found,
    apart: Apart,
    ceilings: Ceilings | None,
    threads: int,
    copies: int,
    medians: _Medians,
) -> BenchRow:
    contender, factor = one.contender, workload.steps / one.steps
    values: dict[str, Any] = {}
    for part, stem, unit in (("train", "", 1e3), ("inference", "inference_", 1e3), ("latency", "latency_", 1e6)):
        values |= _times(
            one.samples.get(part), stem, "us" if part == "latency" else "ms", unit * _factor(part, one, workload)
        )
        values |= _ratios(medians, one, part, part, stem)
    if training := one.samples.get("train"):
        values |= {"cpu_ms": 1e3 * factor * training.cpu_median(), "rounds": len(training.wall)}
    if stacked := one.samples.get("stacked"):
        values |= {"stacked_copies": copies, **_times(stacked, "stacked_", "ms", 1e3 * factor)}
        values |= _ratios(medians, one, "stacked", "train", "stacked_", copies)
    for part in ("optimizer", "default_optimizer"):
        if samples := one.samples.get(part):
            values[f"{part}_ms"] = 1e3 * samples.quartiles()[1]
    if ceilings is not None:
        limit = one.operations.milliseconds(ceilings.flops, ceilings.sigmoids)
        values |= {"roofline_ms": limit, "roofline_fraction": limit / values["ms"] if values.get("ms") else None}
    return BenchRow(
        workload=workload.name,
        **asdict(contender),
        threads=threads,
        saved_bytes=_scaled(one.saved_bytes, factor),
        peak_bytes=_scaled(apart.peaks.get(contender), factor),
        compile_seconds=apart.compile_seconds.get(contender),
        scaled=one.steps < workload.steps,
        measured_steps=one.steps,
        output_difference=one.difference,
        **values,
    )


def _times(samples: Samples | None, stem: str, unit: str, factor: float) -> dict[str, Any]:
    """Return median and quartiles of seconds times `factor` under their names in a row."""
    if samples is None:
        return {}
    low, middle, high = (factor * seconds for seconds in samples.quartiles())
    return {f"{stem}{unit}": middle, f"{stem}spread": (low, high)}


def _ratios(medians: _Medians, one: Found, part: str, theirs: str, stem: str, times: int = 1) -> dict[str, Any]:
    """Return the ratios to ncps (LTC and CfC alone) and to torch.nn.LSTM under their names in a row."""
    peer = one.contender.peer
    ncps = medians.over(peer, one, part, theirs, times) if PEERS[peer.model] == "ncps" else None
    return {f"{stem}ratio_ncps": ncps, f"{stem}ratio_lstm": medians.over(REFERENCE, one, part, theirs, times)}


def _scaled(count: int | None, factor: float) -> int | None:
    return None if count is None else round(count * factor)
