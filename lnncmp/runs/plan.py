"""The plan of a recipe: runs and measurements, each with the identity of its record."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from lnncmp.cases.base import Prepared, load_case
from lnncmp.common.cache import content_key
from lnncmp.common.provenance import provenance
from lnncmp.common.seeding import streams
from lnncmp.models.base import Arguments, load_model
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.run_recipe import ModelChoice, RunRecipe
from lnncmp.records.tuning import Tuning


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunSpec(_Spec):
    """One run. `recipe` is resolved, contains everything that can change its numbers, and is stored in its record.

    The other fields are those of `RunRecord`.
    """

    run_id: str
    protocol_id: str
    measurement_id: str
    case: str
    source: str
    conditions: str
    preset: str
    label: str
    seed: int
    data_hash: str
    inputs: int
    outputs: int
    wiring_seed: int | None
    tuning: Tuning | None = None
    recipe: RunRecipe


class RunBatch(_Spec):
    """Runs of one model with different seeds, trained together if the model supports it."""

    runs: tuple[RunSpec, ...]

    @property
    def label(self) -> str:
        """Return the model's row label in the table."""
        return self.runs[0].label


class MeasureSpec(_Spec):
    """The cost measurement of one model at one batch shape on this machine, together with the other models of a plan.

    Its identity changes with those others: samples of models are pairs only if they were taken in turn.
    """

    measurement_id: str
    case: str
    label: str
    model: str
    arguments: dict[str, Any]
    dt_as_input: bool
    batch: int
    steps: int
    inputs: int
    outputs: int
    windows: int
    device: str
    threads: int
    repeats: int = 5

    def described(self) -> dict[str, Any]:
        """Return the fields of its record that say what was measured, and where."""
        unlike = {"label", "model", "device", "threads", "repeats"}
        machine = provenance(threads=self.threads, device=self.device, jobs=1)
        return {**self.model_dump(exclude=unlike), "model": self.label, "name": self.model, "provenance": machine}


@dataclass(frozen=True)
class Sample:
    """What one repeat measured of one model; see `MeasurementRecord`.

    spread: None where it was not measured. joules: of a window in a training step, None where it cannot be read; its
    method says how, or why not. repeats: how many are to do at most, fewer where a step takes long.
    """

    implementation: str
    step_seconds: float
    step_cpu_seconds: float
    latency_seconds: tuple[float, ...]
    saved_bytes: int
    peak: int
    spread: int | None
    repeats: int
    method: str
    joules: float | None
    energy_method: str


class MeasureRepeat(_Spec):
    """One repeat of the measurements of a plan, which takes a fresh process; `number` counts from 0.

    check: nothing is measured, but kernels are compiled where that is missing, and checked.
    """

    specs: tuple[MeasureSpec, ...]
    number: int
    check: bool = False

    @property
    def label(self) -> str:
        """Return the name of the task in messages."""
        return f"kernels of {self.specs[0].label}" if self.check else f"cost, repeat {self.number + 1}"


@dataclass(frozen=True)
class DataShape:
    """What planning needs to know about the prepared data."""

    data_hash: str
    train_windows: int
    validation_windows: int
    test_windows: int
    steps: int
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Plan:
    """Runs and measurements of one comparison, in table order."""

    recipe: Recipe
    shape: DataShape
    protocol_id: str
    runs: tuple[RunSpec, ...]
    measurements: tuple[MeasureSpec, ...]

    def measurement_of(self, run: RunSpec) -> MeasureSpec:
        """Return the measurement of a run's model."""
        return next(one for one in self.measurements if one.measurement_id == run.measurement_id)


def data_shape(prepared: Prepared) -> DataShape:
    """Return the sizes of the prepared data."""
    splits = prepared.splits
    return DataShape(
        data_hash=prepared.data_hash,
        train_windows=len(splits.train),
        validation_windows=len(splits.validation),
        test_windows=len(splits.test),
        steps=splits.train.x.shape[1],
        inputs=splits.train.x.shape[2],
        outputs=splits.train.y.shape[2],
    )


