"""Errors of a predictor: one step ahead, free-running, on shifted test sets. Depends on no case and no model.

Legend of shapes: N windows, T steps, O targets, K steps of a future.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines import Persistence, Predictor, yardstick
from lnncmp.cases.base import Case, ExampleFuture, ExampleWindow, MetricValues, Prepared, TestSet
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.evaluation.bands import band_of
from lnncmp.evaluation.errors import Errors, Predicted, errors_of
from lnncmp.evaluation.metrics import mse, nmse, squared_error
from lnncmp.evaluation.spread import spread_values
from lnncmp.records.drawn import Example, Forecast
from lnncmp.records.horizon_metrics import horizon_values
from lnncmp.records.schema import HorizonPoint, PerturbationPoint, Scores


def one_step(predictor: Predictor, windows: Windows, splits: Splits) -> Predicted:
    """Return predictions and truth (N, T, O) in raw units, and which of them count."""
    unscale = splits.target_scaler.unscale
    counted = windows.target_mask & windows.valid[..., None]
    return Predicted(unscale(predictor.predict(windows)), unscale(windows.y), counted)


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


def horizon_scores(predictor: Predictor, prepared: Prepared, case: Case) -> tuple[list[HorizonPoint], dict[str, float]]:
    """Return the free-running errors and their metrics, skill against persistence on the same futures included."""
    if prepared.futures is None:
        return [], {}
    splits, futures = prepared.splits, prepared.futures
    own = horizon_errors(predictor, futures, splits)
    base = horizon_errors(Persistence(futures.future.shape[2]), futures, splits)
    return own, horizon_values([p.scaled for p in own], [p.scaled for p in base], case.horizons)


def perturbed_error(predictor: Predictor, test_set: TestSet, splits: Splits, errors: Errors) -> PerturbationPoint:
    """Return the one-step error on a shifted test set, and its ratio to that of a simple baseline on the same set."""
    windows = test_set.make()
    found = errors.judge(one_step(predictor, windows, splits)).metrics
    base = errors.judge(one_step(yardstick(splits), windows, splits)).metrics[splits.task.main]
    error = found[splits.task.main]
    return PerturbationPoint(
        group=test_set.group,
        name=test_set.name,
        level=test_set.level,
        windows=len(windows),
        error=error,
        scaled=found[errors.scaled],
        ratio=error / base if base > 0 else None,
    )


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


def score(predictor: Predictor, prepared: Prepared, case: Case) -> Scores:
    """Return all scores of `predictor` on the prepared data: splits, horizons, shifted test sets, case metrics.

    Where it has a spread, its scores are among the test metrics.
    """
    splits = prepared.splits
    errors = errors_of(splits, [target.name for target in case.targets])
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    predicted = {name: one_step(predictor, part, splits) for name, part in parts.items()}
    judged = {name: errors.judge(given) for name, given in predicted.items()}
    metrics = {name: dict(one.metrics) for name, one in judged.items()}
    own = MetricValues({}) if prepared.metrics_of is None else prepared.metrics_of(predictor)
    horizons, ahead = horizon_scores(predictor, prepared, case)
    metrics["test"] |= {**own.values, **ahead, **spread_values(predictor, splits)}
    resampling = prepared.resampling
    replicates = {} if resampling is None else errors.resampled(predicted["test"], resampling)
    return Scores(
        main=splits.task.main,
        metrics=metrics,
        per_target={name: dict(values) for name, values in judged["test"].per_target.items()},
        horizons=horizons,
        perturbations=[perturbed_error(predictor, test_set, splits, errors) for test_set in prepared.test_sets],
        replicates=replicates | {name: list(values) for name, values in own.replicates.items()},
        examples=[
            example(predictor, example_window, splits, case.step_unit) for example_window in prepared.example_windows
        ],
        forecasts=[forecast(predictor, one, prepared, case.step_unit) for one in prepared.example_futures],
    )
