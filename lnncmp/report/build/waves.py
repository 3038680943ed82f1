"""What the pictures of test waves show: of each wave in the records, what every predictor makes of it over seeds."""

from collections.abc import Iterator, Sequence

import numpy as np

from lnncmp.comparison.rows import ok_scores
from lnncmp.comparison.studies import Study
from lnncmp.errors import LnncmpError
from lnncmp.records.schema import Example
from lnncmp.report.figures import fits, style

NOT_IN_FITS = ("persistence", "mean", "train_mean")
"""Baselines whose prediction of a wave needs no picture."""


def wave_fits(study: Study, baselines: Sequence[str] | None = None) -> Iterator[fits.Fit]:
    """Yield each test wave of which predictions were kept, with a row for every predictor that has it.

    baselines: names of those that are shown; None is all but `NOT_IN_FITS`.
    Raises LnncmpError if the records show different waves under one name.
    """
    predictors: list[tuple[str, str, list[Example]]] = []
    for row in study.table.rows:
        scores = ok_scores(study.runs[row.model])
        lost = style.lost_runs(row).replace(", ", "\n")
        note = "\n".join(filter(None, ["1 seed" if len(scores) == 1 else f"{len(scores)} seeds", lost]))
        predictors.append((row.model, note, [e for seed in sorted(scores) for e in scores[seed].examples]))
    for record in study.baselines:
        wanted = record.name not in NOT_IN_FITS if baselines is None else record.name in baselines
        if wanted:
            predictors.append((record.name, "", record.scores.examples))
    first = {example.name: example for _, _, examples in reversed(predictors) for example in reversed(examples)}
    for name in dict.fromkeys(example.name for _, _, examples in predictors for example in examples):
        chosen = first[name]
        rows = []
        for label, note, examples in predictors:
            same = [example for example in examples if example.name == name]
            if same:
                rows.append(_fit_row(label, note, same, chosen))
        shared = chosen.model_dump(include={"time_unit", "input_times", "inputs", "target_times", "truth"})
        yield fits.Fit(name=name, zooms=chosen.zooms, rows=rows, **shared)


def _fit_row(name: str, note: str, examples: Sequence[Example], chosen: Example) -> fits.FitRow:
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
    median, low, high = np.median(predicted, axis=0), predicted.min(axis=0), predicted.max(axis=0)
    truth = np.array(chosen.truth)
    return fits.FitRow(
        name,
        note,
        *(line.tolist() for line in (median, low, high, median - truth, low - truth, high - truth)),
    )
