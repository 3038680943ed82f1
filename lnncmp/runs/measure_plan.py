"""The measurements of a plan: repeats, each in a fresh process, and from their samples a record for each model.

Nothing else of the study runs meanwhile. A repeat measures all models of the plan, so that their samples are pairs.
Kernels are compiled and checked before the first one, by several processes at once.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from uuid import uuid4

from lnncmp.records.schema import MeasurementRecord
from lnncmp.records.store import Store
from lnncmp.runs.listener import RunListener
from lnncmp.runs.plan import MeasureRepeat, MeasureSpec, Sample
from lnncmp.runs.pool import Queue
from lnncmp.runs.processes import WorkerConfig

_WAIT = 0.5


def measure(
    specs: Sequence[MeasureSpec], store: Store, config: WorkerConfig, listener: RunListener
) -> list[MeasurementRecord]:
    """Return the records of `specs`, in their order, measured where one is missing; those that failed are left out.

    If another process measures them, its records are waited for.
    """
    waiting: MeasureRepeat | None = None
    while any(store.measurement(spec.measurement_id) is None for spec in specs):
        with ExitStack() as locks:
            if all(locks.enter_context(store.lock(spec.measurement_id)) for spec in specs):
                _measure(specs, store, config, listener)
                break
        if waiting is None:
            waiting = MeasureRepeat(specs=tuple(specs), number=0)
            listener.postponed(waiting)
        time.sleep(_WAIT)
    if waiting is not None:
        listener.ended(waiting)
    found = (store.measurement(spec.measurement_id) for spec in specs)
    return [record for record in found if record is not None]


def _measure(specs: Sequence[MeasureSpec], store: Store, config: WorkerConfig, listener: RunListener) -> None:
    """Measure all models and store their records."""
    listener.doing(f"measuring the cost of {len(specs)} models")
    queue = _Repeats(config, listener, specs)
    checks = [MeasureRepeat(specs=(spec,), number=0, check=True) for spec in specs]
    queue.work([*checks, *(MeasureRepeat(specs=tuple(specs), number=number) for number in range(specs[0].repeats))])
    session = uuid4().hex[:16]
    for spec in specs:
        if spec.measurement_id in queue.failed:
            listener.finished(spec, "failed", queue.failed[spec.measurement_id])
            continue
        store.write_measurement(_record(spec, session, queue.samples[spec.measurement_id]))
        listener.finished(spec, "ok", None)
    listener.doing("")


class _Repeats(Queue):
    """Checks, then repeats one after another, which leave out models that failed or have repeats enough."""

    def __init__(self, config: WorkerConfig, listener: RunListener, specs: Sequence[MeasureSpec]) -> None:
        super().__init__(replace(config, jobs=1), listener, together=config.jobs)
        self.samples: dict[str, list[Sample]] = {spec.measurement_id: [] for spec in specs}
        self.failed: dict[str, str] = {}

    def measured(self, samples: dict[str, Sample], failed: dict[str, str]) -> None:
        """Keep the samples of a repeat."""
        for name, sample in samples.items():
            self.samples[name].append(sample)
        self.failed |= failed
        self.waiting = [self._shortened(task) for task in self.waiting if isinstance(task, MeasureRepeat)]

    def _shortened(self, task: MeasureRepeat) -> MeasureRepeat:
        if task.check:
            return task
        kept = [spec for spec in task.specs if self._takes_part(spec.measurement_id, task.number)]
        return task.model_copy(update={"specs": tuple(kept)})

    def _takes_part(self, name: str, number: int) -> bool:
        enough = min((sample.repeats for sample in self.samples[name]), default=number + 1)
        return name not in self.failed and number < enough


def _record(spec: MeasureSpec, session: str, samples: Sequence[Sample]) -> MeasurementRecord:
    spreads = [sample.spread for sample in samples if sample.spread is not None]
    peaks = [sample.peak for sample in samples]
    return MeasurementRecord(
        **spec.described(),
        session=session,
        implementation=samples[0].implementation,
        step_seconds=[sample.step_seconds for sample in samples],
        step_cpu_seconds=[sample.step_cpu_seconds for sample in samples],
        latency_seconds=[seconds for sample in samples for seconds in sample.latency_seconds],
        saved_bytes=samples[0].saved_bytes,
        peak_memory_bytes=int(statistics.median(peaks)),
        peak_memory_samples=peaks,
        memory_spread_samples=spreads,
        method=samples[0].method,
        joules_per_window=[sample.joules for sample in samples if sample.joules is not None],
        energy_method=samples[0].energy_method,
    )
