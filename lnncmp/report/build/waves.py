"""What the pictures of test waves show: of each wave in the records, what every predictor makes of it over seeds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from lnncmp.cases.base import case_of
from lnncmp.comparison.rows import ok_scores
from lnncmp.comparison.studies import Study
from lnncmp.errors import LnncmpError
from lnncmp.records.drawn import Example
from lnncmp.report.build.bands import shown_band
from lnncmp.report.figures import fits, style

NOT_IN_FITS = ("persistence", "mean", "train_mean")
"""Baselines whose prediction of a wave needs no picture."""
_WAVES = 3
_PLACES = ("lowest error of the kept waves", "median error of the kept waves", "largest error of the kept waves")


def wave_fits(study: Study, baselines: Sequence[str] | None = None) -> list[fits.Fit]:
    """Return three of the test waves of which predictions were kept: best, median and worst; all if there are fewer.

    A wave's error is the median over the models of theirs. Each has a row for every predictor that has it.
    baselines: names of those that are shown; None is all but `NOT_IN_FITS`.
    Raises LnncmpError if the records show different waves under one name.
    """
    found = list(_all_fits(study, baselines))
    found.sort(key=_typical_error)
    if len(found) < _WAVES:
        return [
            replace(fit, place=f"one of {len(found)} kept waves" if len(found) > 1 else "kept wave") for fit in found
        ]
    chosen = (found[0], found[(len(found) - 1) // 2], found[-1])
    return [replace(fit, place=place) for fit, place in zip(chosen, _PLACES, strict=True)]


def _typical_error(fit: fits.Fit) -> float:
    errors = [math.inf if row.error is None else row.error for row in fit.rows if row.trained]
    return median(errors) if errors else math.inf


def _all_fits(study: Study, baselines: Sequence[str] | None) -> Iterator[fits.Fit]:
    seeds = len({run.seeds.root for run in study.group.runs})
    predictors: list[tuple[str, str | None, list[Example]]] = []
    for row in study.table.rows:
        scores = ok_scores(study.runs[row.model])
        lost = style.lost_runs(row)
        counted = "1 seed" if len(scores) == 1 else f"{len(scores)} seeds"
        note = ", ".join(filter(None, [counted, lost])) if len(scores) < seeds else ""
        predictors.append((row.model, note, [e for seed in sorted(scores) for e in scores[seed].examples]))
    for record in study.baselines:
        wanted = record.name not in NOT_IN_FITS if baselines is None else record.name in baselines
        if wanted:
            predictors.append((record.name, None, record.scores.examples))
    first = {example.name: example for _, _, examples in reversed(predictors) for example in reversed(examples)}
    for name in dict.fromkeys(example.name for _, _, examples in predictors for example in examples):
        chosen = first[name]
        rows = []
        for label, remark, examples in predictors:
            same = [example for example in examples if example.name == name]
            if same:
                rows.append(_fit_row(label, remark, same, chosen))
        shared = chosen.model_dump(include={"time_unit", "input_times", "inputs", "target_times", "truth"})
        yield fits.Fit(name=name, place="", quantity=_quantity(study), zooms=chosen.zooms, rows=rows, **shared)


def _quantity(study: Study) -> str:
    """Return what examples show, with its unit: the first target."""
    target = case_of(study.table.case, study.group.first.recipe.data).targets[0]
    return f"{target.name} ({'no unit' if target.unit in ('', '1') else target.unit})"


def _fit_row(name: str, note: str | None, examples: Sequence[Example], chosen: Example) -> fits.FitRow:
    """Return median and range over seeds of the predictions of one wave, and the same minus the truth."""
    for example in examples:
        alike = example.target_times == chosen.target_times and example.truth == chosen.truth
        if not alike or len(example.predicted) != len(chosen.truth):
            raise LnncmpError(
                f"records of one comparison must show the same window '{chosen.name}', those of {name} differ",
                "Run the models of the comparison again with --fresh.",
            )
    predicted = np.array([example.predicted for example in examples], np.float64)
    predicted[~np.isfinite(predicted)] = np.nan  # a gap in the line
    middle, low, high = np.median(predicted, axis=0), predicted.min(axis=0), predicted.max(axis=0)
    truth = np.array(chosen.truth)
    with np.errstate(over="ignore"):
        error = float(np.mean((predicted - truth) ** 2))
    return fits.FitRow(
        name=name,
        trained=note is not None,
        note=note or "",
        error=error if math.isfinite(error) else None,
        median=middle.tolist(),
        low=low.tolist(),
        high=high.tolist(),
        residual=(middle - truth).tolist(),
        residual_low=(low - truth).tolist(),
        residual_high=(high - truth).tolist(),
        band=shown_band([example.band for example in examples]),
    )
