"""The bench from request to result. It measures nothing itself: every measurement runs in its own process."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.messages import Found, Plan, Session
from lnncmp.bench.operations import PeakRates
from lnncmp.bench.process import in_fresh_process
from lnncmp.bench.result import Bench, BenchRow
from lnncmp.bench.rows import Isolated, explain, output_warnings, rows_of
from lnncmp.bench.timing import Effort, Noise, noise_warnings
from lnncmp.bench.workload import Workload
from lnncmp.common.process import Tell
from lnncmp.common.provenance import provenance
from lnncmp.errors import LnncmpError

PARTS = ("train", "inference", "latency", "memory", "compile", "stacked")
"""Parts that can be measured; `stacked` needs `train` for its ratios."""
COPIES = 10
"""Networks in one stacked training step."""


@dataclass(frozen=True)
class Request:
    """What to measure, with how many threads, and how long."""

    workloads: Sequence[Workload]
    candidates: Sequence[Candidate]
    parts: frozenset[str] = frozenset(PARTS)
    threads: int = 1
    effort: Effort = field(default_factory=Effort)


def run_bench(request: Request, tell: Tell) -> Bench:
    """Measure everything requested and return the result; it lists what could not be measured.

    Raises LnncmpError if nothing could be measured.
    """
    return _Bench(request, tell).result()


class _Bench:
    """The state of one bench: rows so far, notes and failures."""

    def __init__(self, request: Request, tell: Tell) -> None:
        self.request, self.tell = request, tell
        self.rows: list[BenchRow] = []
        self.noise: dict[str, Noise] = {}
        self.notes: list[str] = []
        self.failed: list[str] = []
        self.compile_seconds: dict[Candidate, float] = {}

    def result(self) -> Bench:
        """Measure the workloads one after another."""
        from lnncmp.bench.peak_rates import measure_peak_rates

        peak_rates: PeakRates = self._isolated(measure_peak_rates)
        for workload in self.request.workloads:
            self._measure(workload, peak_rates)
        if not self.rows:
            reasons = " ".join(self.failed or self.notes)
            raise LnncmpError(f"nothing could be measured: {reasons}", "Choose other workloads or models.")
        noisy = noise_warnings(self.noise.items())
        return Bench(
            machine=self._machine(peak_rates),
            workloads=[workload.facts() for workload in self.request.workloads],
            rows=self.rows,
            notes=[*dict.fromkeys(self.notes), *explain(self.rows, self.request.parts)],
            warnings=[*noisy, *output_warnings(self.rows), *self.failed],
            failed=len(self.failed),
        )

    def _measure(self, workload: Workload, peak_rates: PeakRates) -> None:
        from lnncmp.bench.session import measure

        request = self.request
        plan = Plan(workload, tuple(request.candidates), request.parts, request.effort, copies=COPIES)
        try:
            session: Session = self._isolated(measure, plan)
        except LnncmpError as error:
            self.failed.append(f"{workload.name}: {error.message}. {error.hint}".strip())
            return
        self.notes += session.notes
        self.failed += session.failed
        if session.noise is not None:
            self.noise[workload.name] = session.noise
        isolated = Isolated(self._peaks(workload, session.found), self._compilations(workload, session.found))
        self.rows += rows_of(workload, session.found, isolated, peak_rates, request.threads, COPIES)

    def _peaks(self, workload: Workload, found: Sequence[Found]) -> dict[Candidate, int]:
        """Return the memory growth over training steps of each network."""
        from lnncmp.bench.memory import peak_bytes

        peaks: dict[Candidate, int] = {}
        for number, one in enumerate(found if "memory" in self.request.parts else ()):
            try:
                peaks[one.candidate] = self._isolated(peak_bytes, one.asked, workload, one.steps)
            except LnncmpError as error:
                self.failed.append(f"{workload.name}: memory of {one.candidate.label}: {error.message}.")
            self.tell(f"{workload.name}: memory, one process per network", number + 1, len(found))
        return peaks

    def _compilations(self, workload: Workload, found: Sequence[Found]) -> dict[Candidate, float]:
        """Return the compilation seconds of each kernel, measured on the first workload that uses it."""
        from lnncmp.bench.memory import first_call_seconds

        kernels = [one for one in found if one.candidate.implementation == "fused"]
        missing = [one for one in kernels if one.candidate not in self.compile_seconds]
        for number, one in enumerate(missing if "compile" in self.request.parts else ()):
            self.tell("compiling kernels from scratch, one process per kernel", number, len(missing))
            with tempfile.TemporaryDirectory(prefix="lnncmp-bench-") as empty:
                try:
                    seconds = self._isolated(first_call_seconds, one.asked, workload, LNNCMP_KERNEL_CACHE=empty)
                    self.compile_seconds[one.candidate] = seconds
                except LnncmpError as error:
                    self.failed.append(f"compiling {one.candidate.label}: {error.message}.")
            self.tell("compiling kernels from scratch, one process per kernel", number + 1, len(missing))
        return self.compile_seconds

    def _isolated(self, work: Any, *args: Any, **environment: str) -> Any:
        return in_fresh_process(work, *args, tell=self.tell, threads=self.request.threads, environment=environment)

    def _machine(self, peak_rates: PeakRates) -> dict[str, Any]:
        """Return facts about the machine, its peak rates, and its noise during each workload."""
        known = provenance(threads=self.request.threads, device="cpu", jobs=1)
        packages = {**known["packages"], "numba": version("numba")}
        return {
            **known,
            "packages": packages,
            "gflops": peak_rates.flops / 1e9,
            "gigasigmoids_per_second": peak_rates.sigmoids / 1e9,
            "gigaadjoints_per_second": peak_rates.adjoints / 1e9,
            "cache_gigabytes_per_second": peak_rates.cache_bytes / 1e9,
            "memory_gigabytes_per_second": peak_rates.memory_bytes / 1e9,
            "noise": {name: {"spread": n.spread, "waiting": n.waiting} for name, n in self.noise.items()},
        }
