"""One repeat of the measurements of a plan in a worker process, and a rough measurement for estimates."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from lnncmp.common.process import in_copy
from lnncmp.common.seeding import streams
from lnncmp.errors import LnncmpError
from lnncmp.evaluation.cost import (
    SLOW_STEP,
    BatchShape,
    TrainingStep,
    latency_samples,
    memory_spread,
    peak_memory,
    release_heap,
    seconds_in_turn,
)
from lnncmp.evaluation.joules import UNREADABLE, energy_meter, joules_of
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import MeasurementRecord
from lnncmp.runs.machine_errors import pass_on
from lnncmp.runs.plan import MeasureSpec, Sample
from lnncmp.runs.worker import failure
from lnncmp.training.build import build_named
from lnncmp.training.kernel_check import check_kernels

_Energy = tuple[float | None, str]
"""Joules of a window, and how they were read or why not."""
_Seconds = tuple[float, float]
"""Wall-clock and processor seconds of a training step."""

FEW_REPEATS = 3
"""Repeats of a model whose training step is slow (SLOW_STEP)."""
LONG_STEP = 3.0
"""Processor seconds from which on one training step is all that is measured."""


def set_up_torch(threads: int, deterministic: bool) -> None:
    """Set the number of threads of this process; `deterministic` makes torch refuse nondeterministic kernels."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


class UnsoundKernelsError(Exception):
    """The fused kernels differ from plain PyTorch, so their cost is meaningless."""


class UnmeasurableError(Exception):
    """A model raised; the message says what, and its runs will give the details."""


def check_models(specs: Sequence[MeasureSpec]) -> dict[str, UnmeasurableError | None]:
    """Compile what the cache of kernels lacks and compare kernels with plain PyTorch, in copies of this process.

    Returns exceptions by measurement id, None for a sound model.
    """
    return {spec.measurement_id: _check(spec) for spec in specs}


def measure_repeat(specs: Sequence[MeasureSpec]) -> dict[str, Sample | UnmeasurableError]:
    """Measure models in copies of this process, which must be isolated, and return samples by measurement id.

    Memory: a copy for each model. Times: one copy, in which the models take turns. A model that raises has an exception
    in place of samples.
    """
    found: dict[str, Any] = {}
    for work in (_load_kernels, _memory):
        for spec in specs:
            if not isinstance(found.get(spec.measurement_id), UnmeasurableError):
                found[spec.measurement_id] = work(spec)
    sound = [spec for spec in specs if not isinstance(found[spec.measurement_id], UnmeasurableError)]
    known = [found[spec.measurement_id].pop("taken") for spec in sound]
    times = in_copy(lambda: _times(sound, known))
    for spec, (wall, processor, latency, (joules, energy_method)) in zip(sound, times, strict=True):
        own = {"step_seconds": wall, "step_cpu_seconds": processor, "latency_seconds": latency}
        own |= {"joules": joules, "energy_method": energy_method}
        found[spec.measurement_id] = Sample(**own, **found[spec.measurement_id])
    return found


def _tried(work: Callable[[MeasureSpec], Any]) -> Callable[[MeasureSpec], Any]:
    """Return `work` that returns the exception of a model that cannot be measured."""

    def done(spec: MeasureSpec) -> Any:
        try:
            return work(spec)
        except LnncmpError:
            raise
        except Exception as error:  # a model may raise anything
            pass_on(error)
            return UnmeasurableError(failure(error))

    return done


def _in_copy(work: Callable[[MeasureSpec], Any]) -> Callable[[MeasureSpec], Any]:
    """Return `work` done by a copy of this process."""
    return lambda spec: in_copy(lambda: work(spec))


@_in_copy
@_tried
def _check(spec: MeasureSpec) -> None:
    """Compile or load the kernels of a model and compare them with plain PyTorch."""
    model = _model(spec)
    _warm_up(spec, model)
    check = check_kernels(model, spec.inputs, spec.batch)
    if check is not None and not check.agrees:
        raise UnsoundKernelsError(check.summary)


