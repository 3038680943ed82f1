"""What the pictures of free-running forecasts show: one window as it was, and as a few predictors have it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.base import Outline
from lnncmp.comparison.rows import ok_scores
from lnncmp.comparison.studies import Study
from lnncmp.comparison.table import ModelRow
from lnncmp.errors import LnncmpError
from lnncmp.records.drawn import Forecast
from lnncmp.records.schema import Scores
from lnncmp.report.build.bands import shown_band
from lnncmp.report.figures import style
from lnncmp.report.figures.bands import SampleBand
from lnncmp.report.figures.course import Course, CourseRow
from lnncmp.report.figures.postures import Drawing, PostureRow, Postures

MOST = 5
"""Predictors of one picture."""
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Predictor:
    """A model or a baseline, with its test error and what its runs forecast. group: the kind of network."""

    name: str
    note: str
    error: float
    group: str
    scores: Sequence[Scores]


@dataclass(frozen=True)
class Window:
    """One window that forecasts were kept of. predicted: by predictor, over (seeds, K steps, C quantities).

    bands: of the predictors that have one.
    """

    first: Forecast
    predicted: dict[str, _Floats]
    notes: dict[str, str]
    bands: dict[str, SampleBand | None]


def windows(study: Study) -> Iterator[Window]:
    """Yield each window of which forecasts were kept, as the predictors that matter most have it, at most `MOST`.

    These are the reference, the best liquid network, the best other one, the best untrained baseline, and the next best
    ones, in the order of the table. Raises LnncmpError if the records show different windows under one name.
    """
    chosen = _chosen(_predictors(study), study.table.reference)
    kept = {one.name: [f for score in one.scores for f in score.forecasts] for one in chosen}
    for name in dict.fromkeys(forecast.name for found in kept.values() for forecast in found):
        same = {label: [one for one in found if one.name == name] for label, found in kept.items()}
        same = {label: found for label, found in same.items() if found}
        first = next(iter(same.values()))[0]
        for label, found in same.items():
            _require_same(label, found, first)
        predicted = {label: np.array([one.predicted for one in found], np.float64) for label, found in same.items()}
        bands = {label: shown_band([one.band for one in found]) for label, found in same.items()}
        yield Window(first, predicted, {one.name: one.note for one in chosen}, bands)


def _predictors(study: Study) -> list[_Predictor]:
    """Return all that have forecasts, models first, in the order of the table."""
    main = study.table.error.name
    found = [_of_model(row, ok_scores(study.runs[row.model]), study.table.main) for row in study.table.rows]
    for record in study.baselines:
        error = record.scores.metrics.get("test", {}).get(main, math.inf)
        found.append(_Predictor(record.name, "", error, "baseline", [record.scores]))
    return [one for one in found if any(score.forecasts for score in one.scores)]


def _of_model(row: ModelRow, scores: dict[int, Scores], main: str) -> _Predictor:
    mean = row.metrics[main].mean
    note = "\n".join(filter(None, ["1 seed" if len(scores) == 1 else f"{len(scores)} seeds", style.lost_runs(row)]))
    ordered = [scores[seed] for seed in sorted(scores)]
    return _Predictor(row.model, note, math.inf if mean is None else mean, row.group, ordered)


def _chosen(found: Sequence[_Predictor], reference: str) -> list[_Predictor]:
    by_error = sorted(found, key=lambda one: one.error)
    kinds = [
        [one for one in found if one.name == reference],
        [one for one in by_error if one.group == "liquid"],
        [one for one in by_error if one.group not in ("liquid", "baseline") and one.name != reference],
        [one for one in by_error if one.group == "baseline"],
    ]
    wanted = [kind[0].name for kind in kinds if kind] + [one.name for one in by_error if one.group != "baseline"]
    return [one for one in found if one.name in list(dict.fromkeys(wanted))[:MOST]]


def _require_same(name: str, found: Sequence[Forecast], first: Forecast) -> None:
    for one in found:
        alike = one.times == first.times and one.names == first.names
        if not (alike and np.array_equal(one.truth, first.truth, equal_nan=True)):
            raise LnncmpError(
                f"records of one comparison must show the same window '{first.name}', those of {name} differ",
                "Run the models of the comparison again with --fresh.",
            )


def course_of(window: Window) -> Course:
    """Return the window as curves, a panel for each quantity."""
    first = window.first
    rows = []
    for name, predicted in window.predicted.items():
        known = np.where(np.isfinite(predicted), predicted, np.nan)  # a gap in the line
        middle, low, high = (part.T.tolist() for part in (np.median(known, 0), known.min(0), known.max(0)))
        rows.append(CourseRow(name, middle, low, high, window.bands[name]))
    return Course(
        name=first.name,
        time_unit=first.time_unit,
        names=first.names,
        units=first.units,
        before_times=first.before_times,
        before=np.array(first.before).T.tolist(),
        times=first.times,
        truth=np.array(first.truth).T.tolist(),
        rows=rows,
    )


def postures_of(window: Window, outline: Outline) -> Postures:
    """Return the window as drawings, those of values that are not finite left out.

    How far off a posture is: the mean distance of its points from the true ones, the median over seeds.
    """
    first = window.first
    try:
        truth = [outline(values) for values in first.truth]
    except ValueError as error:
        raise LnncmpError(
            f"the forecast '{first.name}' of these records holds {', '.join(first.names)}, which are not drawn here",
            "Use the lnncmp that made them, or run the study again with --fresh.",
        ) from error
    rows = []
    for name, predicted in window.predicted.items():
        seeds = [[outline(v) if np.isfinite(v).all() else None for v in predicted[:, k]] for k in range(len(truth))]
        away = [float(np.median([_distance(one, true) for one in own])) for own, true in zip(seeds, truth, strict=True)]
        drawn = [[one for one in own if one is not None] for own in seeds]
        rows.append(PostureRow(name, window.notes[name], drawn, away))
    words = "mean distance from the truth in m, median over seeds"
    return Postures(first.name, first.time_unit, first.times, truth, rows, words)


def _distance(drawing: Drawing | None, truth: Drawing) -> float:
    if drawing is None:
        return math.inf
    points, others = ([point for line in one.values() for point in line] for one in (drawing, truth))
    return sum(math.dist(*pair) for pair in zip(points, others, strict=True)) / len(points)
