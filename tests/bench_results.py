"""Made-up figures of a bench, for tests of what is computed and printed."""

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.messages import Found
from lnncmp.bench.networks import operations_of
from lnncmp.bench.operations import PeakRates
from lnncmp.bench.result import Bench
from lnncmp.bench.rows import Isolated, rows_of
from lnncmp.bench.timing import Samples
from lnncmp.bench.workload import Workload

WORKLOAD = Workload("W4", 8, 64, 4, 32, 4)
CEILINGS = PeakRates(100e9, 5e9, 4e9, 100e9, 10e9)
MORE_RATES = {
    "gigaadjoints_per_second": 4.0,
    "cache_gigabytes_per_second": 100.0,
    "memory_gigabytes_per_second": 10.0,
}
FUSED, LOOP, NCPS = (Candidate("ltc", "full", name) for name in ("fused", "loop", "ncps"))
OWN_LSTM, LSTM = (Candidate("lstm", "full", name) for name in ("loop", "torch"))


def samples(milliseconds):
    """Three rounds around so many milliseconds, with half of it on the processor."""
    wall = [milliseconds * factor / 1e3 for factor in (0.9, 1.0, 1.3)]
    return Samples(wall, [seconds / 2 for seconds in wall])


def found(candidate, steps=64, **milliseconds):
    timed = {part: samples(value) for part, value in milliseconds.items()}
    operations = operations_of(candidate, WORKLOAD)
    difference = None if candidate.is_peer else 1e-7
    return Found(candidate, candidate, steps, operations, difference, 1_000_000, timed)


def all_found():
    return [
        found(FUSED, train=10.0, inference=4.0, latency=0.02, stepper=0.01, stacked=50.0),
        found(LOOP, steps=16, train=100.0, inference=40.0, latency=0.5),
        found(NCPS, steps=8, train=25.0, inference=5.0, latency=0.6, optimizer=0.3, default_optimizer=1.1),
        found(OWN_LSTM, train=8.0, inference=3.0, latency=0.1),
        found(LSTM, train=2.0, inference=1.0, latency=0.2),
    ]


def made_up(**changes):
    """A finished bench of one workload and two models."""
    isolated = Isolated({FUSED: 2_000_000, NCPS: 30_000_000}, {FUSED: 12.5})
    rows = rows_of(WORKLOAD, all_found(), isolated, CEILINGS, threads=1, copies=10)
    packages = {"torch": "2.0", "ncps": "1.0.1"}
    machine = {"cpu": "Some CPU", "cores": 2, "threads": 1, "packages": packages}
    content = {
        "machine": {**machine, "gflops": 100.0, "gigasigmoids_per_second": 5.0, **MORE_RATES},
        "workloads": [WORKLOAD.facts()],
        "rows": rows,
        "notes": ["A note."],
        "warnings": ["W4: busy."],
    }
    return Bench(**{**content, **changes})
