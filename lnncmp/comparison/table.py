"""What a comparison says, fully computed: the seam between comparing records and formatting tables.

Every number that any format prints is here. Errors are those of lnncmp.records.metric.ERRORS; seconds and bytes are
plain numbers. None means "not known" and is never zero. Numbers that are not finite are kept out: they become None here
and null in JSON.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.data.task import CLASS_ERRORS
from lnncmp.records.metric import Metric, Published
from lnncmp.records.operations import OperationCounts
from lnncmp.records.tuning import Tuning

TABLE_SCHEMA_VERSION = 2
"""2: errors on shifted test sets are `error` and `scaled`, those of baselines lie among their metrics."""
Interval = tuple[float, float]
_FEW_GROUPS = 2
"""Kinds of networks up to which rows keep the order of the recipe."""
Verdict = Literal[
    "not significant", "significantly lower", "significantly higher", "too few seeds (n < 6)"
]  # of the error of a model against that of the reference


def on_test(error: str) -> str:
    """Return the key of an error of the task among the metrics of a row: "mse" -> "test_mse"."""
    return f"test_{error}"


def titled(heading: str, main: Metric) -> str:
    """Return the title of a table: its heading, and what its main column is."""
    return f"{heading}: {'test error' if main.name in CLASS_ERRORS else 'one-step test error'}"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Estimate(_Part):
    """A mean over seeds with its 95% interval (Student t; None under two seeds) and the values it comes from.

    geometric_mean, geometric_ci95: the same of the logarithms, as factors, for what is read on a logarithmic scale: the
    ends are above zero. None if a value is not above zero.
    values and seeds belong together, in order of seed. If a value is not finite it is None, and so are all means.
    """

    mean: float | None = None
    ci95: Interval | None = None
    geometric_mean: float | None = None
    geometric_ci95: Interval | None = None
    values: list[float | None] = Field(default_factory=list)
    seeds: list[int] = Field(default_factory=list)


class Counts(_Part):
    """Parameter counts: trainable; active = reached by a gradient; all tensors. Medians if seeds differ (wiring)."""

    trainable: int
    active: int
    total: int


class CurvePoint(_Part):
    """Free-running main error `step` steps after the last true input, over seeds, and how many were not finite.

    Means and intervals as in `Estimate`.
    """

    step: int
    mean: float | None
    ci95: Interval | None
    geometric_mean: float | None = None
    geometric_ci95: Interval | None = None
    seeds: int
    not_finite: int


class PerturbationSummary(_Part):
    """Main error under one perturbation over seeds, its ratio as in `PerturbationPoint`, the error without a unit."""

    group: str
    name: str
    level: float | None
    error: Estimate
    ratio: Estimate
    scaled: Estimate = Estimate()


class PerturbationValue(_Part):
    """The same for a predictor without seeds."""

    group: str
    name: str
    level: float | None
    error: float | None
    ratio: float | None
    scaled: float | None = None


class CostShape(_Part):
    """The batch shape at which the costs of a table were measured: windows per batch, steps per window."""

    batch: int
    steps: int


class _Costs(_Part):
    """Costs of a model from its measurement; all None if this implementation was not measured at the table's shape.

    epoch_seconds: mean over cost_repeats repeats of the time of an epoch, alone and in turn with the other models, with
    its 95% interval (Student t) and their range. None for older measurements. time_kind: "processor time" on one thread
    of a CPU, else "wall-clock time". step_seconds, latency_seconds: medians of one training step and one streaming
    step; windows_per_second = batch / step_seconds. peak_memory_bytes: median over repeats, with their range;
    memory_spread_bytes: median of the largest minus smallest peak of single training steps. Bytes, joules
    and methods as in `MeasurementRecord`.
    """

    epoch_seconds: float | None = None
    epoch_seconds_ci95: Interval | None = None
    epoch_seconds_range: Interval | None = None
    time_kind: str | None = None
    step_seconds: float | None = None
    windows_per_second: float | None = None
    latency_seconds: float | None = None
    peak_memory_bytes: int | None = None
    peak_memory_range: tuple[int, int] | None = None
    memory_spread_bytes: float | None = None
    saved_bytes: int | None = None
    cost_repeats: int | None = None
    cost_method: str | None = None
    joules_per_window: float | None = None
    energy_method: str = ""


class CostRow(_Costs):
    """A model that was measured together with those of the table and not trained."""

    model: str
    implementation: str


class ModelRow(_Costs):
    """One model of a comparison.

    group: the kind of network, see `lnncmp.models.base.GROUPS`.
    n_*: runs by outcome. n_converged: of those that ended well, how many had converged (`records.convergence`);
    last_gain: median over them of the share by which the lowest validation loss fell over the last quarter of the
    epochs; epochs: fewest and most that they trained. tuning: how its settings were found, None if not tuned.
    metrics: the errors of the task ("test_mse", "test_nmse"), and the case's own metrics by name.
    horizons: step -> mean error at the horizons shown; curve: all steps. noise_slope: see `lnncmp.stats.noise_slope`.
    per_target: metric -> target (or class) -> mean over seeds, empty for one target; "share" is that of the MSE, or of
    the test labels.
    timespans_change: relative change of the main test error (0.01 = +1%) when every elapsed time is 1 at test time;
    ablation_changes: the same for models trained under a named ablation.
    operations: of one step, means over seeds, None where no run has them.
    run_epoch_seconds: what an epoch took in training, the median over seeds of each run's median epoch; where up to
    run_stacked seeds were trained in one call it is a run's share. No time of a model alone: see epoch_seconds.
    """

    model: str
    group: str = "other"
    implementation: str
    n_ok: int
    n_diverged: int
    n_failed: int
    n_stopped: int
    n_converged: int = 0
    last_gain: float | None = None
    epochs: tuple[int, int] | None = None
    tuning: Tuning | None = None
    params: Counts
    structure: dict[str, int] = Field(default_factory=dict)
    metrics: dict[str, Estimate]
    per_target: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    horizons: dict[str, float | None]
    curve: list[CurvePoint] = Field(default_factory=list)
    noise_slope: Estimate = Estimate()
    perturbations: list[PerturbationSummary] = Field(default_factory=list)
    timespans_change: Estimate = Estimate()
    ablation_changes: dict[str, Estimate] = Field(default_factory=dict)
    run_epoch_seconds: float | None = None
    run_stacked: int = 1
    published: Published | None = None
    operations: OperationCounts | None = None

    @property
    def unconverged(self) -> bool:
        """Whether a run that ended well is known not to have converged."""
        return self.last_gain is not None and self.n_converged < self.n_ok


def many_kinds(rows: Sequence[ModelRow]) -> bool:
    """Return whether these are networks of more than two kinds, those of no known kind not counted."""
    return len({row.group for row in rows} - {"other"}) > _FEW_GROUPS


class BaselineRow(_Part):
    """One untrained baseline: the same as for a model, without seeds."""

    name: str
    metrics: dict[str, float | None]
    per_target: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    horizons: dict[str, float | None]
    curve: list[CurvePoint] = Field(default_factory=list)
    noise_slope: float | None = None
    perturbations: list[PerturbationValue] = Field(default_factory=list)


class ModelDifference(_Part):
    """One model against the reference on one metric (the main error, "test_mse", or one of the case).

    n_seeds: ok runs with this metric, of the one that has fewer. change: by `kind`, the ratio model / reference of the
    geometric means, or the difference model - reference of the means, with its 95% interval. p: Welch's t test, of
    logarithms for a ratio; p_holm: corrected over the models compared on the same metric.
    """

    model: str
    reference: str
    metric: str
    n_seeds: int
    kind: Literal["ratio", "difference"] = "ratio"
    change: float | None
    ci95: Interval | None
    p: float | None
    p_holm: float | None
    verdict: Verdict


class ComparisonTable(_Part):
    """All models and baselines on the data of one case and source.

    conditions: how the data differ from the case's usual ones, in words. errors: those of the task, the main one first.
    measures: the case's own metrics. best: the model whose main error is lowest with every pairwise difference
    significant and no run lost, else None. notes: sentences for under the table.
    """

    schema_version: int = TABLE_SCHEMA_VERSION
    title: str
    case: str
    source: str
    conditions: str = ""
    data_hash: str
    preset: str
    reference: str
    best: str | None
    cost_shape: CostShape | None
    rows: list[ModelRow]
    cost_only: list[CostRow] = Field(default_factory=list)
    baselines: list[BaselineRow]
    comparisons: list[ModelDifference]
    errors: list[Metric]
    measures: list[Metric] = Field(default_factory=list)
    notes: list[str]

    @property
    def grouped(self) -> bool:
        """Whether there are so many kinds of networks that rows stand by kind."""
        return many_kinds(self.rows)

    @property
    def heading(self) -> str:
        """The title without what the main column is."""
        return self.title.removesuffix(titled("", self.error))

    @property
    def error(self) -> Metric:
        """The main error, which the table is about."""
        return self.errors[0]

    @property
    def main(self) -> str:
        """The main error's key in `ModelRow.metrics` and `ModelDifference.metric`."""
        return on_test(self.error.name)
