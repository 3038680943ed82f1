"""A study before its first run: data are fetched or generated, runs are planned."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lnncmp.cases.base import Case, Prepared, case_of, load_case, load_source
from lnncmp.common.files import make_dir
from lnncmp.data.task import Task
from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.run_recipe import RunRecipe
from lnncmp.records.settings import BY_PARAMETERS
from lnncmp.records.store import Store
from lnncmp.runs.executors.base import Executor
from lnncmp.runs.executors.local import LocalExecutor
from lnncmp.runs.listener import RunListener
from lnncmp.runs.plan import Plan, RunSpec, data_shape, make_plan
from lnncmp.runs.processes import WorkerConfig
from lnncmp.sources.base import SourceContext


@dataclass(frozen=True)
class Request:
    """Where and how to work, without any effect on the numbers: folders, network, processes, resuming, what is kept.

    jobs: processes of this machine, for its own work and that of the local executor. executor: carries out the runs.
    """

    out: Path
    cache: Path
    data_dir: Path | None = None
    offline: bool = False
    jobs: int = 1
    stack: int | None = None
    fresh: bool = False
    dry_run: bool = False
    keep_weights: bool = False
    files: tuple[Path, ...] = ()
    executor: Executor = field(default_factory=LocalExecutor)


def worker_config(request: Request, recipe: Recipe | RunRecipe) -> WorkerConfig:
    """Return what worker processes need to know to carry out runs of a recipe."""
    return WorkerConfig(
        out=request.out,
        cache=request.cache,
        data_dir=request.data_dir,
        threads=recipe.threads,
        deterministic=recipe.deterministic,
        jobs=request.jobs,
        stack=request.stack,
        keep_weights=request.keep_weights,
        files=request.files,
        device=recipe.device,
    )


class StudyListener(RunListener, Protocol):
    """Progress callbacks of a study: of its data and its runs."""

    def data(self, description: str, done: int, total: int) -> None:
        """Report the progress of fetching or generating data."""


@dataclass(frozen=True)
class Ready:
    """A study with prepared data and planned runs."""

    recipe: Recipe
    case: Case
    prepared: Prepared
    plan: Plan
    store: Store


def get_ready(recipe: Recipe, request: Request, listener: StudyListener) -> Ready:
    """Fetch or generate the data and plan the runs. Raises DataError and UsageError.

    A missing device or a folder without write permission is rejected before any work.
    """
    require_device(recipe.device)
    require_threads(recipe.threads)
    store = Store(request.out, listener.warn, read_only=request.dry_run)
    if not request.dry_run:
        store.check()
    recipe, prepared = prepare(recipe, request, listener)
    listener.doing("planning")
    require_class_weights(recipe, prepared.splits.task)
    shape = data_shape(prepared)
    plan = make_plan(recipe, shape, model_arguments(recipe, shape.inputs, shape.outputs))
    return Ready(recipe, case_of(recipe.case, recipe.data), prepared, plan, store)


def prepare(recipe: Recipe, request: Request, listener: StudyListener) -> tuple[Recipe, Prepared]:
    """Return the recipe with the source that is there and complete settings, and its data. Raises DataError."""
    if request.data_dir is None and not request.files:
        make_dir(request.cache)
    listener.doing("preparing data")
    case = load_case(recipe.case)
    context = SourceContext(
        cache=request.cache,
        data_dir=request.data_dir,
        files=request.files,
        offline=request.offline,
        jobs=request.jobs,
        progress=listener.data,
        warn=listener.warn,
    )
    source = load_source(case, recipe.source)
    if source.resolve is not None:
        recipe = recipe.model_copy(update={"source": source.resolve(context)})
        source = load_source(case, recipe.source)
    settings = recipe.data_settings()
    if case.complete is not None:
        settings = case.complete(source, context, settings)
        recipe = recipe.model_copy(update={"data": settings.model_dump(mode="json")})
    return recipe, case.of(settings).prepare(source, context, settings, recipe.evaluate_settings().horizon)


def require_class_weights(recipe: Recipe, task: Task) -> None:
    """Raise UsageError unless the class weights in the training settings of every model fit the classes."""
    for label in recipe.models:
        weights = recipe.train_settings(label).class_weights
        if weights is not None and len(weights) != len(task.classes):
            classes = ", ".join(task.classes) or "none"
            raise UsageError(
                f"class_weights in the training settings of {label} has {len(weights)} weights; the classes are: "
                f"{classes}",
                "Give one weight for each class, in this order.",
            )


def require_device(device: str) -> None:
    """Raise UsageError unless torch finds this device here."""
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise UsageError(f"--device {device} needs CUDA, which torch does not find here", "Use --device cpu.")
    number, count = torch.device(device).index or 0, torch.cuda.device_count()
    if number >= count:
        raise UsageError(f"--device {device} does not exist: torch finds {count} CUDA devices", "Count from cuda:0.")


def require_threads(threads: int) -> None:
    """Raise UsageError for more threads than this machine has processor cores."""
    cores = os.cpu_count() or 1
    if threads > cores:
        raise UsageError(
            f"{threads:,} threads for each process are more than the {cores} cores of this machine", "Use --threads 1."
        )


def model_arguments(recipe: Recipe, inputs: int, outputs: int) -> dict[str, Arguments]:
    """Return the final arguments of every model by label, sizes matched. Raises UsageError if none can be built."""
    if recipe.match not in BY_PARAMETERS:
        return {label: recipe.arguments(label) for label in recipe.models}
    from lnncmp.training.matching import matched_arguments  # needs torch to count active parameters

    return matched_arguments(recipe, inputs, outputs)


def missing_tasks(ready: Ready, request: Request) -> int:
    """Return the number of runs and measurements that `run_study` would execute."""
    measurements = (ready.store.measurement(spec.measurement_id) is None for spec in ready.plan.measurements)
    return len(missing_runs(ready, request)) + sum(measurements)


def missing_runs(ready: Ready, request: Request) -> list[RunSpec]:
    """Return the runs that `run_study` would execute."""
    return [spec for spec in ready.plan.runs if request.fresh or ready.store.finished(spec.run_id) is None]
