"""What a case makes of its data: windows, futures, shifted test sets, and what is said of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines import Predictor
from lnncmp.data.encoding import Quantity
from lnncmp.data.recording import AttritionStep
from lnncmp.data.resampling import Resampling
from lnncmp.data.scaling import Scalers
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.records.drawn import Zoom


@dataclass(frozen=True)
class TestSet:
    """One shifted test set: group ("noise", "keep", "physics", ...), name, level if it has one, and the windows.

    `make` returns the windows in the units of the splits; called when needed, so that not all are in memory at once.
    `relative`: the raw error misleads there, and the ratio to persistence is the metric.
    """

    __test__ = False

    group: str
    name: str
    level: float | None
    make: Callable[[], Windows]
    relative: bool = False


@dataclass(frozen=True)
class ExampleWindow:
    """One test window to be drawn: which row of the test windows, its name, and the stretches to magnify.

    truth: (T, O) raw values that the predictions of the window are compared with. input_times, target_times: (T,).
    """

    name: str
    row: int
    truth: NDArray[np.float64]
    input_times: NDArray[np.float64]
    target_times: NDArray[np.float64]
    zooms: Sequence[Zoom] = ()


@dataclass(frozen=True)
class ExampleFuture:
    """One future whose free-running forecast is kept to be drawn: its name, and which row of the futures it is.

    steps: which of its K steps, counted from 1. columns: numbers of the C targets that are kept. quantities: their
    names and raw units. before_times: (B,), none above 0, the last true input being at 0. before: (B, C) raw values,
    NaN where nothing was measured.
    """

    name: str
    row: int
    steps: Sequence[int]
    columns: Sequence[int]
    quantities: Sequence[Quantity]
    before_times: Sequence[float] = ()
    before: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class MetricValues:
    """The case's own metrics of one predictor, by name; one that is not defined on these data is left out.

    replicates: the same over bootstrap samples of the groups of the test data, as many and the same samples for every
    predictor, for metrics whose uncertainty over groups counts; the main error (Task.main) may be among them.
    """

    values: Mapping[str, float]
    replicates: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """What is to be known of the data before anything is trained: a table of words and numbers, or sentences.

    headings: of all columns, the first of which names the rows. A share, a count, a name: never a value of a patient.
    """

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str | int | float | None, ...], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """All that a comparison sees of the data: splits, futures for free-running tests, shifted test sets, a hash.

    baselines: makes the untrained baselines of the table, by name; called when needed.
    metrics_of: computes the case's own metrics (`Case.metrics`) of a predictor, None if the case has none.
    example_windows, example_futures: test windows, futures whose predictions are kept in the records. None of patient
    data, unless their source is invented.
    resampling: bootstrap samples of the groups of the test windows, over which the test error is given too; None where
    the case gives its own (`MetricValues.replicates`), or none.
    attrition: what was lost on the way to the windows. facts: further counts of the data, by name.
    raw_scalers: between raw units and the windows, kept with a network; None where the splits' own do that.
    described: tables and sentences about the data, shown by a dry run.
    """

    splits: Splits
    futures: Futures | None
    test_sets: Sequence[TestSet]
    data_hash: str
    baselines: Callable[[], Mapping[str, Predictor]]
    metrics_of: Callable[[Predictor], MetricValues] | None = None
    example_windows: Sequence[ExampleWindow] = ()
    example_futures: Sequence[ExampleFuture] = ()
    attrition: Sequence[AttritionStep] = ()
    facts: Mapping[str, int] = field(default_factory=dict)
    resampling: Resampling | None = None
    raw_scalers: Scalers | None = None
    described: Sequence[Described] = ()

    @property
    def scalers(self) -> Scalers:
        """Between raw units and what a network reads and predicts."""
        own = Scalers(self.splits.input_scaler, self.splits.target_scaler)
        return own if self.raw_scalers is None else self.raw_scalers
