"""A case study from recipe to comparison: get the data, plan, run what is missing, compare. Prints nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.atomic import make_dir
from lnncmp.baselines import BASELINES_VERSION
from lnncmp.cases.base import Case, Prepared, load_case, load_source
from lnncmp.compare import compare
from lnncmp.data.cache import content_key
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.evaluate import score
from lnncmp.models.base import Arguments
from lnncmp.recipe import Recipe
from lnncmp.runs.estimate import Estimate, estimate
from lnncmp.runs.execute import Observer, execute
from lnncmp.runs.plan import Plan, RunSpec, data_shape, make_plan
from lnncmp.runs.processes import Assignment
from lnncmp.runs.record import BaselineRecord, RunRecord
from lnncmp.runs.store import Store
from lnncmp.sources.base import SourceContext
from lnncmp.table import Comparison


@dataclass(frozen=True)
class Request:
    """Where and how to work, none of which changes a number: folders, network, processes, starting afresh."""

    out: Path
    cache: Path
    data_dir: Path | None = None
    offline: bool = False
    jobs: int = 1
    stack: int | None = None
    fresh: bool = False
    dry_run: bool = False


class Audience(Observer, Protocol):
    """Who hears of the data being made and of the runs."""

    def data(self, description: str, done: int, total: int) -> None:
        """Hear how far fetching or making data has come."""


class DryRun(BaseModel):
    """What a study would do: windows per split, runs and measurements in all and still missing, an estimate.

    attrition: what was lost on the way to the windows. Further counts of the data stand beside, under their own names.
    """

    model_config = ConfigDict(extra="allow")

    case: str
    source: str
    preset: str
    data_hash: str
    windows: dict[str, int]
    attrition: list[dict[str, Any]] = Field(default_factory=list)
    models: dict[str, dict[str, object]]
    runs: int
    runs_missing: int
    estimate: Estimate
    assumptions: dict[str, str]


@dataclass(frozen=True)
class Ready:
    """A study whose data are there and whose runs are planned."""

    recipe: Recipe
    case: Case
    prepared: Prepared
    plan: Plan
    store: Store


def get_ready(recipe: Recipe, request: Request, audience: Audience) -> Ready:
    """Fetch or make the data and plan the runs. Raises DataError and UsageError.

    What cannot work is refused before any work: a device that is not there, folders that cannot be written.
    """
    _require_device(recipe.device)
    store = Store(request.out, audience.warn, read_only=request.dry_run)
    if not request.dry_run:
        store.check()
    if request.data_dir is None:
        make_dir(request.cache)
    case = load_case(recipe.case)
    context = SourceContext(
        cache=request.cache,
        data_dir=request.data_dir,
        offline=request.offline,
        jobs=request.jobs,
        progress=audience.data,
        warn=audience.warn,
    )
    source = load_source(case, recipe.source)
    if source.resolve is not None:
        recipe = recipe.model_copy(update={"source": source.resolve(context)})
        source = load_source(case, recipe.source)
    prepared = case.prepare(source, context, recipe.data_settings(), recipe.evaluate_settings().horizon)
    shape = data_shape(prepared)
    plan = make_plan(recipe, shape, _arguments(recipe, shape.inputs, shape.outputs))
    return Ready(recipe, case, prepared, plan, store)


def _require_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise UsageError(f"--device {device} needs CUDA, which torch does not find here", "Use --device cpu.")
    number, count = torch.device(device).index or 0, torch.cuda.device_count()
    if number >= count:
        raise UsageError(f"--device {device} does not exist: torch finds {count} CUDA devices", "Count from cuda:0.")


def _arguments(recipe: Recipe, inputs: int, outputs: int) -> dict[str, Arguments]:
    if recipe.match != "params":
        return {label: recipe.arguments(label) for label in recipe.models}
    from lnncmp.matching import matched_arguments  # needs torch, to count what gradients reach

    return matched_arguments(recipe, inputs, outputs)


def dry_run(ready: Ready, request: Request) -> DryRun:
    """Return what `run_study` would do. Writes nothing into the output folder."""
    plan, shape = ready.plan, ready.plan.shape
    stored = {spec.label: ready.store.measurement(spec.measurement_id) for spec in plan.measurements}
    measured = [record for record in stored.values() if record is not None]
    unmeasured = [spec for spec in plan.measurements if stored[spec.label] is None]
    if unmeasured:
        from lnncmp.runs.measuring import probe
        from lnncmp.runs.worker import failure

        for spec in unmeasured:
            try:
                measured.append(probe(spec))
            except LnncmpError:
                raise
            except Exception as error:  # a model may raise anything; its runs would be recorded as failed
                ready.store.warn(f"the estimate leaves out {spec.label}, which cannot be tried: {failure(error)}")
    missing = _missing_runs(ready, request)
    return DryRun(
        case=ready.recipe.case,
        source=ready.recipe.source,
        preset=ready.recipe.preset,
        data_hash=shape.data_hash,
        windows={"train": shape.train_windows, "validation": shape.validation_windows, "test": shape.test_windows},
        attrition=[step.as_row() for step in ready.prepared.attrition],
        models={spec.label: {"model": spec.model, **spec.arguments} for spec in plan.measurements},
        runs=len(plan.runs),
        runs_missing=len(missing),
        estimate=estimate(plan, missing, measured, request.jobs),
        assumptions=ready.recipe.assumptions,
        **ready.prepared.facts,
    )


def missing_tasks(ready: Ready, request: Request) -> int:
    """Return how many runs and measurements `run_study` would carry out."""
    measurements = (ready.store.measurement(spec.measurement_id) is None for spec in ready.plan.measurements)
    return len(_missing_runs(ready, request)) + sum(measurements)


def _missing_runs(ready: Ready, request: Request) -> list[RunSpec]:
    return [spec for spec in ready.plan.runs if request.fresh or ready.store.finished(spec.run_id) is None]


def run_study(ready: Ready, request: Request, audience: Audience) -> Comparison:
    """Run what is missing and return the comparison of all runs of the plan."""
    store, recipe = ready.store, ready.recipe
    store.prepare()
    baselines = _baselines(ready)  # first: they need every test set, which is then made once, here, not by each worker
    if request.fresh:
        for spec in ready.plan.runs:
            store.discard(spec.run_id)
    assignment = Assignment(
        out=request.out,
        cache=request.cache,
        data_dir=request.data_dir,
        threads=recipe.threads,
        deterministic=recipe.deterministic,
        jobs=request.jobs,
        stack=request.stack,
    )
    outcome = execute(ready.plan, store, assignment, audience)
    return compare(
        outcome.runs,
        outcome.measurements,
        baselines,
        reference=recipe.reference,
        horizons=[h for h in ready.case.horizons if h <= recipe.evaluate_settings().horizon],
        title=recipe.title,
        published={label: number for label in recipe.models if (number := recipe.entry(label).published)},
        ablations=_ablations(ready, store.runs()),
        measures=ready.case.measures,
    )


def _baselines(ready: Ready) -> list[BaselineRecord]:
    """Return the scores of the predictors without training, computed once per data hash."""
    data_hash = ready.plan.shape.data_hash
    records = []
    for name, predictor in ready.prepared.baselines().items():
        key = content_key({"baseline": name, "version": BASELINES_VERSION, "data_hash": data_hash})
        record = ready.store.baseline(key)
        if record is None:
            scores = score(predictor, ready.prepared, ready.case)
            record = BaselineRecord(baseline_id=key, name=name, data_hash=data_hash, scores=scores)
            ready.store.write_baseline(record)
        records.append(record)
    return records


def _ablations(ready: Ready, stored: Sequence[RunRecord]) -> Mapping[str, Sequence[RunRecord]]:
    """Return stored runs of the same study that differ only in having been trained without elapsed times."""
    wanted = {spec.label: _without_time(spec.recipe) for spec in ready.plan.runs}
    seeds = set(ready.recipe.seeds)
    found = [
        record
        for record in stored
        if record.recipe.get("data", {}).get("timespans") == "ones"
        and record.seeds.root in seeds
        and _without_time(record.recipe) == wanted.get(record.model)
    ]
    trained_with_time = ready.recipe.data.get("timespans", "elapsed") == "elapsed"
    return {"timespans=ones": found} if found and trained_with_time else {}


def _without_time(recipe: Mapping[str, object]) -> dict[str, object]:
    """Return a resolved run recipe without its seed and its timespans."""
    data = recipe.get("data")
    rest = {key: value for key, value in data.items() if key != "timespans"} if isinstance(data, dict) else {}
    return {**{key: value for key, value in recipe.items() if key != "seed"}, "data": rest}