def make_plan(recipe: Recipe, shape: DataShape, arguments: dict[str, Arguments]) -> Plan:
    """Return the plan of `recipe` for data of `shape`; `arguments`: final model arguments by label."""
    shared = _shared(recipe)
    protocol_id = content_key({**shared, "data_hash": shape.data_hash})
    measurements = _measurements(recipe, arguments, shape)
    runs = [
        _run(recipe, _run_recipe(recipe, label, chosen, seed, shared), shape, protocol_id, measurement.measurement_id)
        for (label, chosen), measurement in zip(arguments.items(), measurements, strict=False)
        for seed in recipe.seeds
    ]
    return Plan(recipe, shape, protocol_id, tuple(runs), measurements)


def _shared(recipe: Recipe) -> dict[str, Any]:
    """Return what all runs of the comparison have in common."""
    return {
        "case": recipe.case,
        "case_version": load_case(recipe.case).version,
        "source": recipe.source,
        "match": recipe.match,
        "dt_as_input": recipe.dt_as_input,
        "device": recipe.device,
        "threads": recipe.threads,
        "deterministic": recipe.deterministic,
        "data": recipe.data_settings().model_dump(mode="json"),
        "train": recipe.train_settings().model_dump(mode="json"),
        "evaluate": recipe.evaluate_settings().model_dump(mode="json"),
    }


def _run_recipe(recipe: Recipe, label: str, arguments: Arguments, seed: int, shared: dict[str, Any]) -> RunRecipe:
    name = recipe.entry(label).model
    model = ModelChoice(
        label=label, name=name, version=load_model(name).version, arguments=arguments.model_dump(mode="json")
    )
    return RunRecipe(**{**shared, "train": recipe.train_settings(label)}, model=model, seed=seed)


def run_id(recipe: RunRecipe, data_hash: str) -> str:
    """Return the identity of a run: it changes with everything that can change a number, and with nothing else."""
    return content_key({**recipe.model_dump(mode="json"), "data_hash": data_hash})


def _run(recipe: Recipe, own: RunRecipe, shape: DataShape, protocol_id: str, measurement_id: str) -> RunSpec:
    fixed = own.model.wiring_seed
    drawn = streams(own.seed).wiring if "wiring_seed" in own.model.arguments else None
    return RunSpec(
        run_id=run_id(own, shape.data_hash),
        protocol_id=protocol_id,
        measurement_id=measurement_id,
        case=recipe.case,
        source=recipe.source,
        conditions=recipe.data_settings().conditions,
        preset=recipe.preset,
        label=own.model.label,
        seed=own.seed,
        data_hash=shape.data_hash,
        inputs=shape.inputs,
        outputs=shape.outputs,
        wiring_seed=drawn if fixed is None else fixed,
        tuning=recipe.entry(own.model.label).tuning,
        recipe=own,
    )


def _measurements(recipe: Recipe, arguments: dict[str, Arguments], shape: DataShape) -> tuple[MeasureSpec, ...]:
    """Return the measurements of the models in the order of `arguments`, then of those that are not trained."""
    measured = [
        _measured(recipe, label, recipe.entry(label).model, chosen, shape) for label, chosen in arguments.items()
    ]
    sizes = {recipe.entry(label).model: chosen.model_dump()["hidden"] for label, chosen in arguments.items()}
    for label, entry in recipe.cost_only.items():
        chosen = recipe.cost_only_arguments(label, sizes.get(entry.model, recipe.hidden))
        measured.append(_measured(recipe, label, entry.model, chosen, shape))
    machine = provenance(threads=recipe.threads, device=recipe.device, jobs=1)
    keys = [content_key({**what, "version": load_model(what["model"]).version}) for what in measured]
    together = content_key({"models": sorted(keys), "machine": machine})
    return tuple(
        MeasureSpec(measurement_id=content_key({"model": key, "together": together}), **what)
        for key, what in zip(keys, measured, strict=True)
    )


def _measured(recipe: Recipe, label: str, name: str, arguments: Arguments, shape: DataShape) -> dict[str, Any]:
    """Return what a measurement of a model is: two rows with the same model and arguments have a record each."""
    train = recipe.train_settings(label if label in recipe.models else None)
    return {
        "case": recipe.case,
        "label": label,
        "model": name,
        "arguments": arguments.model_dump(mode="json"),
        "dt_as_input": recipe.dt_as_input,
        "batch": min(train.batch_size, shape.train_windows),
        "steps": shape.steps,
        "inputs": shape.inputs,
        "outputs": shape.outputs,
        "windows": shape.train_windows,
        "repeats": recipe.cost_repeats,
        "device": recipe.device,
        "threads": recipe.threads,
    }
