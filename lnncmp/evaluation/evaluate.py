"""Errors of a predictor: one step ahead, free-running, on shifted test sets. Depends on no case and no model.

Legend of shapes: N windows, T steps, O targets, K steps of a future.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines import Persistence, Predictor
from lnncmp.cases.base import Case, ExampleFuture, ExampleWindow, MetricValues, Prepared
from lnncmp.data.windows import Futures, Splits
from lnncmp.evaluation.bands import band_of
from lnncmp.evaluation.errors import Errors, errors_of, one_step
from lnncmp.evaluation.metrics import mse, nmse, squared_error
from lnncmp.evaluation.shifted import ShiftedSets
from lnncmp.evaluation.spread import spread_values
from lnncmp.records.drawn import Example, Forecast
from lnncmp.records.horizon_metrics import horizon_values
from lnncmp.records.schema import HorizonPoint, Scores


def horizon_errors(predictor: Predictor, futures: Futures, splits: Splits) -> list[HorizonPoint]:
    """Return the errors 1 .. K steps after the last true input, with each prediction fed back as input."""
    unscale = splits.target_scaler.unscale
    predicted, truth = unscale(predictor.roll_out(futures)), unscale(futures.future)
    points = []
    for k in range(truth.shape[1]):
        error = squared_error(predicted[:, k], truth[:, k], futures.counted[:, k])
        found = {"mse": mse(error), "nmse": nmse(error, splits.target_std)}
        points.append(HorizonPoint(step=k + 1, error=found[splits.task.main], scaled=found["nmse"]))
    return points


def example(predictor: Predictor, example_window: ExampleWindow, splits: Splits, time_unit: str) -> Example:
    """Return one test window with its predictions of the first target, in raw units."""
    window = splits.test.take(slice(example_window.row, example_window.row + 1))

    def predicted(one: Predictor) -> NDArray[np.float64]:
        return splits.target_scaler.unscale(one.predict(window))[0, :, :1]

    return Example(
        name=example_window.name,
        time_unit=time_unit,
        input_times=example_window.input_times.tolist(),
        inputs=splits.input_scaler.unscale(window.x)[0, :, 0].tolist(),
        target_times=example_window.target_times.tolist(),
        truth=example_window.truth[:, 0].tolist(),
        predicted=predicted(predictor)[:, 0].tolist(),
        band=band_of(predictor, predicted),
        zooms=list(example_window.zooms),
    )


def forecast(predictor: Predictor, one: ExampleFuture, prepared: Prepared, time_unit: str) -> Forecast:
    """Return one future with its free-running predictions, in raw units, at the steps and of the targets to be kept."""
    if prepared.futures is None:
        raise ValueError("an example of a future needs futures")
    future = prepared.futures.take(slice(one.row, one.row + 1))
    unscale = prepared.scalers.outputs.unscale
    kept = np.ix_([step - 1 for step in one.steps], one.columns)
    known = np.isfinite(prepared.scalers.outputs.std)  # a quantity that training never saw has no unit

    def predicted(one: Predictor) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return np.where(known, unscale(one.roll_out(future)[0]), np.nan)[kept]

    with np.errstate(invalid="ignore"):
        truth = np.where(future.counted[0] & known, unscale(future.future[0]), np.nan)
    return Forecast(
        name=one.name,
        time_unit=time_unit,
        names=[quantity.name for quantity in one.quantities],
        units=[quantity.unit for quantity in one.quantities],
        before_times=list(one.before_times),
        before=[list(row) for row in one.before],
        times=np.cumsum(future.dt[0], dtype=np.float64)[kept[0][:, 0]].tolist(),
        truth=truth[kept].tolist(),
        predicted=predicted(predictor).tolist(),
        band=band_of(predictor, predicted),
    )


class Scorer:
    """Scores predictors on the same data.

    What is the same for every predictor is made once: the errors of persistence, and what ShiftedSets keeps.
    """

    def __init__(self, prepared: Prepared, case: Case) -> None:
        self.prepared, self.case = prepared, case

    @cached_property
    def errors(self) -> Errors:
        """How predictions are scored."""
        return errors_of(self.prepared.splits, [target.name for target in self.case.targets])

    @cached_property
    def shifted(self) -> ShiftedSets:
        """The shifted test sets."""
        return ShiftedSets(self.prepared.test_sets, self.prepared.splits, self.errors)

    def score(self, predictor: Predictor) -> Scores:
        """Return all scores of a predictor: splits, horizons, shifted test sets, metrics of the case.

        Where it has a spread, its scores are among the test metrics.
        """
        prepared, case, splits, errors = self.prepared, self.case, self.prepared.splits, self.errors
        parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        predicted = {name: one_step(predictor, part, splits) for name, part in parts.items()}
        judged = {name: errors.judge(given) for name, given in predicted.items()}
        metrics = {name: dict(one.metrics) for name, one in judged.items()}
        own = MetricValues({}) if prepared.metrics_of is None else prepared.metrics_of(predictor)
        horizons, ahead = self._horizons(predictor)
        metrics["test"] |= {**own.values, **ahead, **spread_values(predictor, splits)}
        resampling = prepared.resampling
        replicates = {} if resampling is None else errors.resampled(predicted["test"], resampling)
        return Scores(
            main=splits.task.main,
            metrics=metrics,
            per_target={name: dict(values) for name, values in judged["test"].per_target.items()},
            horizons=horizons,
            perturbations=self.shifted.points(predictor),
            replicates=replicates | {name: list(values) for name, values in own.replicates.items()},
            examples=[example(predictor, window, splits, case.step_unit) for window in prepared.example_windows],
            forecasts=[forecast(predictor, one, prepared, case.step_unit) for one in prepared.example_futures],
        )

    def _horizons(self, predictor: Predictor) -> tuple[list[HorizonPoint], dict[str, float]]:
        """Return the free-running errors, and their metrics, with the skill against persistence on the same futures."""
        if self.prepared.futures is None:
            return [], {}
        own = horizon_errors(predictor, self.prepared.futures, self.prepared.splits)
        base = [point.scaled for point in self._persistence]
        return own, horizon_values([point.scaled for point in own], base, self.case.horizons)

    @cached_property
    def _persistence(self) -> list[HorizonPoint]:
        futures = self.prepared.futures
        assert futures is not None
        return horizon_errors(Persistence(futures.future.shape[2]), futures, self.prepared.splits)


def score(predictor: Predictor, prepared: Prepared, case: Case) -> Scores:
    """Return all scores of one predictor; see Scorer."""
    return Scorer(prepared, case).score(predictor)
