"""The result of a bench as a document."""

from collections.abc import Callable, Sequence

from lnncmp.bench.result import Bench, BenchRow, Ends
from lnncmp.bench.workload import Workload
from lnncmp.report.tables.document import Column, Document, Grid, Row, Section, Value, ends
from lnncmp.report.tables.numbers import UNKNOWN, seconds, significant, size

SCALED = "~"
"""Mark of numbers that were measured at fewer steps and multiplied."""

Cell = Callable[[BenchRow], str]


def document_of_bench(bench: Bench) -> Document:
    """Return the tables of each workload and notes on them; in rows quartiles are two columns."""
    grids = bench_grids(bench)
    section = Section(grids[0].title if grids else "", grids, notes={"Notes": _notes(bench)})
    return Document([section], list(map(_row, bench.rows)), bench)


def _row(row: BenchRow) -> Row:
    flat: dict[str, Value] = {}
    for name, value in row.model_dump().items():
        flat |= ends(name, value) if name.endswith("spread") else {name: value}
    return flat


def _notes(bench: Bench) -> list[str]:
    machine = bench.machine
    peak_rates = (
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['threads']} used; torch "
        f"{machine['packages']['torch']}, ncps {machine['packages']['ncps']}; at most {machine['gflops']:.0f} GFLOP/s "
        f"in matrix products, {machine['gigasigmoids_per_second']:.1f} billion sigmoids and "
        f"{machine['gigaadjoints_per_second']:.1f} billion adjoints of synapses a second, "
        f"{machine['cache_gigabytes_per_second']:.0f} GB/s in cache and "
        f"{machine['memory_gigabytes_per_second']:.0f} GB/s in memory."
    )
    return [*(f"Warning: {warning}" for warning in bench.warnings), peak_rates, *bench.notes]


def bench_grids(bench: Bench) -> list[Grid]:
    """Return the tables: for each workload its times and memory, then what was measured separately, if anything."""
    made = []
    for facts in bench.workloads:
        workload = Workload(**facts)
        rows = [row for row in bench.rows if row.workload == workload.name]
        if rows:
            threads = f"{rows[0].threads} thread{'s' if rows[0].threads > 1 else ''}"
            made.append(_grid(f"{workload.name}: {workload.describe()}, {threads}", rows, _MAIN))
            made += _apart(workload.name, rows)
    return made


def _apart(name: str, rows: Sequence[BenchRow]) -> list[Grid]:
    """Return the table of compilation, stacked steps and optimisers, of the rows and columns that have any."""
    columns = [column for column in _APART if any(column[1](row) != UNKNOWN for row in rows)]
    shown = [row for row in rows if any(cell(row) != UNKNOWN for _, cell in columns)]
    return [_grid(f"{name}: compiling, stacked networks, optimisers", shown, columns)] if shown else []


def _grid(title: str, rows: Sequence[BenchRow], columns: Sequence[tuple[str, Cell]]) -> Grid:
    kinds = [(row.model, row.wiring) for row in rows]
    filled = [Column(heading, tuple(map(cell, rows))) for heading, cell in columns]
    return Grid(
        title=title,
        corner="model",
        labels=tuple(f"{row.label},\n{row.relation}" if row.relation else row.label for row in rows),
        columns=tuple(column for column in filled if set(column.cells) != {UNKNOWN}),
        sections=tuple(kinds.count(kind) for kind in dict.fromkeys(kinds)),
    )


def _marked(row: BenchRow, text: str) -> str:
    return SCALED + text if row.scaled and text != UNKNOWN else text


def _time(milliseconds: float | None) -> str:
    return seconds(None if milliseconds is None else milliseconds / 1e3)


def _quartiles(ends: Ends | None) -> str:
    """Return first and third quartile with the unit of the larger."""
    if ends is None:
        return UNKNOWN
    low, high = ends
    scale, unit = (1e-3, "s") if high >= 1e3 else (1.0, "ms")
    return f"[{significant(low * scale, 3)}, {significant(high * scale, 3)}] {unit}"


def _ratio(value: float | None) -> str:
    return significant(value, 3)


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"


_MAIN: list[tuple[str, Cell]] = [
    ("training\nstep", lambda row: _marked(row, _time(row.ms))),
    ("\nquartiles", lambda row: _marked(row, _quartiles(row.spread))),
    ("x faster\nthan its peer", lambda row: _marked(row, _ratio(row.ratio_peer))),
    ("x faster\nthan nn.LSTM", lambda row: _marked(row, _ratio(row.ratio_lstm))),
    ("CPU\ntime", lambda row: _marked(row, _time(row.cpu_ms))),
    ("of\nroofline", lambda row: _marked(row, _share(row.roofline_fraction))),
    ("\nbound", lambda row: (row.roofline_fraction and row.roofline_bound) or UNKNOWN),
    ("forward\npass", lambda row: _marked(row, _time(row.inference_ms))),
    ("x faster\nthan its peer", lambda row: _marked(row, _ratio(row.inference_ratio_peer))),
    ("streaming\nlatency", lambda row: seconds(None if row.latency_us is None else row.latency_us / 1e6)),
    ("x faster\nthan its peer", lambda row: _ratio(row.latency_ratio_peer)),
    ("stepper\nlatency", lambda row: seconds(None if row.stepper_us is None else row.stepper_us / 1e6)),
    ("x faster\nthan its peer", lambda row: _ratio(row.stepper_ratio_peer)),
    ("saved for\nbackward", lambda row: _marked(row, size(row.saved_bytes))),
    ("peak\nmemory", lambda row: _marked(row, size(row.peak_bytes))),
]
"""Columns of a workload's table; columns without any number are left out."""

_APART: list[tuple[str, Cell]] = [
    ("first\ncompile", lambda row: seconds(row.compile_seconds)),
    ("stacked\nnetworks", lambda row: UNKNOWN if row.stacked_copies is None else str(row.stacked_copies)),
    ("their\nstep", lambda row: _marked(row, _time(row.stacked_ms))),
    ("x faster than\nits peer in turn", lambda row: _marked(row, _ratio(row.stacked_ratio_peer))),
    ("x faster than\nnn.LSTM in turn", lambda row: _marked(row, _ratio(row.stacked_ratio_lstm))),
    ("Adam,\nfused", lambda row: _time(row.optimizer_ms)),
    ("Adam,\ndefault", lambda row: _time(row.default_optimizer_ms)),
]
