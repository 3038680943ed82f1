"""One measurement in a worker process, from its specification to its record, and a rough one for estimates."""

import torch

from lnncmp.common.provenance import provenance
from lnncmp.common.seeding import streams
from lnncmp.evaluation.cost import BatchShape, TrainingStep, latency_samples, peak_memory
from lnncmp.kernels.common.watch import compiled_for_next
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import MeasurementRecord
from lnncmp.runs.plan import MeasureSpec
from lnncmp.training.build import build_named
from lnncmp.training.kernel_check import check_kernels


def set_up_torch(threads: int, deterministic: bool) -> None:
    """Set the number of threads of this process; `deterministic` makes torch refuse nondeterministic kernels."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


class UnsoundKernelsError(Exception):
    """The fused kernels differ from plain PyTorch, so their cost is meaningless."""


class RecompiledError(Exception):
    """Kernels were compiled in this process, which spoils its memory figure; a new process finds them in the cache."""


def execute_measurement(spec: MeasureSpec, seconds: float = 4.0) -> MeasurementRecord:
    """Measure one model in this process, which must be isolated for a meaningful memory figure.

    Raises RecompiledError before measuring if kernels were compiled that a new process would find in the cache, and
    UnsoundKernelsError if they are wrong.
    """
    device = torch.device(spec.device)
    model = _model(spec, device)
    # Libraries allocate workspaces and load kernels on first use: short sequences keep that out of the figure.
    for batch in (1, spec.batch):
        TrainingStep(model, BatchShape(batch, 1, spec.inputs, spec.outputs), device)()
    if compiled_for_next():
        raise RecompiledError
    step = TrainingStep(model, BatchShape(spec.batch, spec.steps, spec.inputs, spec.outputs), device)
    peak, method = peak_memory(step)
    timed = step.seconds(repeats=15, budget=seconds)
    latencies = latency_samples(model, spec.inputs, device)
    check = check_kernels(model, spec.inputs, spec.batch)  # last: it must not affect the measurement
    if check is not None and not check.agrees:
        raise UnsoundKernelsError(check.summary)
    return _record(spec, model, timed, latencies, step.saved_bytes(), peak, method)


def probe(spec: MeasureSpec) -> MeasurementRecord:
    """Return a rough measurement taken in this process within seconds, for estimates only: it must not be stored."""
    device = torch.device(spec.device)
    set_up_torch(spec.threads, deterministic=False)
    model = _model(spec, device)
    step = TrainingStep(model, BatchShape(spec.batch, spec.steps, spec.inputs, spec.outputs), device)
    step()  # untimed: it loads or compiles the kernels
    kept = step.saved_bytes()
    method = "estimate: tensors kept for the backward pass and a margin"
    return _record(spec, model, step.seconds(repeats=3, budget=1.0), [], kept, int(1.3 * kept), method)


def _record(
    spec: MeasureSpec,
    model: SequenceModel,
    step_seconds: list[float],
    latency_seconds: list[float],
    saved_bytes: int,
    peak_memory_bytes: int,
    method: str,
) -> MeasurementRecord:
    return MeasurementRecord(
        measurement_id=spec.measurement_id,
        model=spec.label,
        implementation=model.implementation,
        batch=spec.batch,
        steps=spec.steps,
        step_seconds=step_seconds,
        latency_seconds=latency_seconds,
        saved_bytes=saved_bytes,
        peak_memory_bytes=peak_memory_bytes,
        method=method,
        provenance=provenance(threads=spec.threads, device=spec.device, jobs=1),
    )


def _model(spec: MeasureSpec, device: torch.device) -> SequenceModel:
    derived = streams(0)
    return build_named(
        spec.label,
        spec.model,
        spec.arguments,
        (spec.inputs, spec.outputs),
        spec.dt_as_input,
        (derived.model, derived.wiring),
    ).to(device)
