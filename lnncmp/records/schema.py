"""What is kept of a run, a measurement and a baseline: the seam between producing numbers and comparing them.

Everything that compares or renders reads these records and nothing else; the module needs neither torch nor numpy.
Errors are in raw units of the case's targets unless a name says otherwise.
"""

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from lnncmp.records.convergence import Convergence, convergence_of
from lnncmp.records.drawn import Example, Forecast
from lnncmp.records.operations import OperationCounts
from lnncmp.records.run_recipe import RunRecipe
from lnncmp.records.tuning import Tuning
from lnncmp.records.weights import WeightsFile

SCHEMA_VERSION = 2
"""Version of what is written. `lnncmp.records.read` also reads version 1."""
Status = Literal["ok", "diverged", "failed", "stopped"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


def _named(name: str, older: str) -> Any:
    """Return a required field that is also read under the name that older records give it."""
    return Field(validation_alias=AliasChoices(name, older))


class Parameters(_Record):
    """Parameter counts: trainable; active = reached by a gradient (wiring masks remove the rest); all tensors."""

    trainable: int
    active: int
    total: int


class Seeds(_Record):
    """The root seed of a run and the independent streams derived from it."""

    root: int
    model: int
    wiring: int
    batches: int
    data: int


class Epoch(_Record):
    """One epoch: mean training loss and validation loss (loss units), seconds of training, largest gradient norm.

    seconds: wall-clock time of the run's share of its process, times the cores lent to it (see training.spare_cores).
    peak_memory: bytes, of the process that trains (CUDA: of the allocator), of all runs of a stack together; None where
    the system does not report it, and in older records.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    seconds: float
    grad_norm: float
    learning_rate: float
    peak_memory: int | None = None


class HorizonPoint(_Record):
    """Free-running error `step` steps after the last true input, over all test windows with a future that long.

    error: the main error of the scores; scaled: the NMSE. Older records call them mse and nmse.
    """

    step: int
    error: float = _named("error", "mse")
    scaled: float = _named("scaled", "nmse")


class PerturbationPoint(_Record):
    """Test error under one perturbation: a group ("noise", "keep", "physics", "timespans"), a name, a level.

    error: the main error of the scores; scaled: the one without a unit, NMSE of values, log loss of classes. Older
    records call them mse and nmse. ratio: the error over that of persistence (repeats the last value) on the same set,
    or, where no target is an input, of the baseline that sees no input (None if not defined).
    """

    group: str
    name: str
    level: float | None
    windows: int
    error: float = _named("error", "mse")
    scaled: float = _named("scaled", "nmse")
    ratio: float | None = None


class Scores(_Record):
    """Everything that evaluation says about one predictor (model or baseline) on one data set.

    main: name of the error that tables are about. metrics: split -> metric -> value, e.g. {"test": {"mse": ..., "nmse":
    ...}}, the case's own measures under "test"; per_target: metric -> target (or class) -> value. replicates: metric ->
    its values over bootstrap samples of the groups of the test data, the same samples for every predictor; never a
    value of one group.
    """

    main: str = "mse"
    metrics: dict[str, dict[str, float]]
    per_target: dict[str, dict[str, float]] = Field(default_factory=dict)
    horizons: list[HorizonPoint] = Field(default_factory=list)
    perturbations: list[PerturbationPoint] = Field(default_factory=list)
    examples: list[Example] = Field(default_factory=list)
    forecasts: list[Forecast] = Field(default_factory=list)
    replicates: dict[str, list[float]] = Field(default_factory=dict)


class KernelCheckRecord(_Record):
    """What a worker found when it compared a model's fused kernels with plain PyTorch, before it trained the model.

    agrees: whether the differences of outputs and gradients (as shares of the largest one) are those of rounding; if
    not, plain PyTorch was used. error: what was raised in place of results. seconds: what the check took.
    """

    agrees: bool
    output_difference: float
    gradient_difference: float
    error: str | None = None
    seconds: float


class Provenance(_Record):
    """Code, packages and machine behind a record; nothing personal. jobs: processes that ran at once on it.

    code: commit of lnncmp's checkout, or a hash of its files (`lnncmp.common.code_version`); None in older records, and
    of measurements.
    """

    lnncmp: str | None = None
    code: str | None = None
    python: str | None = None
    packages: dict[str, str | None] = Field(default_factory=dict)
    system: str | None = None
    cpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    jobs: int | None = None
    device: str | None = None


class RunRecord(_Record):
    """One training run, complete or not. Written once; only weights that are made again may change, and `weights`.

    protocol_id: hash of all that the runs of a comparison share (data, training, evaluation), without models and seeds.
    measurement_id: of the record of this model's cost. inputs, outputs: features of a step that the model reads (before
    the elapsed time is added) and predicts. All three are None in records of schema 1, which did not hold them.
    conditions: how the data differ from the case's usual ones, in words (e.g. "noise 0.1").
    wiring_seed: what the model's wiring was drawn from, None if it has no random wiring.
    tuning: the search that found the model's settings, None if they were not tuned.
    stacked: how many runs were trained in one call; an epoch's seconds are then this run's share of the time.
    kernel_check: None where no fused kernel was to run.
    convergence: how training ended, None for a run without an epoch; filled in where an older record lacks it.
    operations: of one step, as trained, on test windows; None in older records and where they could not be counted.
    weights: the file beside this record with the weights that were evaluated, None if they were not kept; pruning
    removes the file alone.
    recipe: the resolved recipe of this run. status: a diverged run is a result, with `stopped_epoch` and `reason`.
    """

    schema_version: int = SCHEMA_VERSION
    kind: Literal["run"] = "run"
    run_id: str
    protocol_id: str
    measurement_id: str | None = None
    case: str
    source: str
    conditions: str = ""
    preset: str
    model: str
    recipe: RunRecipe
    data_hash: str
    inputs: int | None = None
    outputs: int | None = None
    seeds: Seeds
    wiring_seed: int | None = None
    tuning: Tuning | None = None
    status: Status
    reason: str | None = None
    stopped_epoch: int | None = None
    implementation: str
    stacked: int = 1
    parameters: Parameters
    structure: dict[str, int] = Field(default_factory=dict)
    kernel_check: KernelCheckRecord | None = None
    history: list[Epoch] = Field(default_factory=list)
    best_epoch: int | None = None
    convergence: Convergence | None = None
    scores: Scores | None = None
    operations: OperationCounts | None = None
    weights: WeightsFile | None = None
    warnings: list[str] = Field(default_factory=list)
    provenance: Provenance = Field(default_factory=Provenance)

    @model_validator(mode="after")
    def _with_convergence(self) -> "RunRecord":
        if self.convergence is None:
            plateau = self.recipe.train.patience is not None and len(self.history) < self.recipe.train.epochs
            self.convergence = convergence_of(
                [epoch.validation_loss for epoch in self.history],
                [epoch.learning_rate for epoch in self.history],
                plateau=plateau and self.status == "ok",
            )
        return self


class MeasurementRecord(_Record):
    """Cost of one model at one batch shape on one case: raw samples, one per repeat, and how they were taken.

    A repeat is a fresh process in which the models of a study are measured together. `session` names the repeats:
    two models of one session were measured in the same processes, so their samples are pairs. None: there was one
    repeat, as in older records, whose step_seconds are then single steps of one process.
    model: label in the recipe; name: the model's name. inputs, outputs: features of a step, before the elapsed time is
    added. windows: of the training data, from which the steps of an epoch follow. stacked: copies of the model that
    are trained in one call.
    step_seconds, step_cpu_seconds: wall-clock and processor time (of all threads) of one training step, in turn with
    the other models. latency_seconds: one streaming step at batch 1. saved_bytes: tensors kept for the backward pass of
    one training step. peak_memory_bytes: growth of the process's peak resident memory (CUDA: allocator peak) over
    training steps, the median of peak_memory_samples. memory_spread_samples: largest minus smallest peak of single
    training steps after the first ones; empty where a system does not report it.
    joules_per_window: energy of a training step for each window of its batch, empty where the machine does not let it
    be read; energy_method says how, or that it does not.
    Case, name, arguments, inputs, outputs, windows are None in older records.
    """

    schema_version: int = SCHEMA_VERSION
    kind: Literal["measurement"] = "measurement"
    measurement_id: str
    session: str | None = None
    case: str | None = None
    model: str
    name: str | None = None
    arguments: dict[str, Any] | None = None
    dt_as_input: bool | None = None
    implementation: str
    batch: int
    steps: int
    inputs: int | None = None
    outputs: int | None = None
    windows: int | None = None
    stacked: int = 1
    step_seconds: list[float]
    step_cpu_seconds: list[float] = Field(default_factory=list)
    latency_seconds: list[float]
    saved_bytes: int
    peak_memory_bytes: int
    peak_memory_samples: list[int] = Field(default_factory=list)
    memory_spread_samples: list[int] = Field(default_factory=list)
    method: str
    joules_per_window: list[float] = Field(default_factory=list)
    energy_method: str = ""
    provenance: Provenance = Field(default_factory=Provenance)

    @property
    def epoch_steps(self) -> int | None:
        """Training steps of an epoch, the last of which may be of a smaller batch; None in older records."""
        return None if self.windows is None else -(-self.windows // self.batch)


class BaselineRecord(_Record):
    """Scores of one untrained baseline on the data of a comparison."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["baseline"] = "baseline"
    baseline_id: str
    name: str
    data_hash: str
    scores: Scores
