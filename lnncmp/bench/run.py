"""The bench from request to result. It measures nothing itself: every measurement has a process of its own."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from lnncmp.bench.candidates import Contender
from lnncmp.bench.messages import Ceilings, Found, Plan, Session
from lnncmp.bench.process import in_fresh_process
from lnncmp.bench.result import Bench, BenchRow
from lnncmp.bench.rows import Apart, explain, output_warnings, rows_of
from lnncmp.bench.timing import Effort, Noise, noise_warnings
from lnncmp.bench.workload import Workload
from lnncmp.common.process import Tell
from lnncmp.common.provenance import provenance
from lnncmp.errors import LnncmpError

PARTS = ("train", "inference", "latency", "memory", "compile", "stacked")
"""What can be measured; `stacked` needs `train` for its ratios."""
COPIES = 10
"""Networks in one stacked training step."""


@dataclass(frozen=True)
class Request:
    """What to measure, on how many threads, and with what effort."""

    workloads: Sequence[Workload]
    contenders: Sequence[Contender]
    parts: frozenset[str] = frozenset(PARTS)
    threads: int = 1
    effort: Effort = field(default_factory=Effort)


def run_bench(request: Request, tell: Tell) -> Bench:
    """Measure all that is asked for and return the result; what cannot be measured is told in it and left out.

    Raises LnncmpError if nothing at all could be measured.
    """
    return _Bench(request, tell).result()


class _Bench:
    """The state of one bench: rows so far, and what is to be told."""

    def __init__(self, request: Request, tell: Tell) -> None:
        self.request, self.tell = request, tell
        self.rows: list[BenchRow] = []
        self.noise: dict[str, Noise] = {}
        self.notes: list[str] = []
        self.failed: list[str] = []
        self.compile_seconds: dict[Contender, float] = {}

    def result(self) -> Bench:
        """Measure one workload after the other."""
        from lnncmp.bench.peak_rates import measure_ceilings

        ceilings: Ceilings = self._apart(measure_ceilings)
        for workload in self.request.workloads:
            self._measure(workload, ceilings)
        if not self.rows:
            reasons = " ".join(self.failed or self.notes)
            raise LnncmpError(f"nothing could be measured: {reasons}", "Choose other workloads or models.")
        noisy = noise_warnings(self.noise.items())
        return Bench(
            machine=self._machine(ceilings),
            workloads=[workload.facts() for workload in self.request.workloads],
            rows=self.rows,
            notes=[*dict.fromkeys(self.notes), *explain(self.rows, self.request.parts)],
            warnings=[*noisy, *output_warnings(self.rows), *self.failed],
            failed=len(self.failed),
        )

    def _measure(self, workload: Workload, ceilings: Ceilings) -> None:
        from lnncmp.bench.session import measure

        request = self.request
        plan = Plan(workload, tuple(request.contenders), request.parts, request.effort, copies=COPIES)
        try:
            session: Session = self._apart(measure, plan)
        except LnncmpError as error:
            self.failed.append(f"{workload.name}: {error.message}. {error.hint}".strip())
            return
        self.notes += session.notes
        self.failed += session.failed
        if session.noise is not None:
            self.noise[workload.name] = session.noise
        apart = Apart(self._peaks(workload, session.found), self._compilations(workload, session.found))
        self.rows += rows_of(workload, session.found, apart, ceilings, request.threads, COPIES)

    def _peaks(self, workload: Workload, found: Sequence[Found]) -> dict[Contender, int]:
        """Return the growth of memory over training steps of each network."""
        from lnncmp.bench.memory import peak_bytes

        peaks: dict[Contender, int] = {}
        for number, one in enumerate(found if "memory" in self.request.parts else ()):
            try:
                peaks[one.contender] = self._apart(peak_bytes, one.asked, workload, one.steps)
            except LnncmpError as error:
                self.failed.append(f"{workload.name}: memory of {one.contender.label}: {error.message}.")
            self.tell(f"{workload.name}: memory, a process each", number + 1, len(found))
        return peaks

    def _compilations(self, workload: Workload, found: Sequence[Found]) -> dict[Contender, float]:
        """Return the seconds of compilation of each kernel, measured at the first workload that it runs."""
        from lnncmp.bench.memory import first_call_seconds

        kernels = [one for one in found if one.contender.implementation == "fused"]
        missing = [one for one in kernels if one.contender not in self.compile_seconds]
        for number, one in enumerate(missing if "compile" in self.request.parts else ()):
            self.tell("compiling kernels anew, a process each", number, len(missing))
            with tempfile.TemporaryDirectory(prefix="lnncmp-bench-") as empty:
                try:
                    seconds = self._apart(first_call_seconds, one.asked, workload, LNNCMP_KERNEL_CACHE=empty)
                    self.compile_seconds[one.contender] = seconds
                except LnncmpError as error:
                    self.failed.append(f"compiling {one.contender.label}: {error.message}.")
            self.tell("compiling kernels anew, a process each", number + 1, len(missing))
        return self.compile_seconds

    def _apart(self, work: Any, *args: Any, **environment: str) -> Any:
        return in_fresh_process(work, *args, tell=self.tell, threads=self.request.threads, environment=environment)

    def _machine(self, ceilings: Ceilings) -> dict[str, Any]:
        """Return what is to be known of the machine, its ceilings, and how quiet it was in each workload."""
        known = provenance(threads=self.request.threads, device="cpu", jobs=1)
        packages = {**known["packages"], "numba": version("numba")}
        return {
            **known,
            "packages": packages,
            "gflops": ceilings.flops / 1e9,
            "gigasigmoids_per_second": ceilings.sigmoids / 1e9,
            "noise": {name: {"spread": n.spread, "waiting": n.waiting} for name, n in self.noise.items()},
        }