@_tried
def _load_kernels(spec: MeasureSpec) -> None:
    """Load the kernels of a model, which takes seconds: copies have what this process has loaded.

    Not with threads, which a copy lacks, nor where torch might start some for a GPU.
    """
    alone = spec.threads == 1 and spec.device == "cpu"
    if alone and (torch.version.cuda is None or not torch.cuda.is_available()):
        TrainingStep(_model(spec), BatchShape(1, 1, spec.inputs, spec.outputs), torch.device("cpu"))()


def _warm_up(spec: MeasureSpec, model: SequenceModel) -> None:
    """Take steps on short sequences: libraries allocate workspaces and load kernels on first use."""
    for batch in (1, spec.batch):
        TrainingStep(model, BatchShape(batch, 1, spec.inputs, spec.outputs), torch.device(spec.device))()


@_in_copy
@_tried
def _memory(spec: MeasureSpec) -> dict[str, Any]:
    model = _model(spec)
    _warm_up(spec, model)
    release_heap()
    step = _step(spec, model)
    started = time.perf_counter(), time.process_time()
    peak, method = peak_memory(step, repeats=1)
    wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
    slow, long = processor > SLOW_STEP, processor > LONG_STEP
    return {
        "implementation": model.implementation,
        "peak": peak,
        "method": method,
        "repeats": 1 if long else FEW_REPEATS if slow else spec.repeats,
        "taken": (wall, processor) if long else None,
        "spread": None if slow else memory_spread(step),
        "saved_bytes": step.saved_bytes(),
    }


def _times(
    specs: Sequence[MeasureSpec], known: Sequence[_Seconds | None]
) -> list[tuple[float, float, tuple[float, ...], _Energy]]:
    """Return wall-clock and processor seconds of a training step, latencies, and energy of each model.

    known: the seconds of steps that are not to be taken again.
    """
    models = [_model(spec) for spec in specs]
    for spec, model in zip(specs, models, strict=True):
        _warm_up(spec, model)
    steps = [_step(spec, model) for spec, model in zip(specs, models, strict=True)]
    timed = iter(seconds_in_turn([step for step, own in zip(steps, known, strict=True) if own is None]))
    times = [next(timed) if own is None else own for own in known]
    energies = [_energy(spec, step, time[0]) for spec, step, time in zip(specs, steps, times, strict=True)]
    latencies = [
        tuple(latency_samples(model, spec.inputs, torch.device(spec.device), repeats=40))
        for spec, model in zip(specs, models, strict=True)
    ]
    return [(*time, *rest) for time, rest in zip(times, zip(latencies, energies, strict=True), strict=True)]


def _energy(spec: MeasureSpec, step: TrainingStep, seconds: float) -> _Energy:
    """Return the joules of a window in a training step, where they can be read."""
    found = energy_meter(torch.device(spec.device))
    if found is None:
        return None, UNREADABLE
    meter, method = found
    return joules_of(step, seconds, meter) / spec.batch, method


def probe(spec: MeasureSpec) -> MeasurementRecord:
    """Return a rough measurement taken in this process within seconds, for estimates only: it must not be stored."""
    set_up_torch(spec.threads, deterministic=False)
    model = _model(spec)
    step = _step(spec, model)
    step()  # untimed: it loads or compiles the kernels
    kept = step.saved_bytes()
    method = "estimate: tensors kept for the backward pass and a margin"
    return MeasurementRecord(
        **spec.described(),
        implementation=model.implementation,
        step_seconds=step.seconds(repeats=3, budget=1.0),
        latency_seconds=[],
        saved_bytes=kept,
        peak_memory_bytes=int(1.3 * kept),
        method=method,
    )


def weights_bytes(spec: MeasureSpec) -> int:
    """Return the bytes of a model's parameters and buffers."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _model(spec).state_dict().values())


def _step(spec: MeasureSpec, model: SequenceModel) -> TrainingStep:
    return TrainingStep(model, BatchShape(spec.batch, spec.steps, spec.inputs, spec.outputs), torch.device(spec.device))


def _model(spec: MeasureSpec) -> SequenceModel:
    derived = streams(0)
    return build_named(
        spec.label,
        spec.model,
        spec.arguments,
        (spec.inputs, spec.outputs),
        spec.dt_as_input,
        (derived.model, derived.wiring),
    ).to(spec.device)
