"""How fast the extraction is on this machine, and how much memory it takes: on made-up rows of the real shape.

The extraction runs in an isolated process, because the peak memory of a process that did other things before means
nothing. Tables and cache are temporary and always removed.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lnncmp.common.files import explained, make_dir
from lnncmp.common.process import Tell, in_fresh_process
from lnncmp.errors import DataError
from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.mimic3.extraction.bench_rows import make_rows

FULL_ROWS = 330_712_483
"""Rows of CHARTEVENTS in MIMIC-III v1.4."""

_FEWER = "ask for fewer rows with --rows."

_ROW_BYTES, _PACKED_ROW_BYTES, _CACHE_ROW_BYTES = 125, 25, 30  # disk space to ask for, with a margin


@dataclass(frozen=True)
class BenchResult:
    """What one extraction took.

    rows, bytes: of CHARTEVENTS (as stored, packed or not). cells: observed values in all recordings.
    wall_seconds, cpu_seconds: of the extraction alone, all threads. peak_rss_bytes: of its process, with interpreter
    and libraries; None where the system does not report it. full_file_seconds_estimate: wall time at this speed for the
    330,712,483 rows of the full table.
    """

    rows: int
    bytes: int
    compressed: bool
    wall_seconds: float
    cpu_seconds: float
    rows_per_second: float
    peak_rss_bytes: int | None
    recordings: int
    cells: int
    full_file_seconds_estimate: float
    polars: str
    threads: int


def run_bench(
    rows: int, folder: Path, cache: Path, compress: bool = False, progress: Progress = no_progress, seed: int = 0
) -> BenchResult:
    """Make `rows` chart rows below `folder`, extract them with a cache below `cache`, and return what it took.

    Raises UsageError if `rows` is out of range, DataError if the disk is too small, LnncmpError if the process dies.
    """
    make_dir(folder)
    make_dir(cache)
    _check_space(rows, folder, cache, compress)
    with (
        tempfile.TemporaryDirectory(prefix="lnncmp-bench-", dir=folder) as tables,
        tempfile.TemporaryDirectory(prefix="lnncmp-bench-", dir=cache) as kept,
    ):
        with explained(Path(tables)):
            paths = make_rows(Path(tables), rows, seed, progress, compress)
        size = paths["CHARTEVENTS"].stat().st_size
        taken = in_fresh_process(_measured, Path(tables), Path(kept), tell=progress, hint=_FEWER)
    speed = rows / taken["wall_seconds"]
    return BenchResult(
        rows=rows,
        bytes=size,
        compressed=compress,
        rows_per_second=speed,
        full_file_seconds_estimate=FULL_ROWS / speed,
        **taken,
    )


def _check_space(rows: int, folder: Path, cache: Path, compress: bool) -> None:
    """Raise DataError if `folder` or `cache` lies on a disk with too little free space."""
    needs = {folder: rows * (_PACKED_ROW_BYTES if compress else _ROW_BYTES), cache: rows * _CACHE_ROW_BYTES}
    if os.stat(folder).st_dev == os.stat(cache).st_dev:  # noqa: PTH116 - the device, of folders that exist
        needs = {folder: sum(needs.values())}
    for place, needed in needs.items():
        free = shutil.disk_usage(place).free
        if free < needed:
            raise DataError(
                f"{rows:,} rows need about {needed / 1e9:.1f} GB below {place}, which has {free / 1e9:.1f} GB left",
                "Ask for fewer rows with --rows, or free some space.",
            )


def _measured(tell: Tell, tables: Path, cache: Path) -> dict[str, Any]:
    """Return the facts of one extraction; only valid in a new process, whose peak memory it takes."""
    import polars as pl

    from lnncmp.sources.mimic3.extraction.extraction import extract

    wall, cpu = time.perf_counter(), time.process_time()
    extraction = extract(tables, cache, name="bench", progress=tell, warn=lambda message: None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "peak_rss_bytes": _peak_resident(),
        "recordings": len(extraction.recordings),
        "cells": sum(int(recording.observed.sum()) for recording in extraction.recordings),
        "polars": pl.__version__,
        "threads": pl.thread_pool_size(),
    }


def _peak_resident() -> int | None:
    """Return the peak resident memory of this process in bytes (Linux: VmHWM); None if not reported."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def render(result: BenchResult, format: str = "table") -> str:
    """Return the result as "table" (aligned text) or "json"."""
    if format == "json":
        return json.dumps(asdict(result), indent=1)
    kind = "csv.gz" if result.compressed else "csv"
    peak = "not reported by this system" if result.peak_rss_bytes is None else f"{result.peak_rss_bytes / 1e6:,.0f} MB"
    lines = {
        "rows": f"{result.rows:,}",
        f"size ({kind})": f"{result.bytes / 1e6:,.1f} MB",
        "wall time": f"{result.wall_seconds:,.2f} s",
        "CPU time": f"{result.cpu_seconds:,.2f} s",
        "speed": f"{result.rows_per_second:,.0f} rows/s",
        "peak memory": peak,
        "recordings": f"{result.recordings:,}",
        "cells": f"{result.cells:,}",
        "full MIMIC-III": f"about {result.full_file_seconds_estimate / 60:,.1f} min for {FULL_ROWS:,} rows",
        "polars": f"{result.polars}, {result.threads} threads",
    }
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines.items())
