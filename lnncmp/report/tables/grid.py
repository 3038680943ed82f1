"""The tables of a comparison: accuracy, cost, perturbations. A cell may have two lines (value, interval)."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from lnncmp.comparison.convergence_notes import UNCONVERGED
from lnncmp.comparison.differences import differences_on
from lnncmp.comparison.groups import implementation_words
from lnncmp.comparison.table import (
    BaselineRow,
    ComparisonTable,
    CostRow,
    ModelDifference,
    ModelRow,
    PerturbationSummary,
    PerturbationValue,
)
from lnncmp.data.task import CLASS_ERRORS
from lnncmp.report.tables.document import Column, Grid
from lnncmp.report.tables.numbers import UNKNOWN, change, interval, p_value, seconds, significant, size

PERSISTENCE = "persistence"
"""Name of the baseline that repeats the last value."""

_Key = tuple[str, str, float | None]

_Cell = tuple[str, float | None]
"""What is shown, and the number behind it."""


def accuracy_grid(comparison: ComparisonTable) -> Grid:
    """Return models and, in a second section, baselines: errors, differences, robustness."""
    names = [row.model for row in comparison.rows] + [row.name for row in comparison.baselines]
    return Grid(
        title=comparison.title,
        corner="model",
        labels=tuple(names),
        columns=_accuracy(comparison),
        sections=tuple(count for count in (*_groups(comparison), len(comparison.baselines)) if count),
        best=names.index(comparison.best) if comparison.best is not None else None,
        best_heading=_heading(comparison),
    )


def cost_grid(comparison: ComparisonTable) -> Grid:
    """Return the models alone: parameters, time, memory, implementation; below them those that were not trained.

    It continues the table of accuracy, unless it has rows that this one lacks.
    """
    rows: list[ModelRow | CostRow] = [*comparison.rows, *comparison.cost_only]

    def column(heading: str, cell: Callable[[ModelRow | CostRow], _Cell]) -> Column:
        return _column(heading, map(cell, rows), lower=True)

    columns = (
        column("parameters\nactive / trainable", _parameters),
        column(
            "time per\nepoch [95%]",
            lambda row: (_ended(seconds, row.epoch_seconds, row.epoch_seconds_ci95), row.epoch_seconds),
        ),
        column("latency\nper step", lambda row: (seconds(row.latency_seconds), row.latency_seconds)),
        column(
            "peak memory\n[range]",
            lambda row: (_ended(size, row.peak_memory_bytes, row.peak_memory_range), row.peak_memory_bytes),
        ),
        column("saved for\nbackward", lambda row: (size(row.saved_bytes), row.saved_bytes)),
        Column("implemented\nas", tuple(implementation_words(row.implementation) for row in rows)),
    )
    names = [row.model for row in comparison.rows] + [f"{row.model} (not trained)" for row in comparison.cost_only]
    sections = tuple(count for count in (*_groups(comparison), len(comparison.cost_only)) if count)
    return Grid("Cost", "model", tuple(names), columns, sections, continues=not comparison.cost_only)


def _groups(comparison: ComparisonTable) -> list[int]:
    """Return how many models each section has: one for each kind of network where rows stand by kind."""
    return (
        list(Counter(row.group for row in comparison.rows).values()) if comparison.grouped else [len(comparison.rows)]
    )


def _parameters(row: ModelRow | CostRow) -> _Cell:
    if isinstance(row, CostRow):
        return "", None
    return f"{row.params.active:,} / {row.params.trainable:,}", row.params.active


def _ended(words: Callable[[Any], str], value: float | None, ends: tuple[float, float] | None) -> str:
    """Return a value and on a second line, if there are any, its ends."""
    return words(value) if ends is None else f"{words(value)}\n[{words(ends[0])}, {words(ends[1])}]"


def _column(heading: str, cells: Iterable[_Cell], lower: bool = False) -> Column:
    pairs = list(cells)
    texts, values = tuple(text for text, _ in pairs), tuple(value for _, value in pairs)
    return Column(heading, texts, values, "lower" if lower else "")


def _accuracy(comparison: ComparisonTable) -> tuple[Column, ...]:
    main = comparison.main
    against = differences_on(comparison.comparisons, main)
    kind = next((one.kind for one in against.values()), "ratio")

    def column(
        heading: str,
        model: Callable[[ModelRow], _Cell],
        baseline: Callable[[BaselineRow], _Cell] = lambda row: ("", None),
        lower: bool = False,
    ) -> Column:
        return _column(heading, [*map(model, comparison.rows), *map(baseline, comparison.baselines)], lower)

    def against_reference(row: ModelRow) -> _Cell:
        found = against.get(row.model)
        return _change(found), found.change if found else None

    kinds = [column("kind", lambda row: (row.group, None))] if comparison.grouped else []
    made = [
        *kinds,
        column("seeds\nok/div.", lambda row: (_outcomes(row), row.n_ok)),
        column(
            _heading(comparison),
            lambda row: (_error(row, main), row.metrics[main].mean),
            lambda row: (significant(row.metrics.get(main)), row.metrics.get(main)),
            lower=True,
        ),
        column(f"{kind}\nto {comparison.reference}", against_reference),
    ]
    for step in dict.fromkeys(step for row in comparison.rows for step in row.horizons):
        heading = f"{comparison.error.heading}\n@{step}"
        made.append(column(heading, partial(_horizon, step), partial(_baseline_horizon, step), lower=True))
    slopes = [*(row.noise_slope.mean for row in comparison.rows), *(row.noise_slope for row in comparison.baselines)]
    if any(slope is not None for slope in slopes):
        made.append(_column("noise\nslope", [(significant(slope, 3), slope) for slope in slopes]))
    if any(row.published for row in comparison.rows):
        made.append(column("published", _published))
    return tuple(made)


def _horizon(step: str, row: ModelRow) -> _Cell:
    left_range = any(str(point.step) == step and point.not_finite for point in row.curve)
    return "inf" if left_range else significant(row.horizons.get(step)), row.horizons.get(step)


def _baseline_horizon(step: str, row: BaselineRow) -> _Cell:
    return significant(row.horizons.get(step)), row.horizons.get(step)


def _outcomes(row: ModelRow) -> str:
    others = [(row.n_failed, "failed"), (row.n_stopped, "stopped")]
    return "\n".join([f"{row.n_ok}/{row.n_diverged}", *(f"{count} {word}" for count, word in others if count)])


def _heading(comparison: ComparisonTable) -> str:
    return f"test {comparison.error.heading}\n[95%]"


def _error(row: ModelRow, main: str) -> str:
    error = row.metrics[main]
    mark = f" {UNCONVERGED}" if row.unconverged else ""
    return "\n".join(filter(None, [significant(error.mean) + mark, interval(error.ci95)]))


def _change(found: ModelDifference | None) -> str:
    """Return the change and under it p, "not significant" or "n < 6"; "reference" for the reference."""
    if found is None:
        return "reference"
    shown = {"too few seeds (n < 6)": "n < 6", "not significant": "not\nsignificant"}
    return f"{change(found.change, found.kind)}\n({shown.get(found.verdict, p_value(found.p_holm))})"


def _published(row: ModelRow) -> _Cell:
    if row.published is None:
        return UNKNOWN, None
    spread = "" if row.published.std is None else f"\n± {significant(row.published.std, 2)}"
    what = f"{row.published.metric}\n" if row.published.metric else ""
    return f"{what}{significant(row.published.mean)}{spread}", row.published.mean


def perturbation_grid(comparison: ComparisonTable) -> Grid | None:
    """Return the table of perturbations (rows, grouped) against predictors: error over that of a simple baseline.

    Only perturbations for which some model has a ratio; None if there are none. Baselines follow the models if they
    have ratios that are not 1 throughout, as those of that baseline itself are.
    """
    models = [{_key(p): p.ratio.mean for p in row.perturbations if p.ratio.values} for row in comparison.rows]
    found = list(dict.fromkeys(key for own in models for key in own))
    groups = list(dict.fromkeys(group for group, _, _ in found))
    keys = sorted(found, key=lambda key: groups.index(key[0]))
    if not keys:
        return None
    ratios = [(row.model, own) for row, own in zip(comparison.rows, models, strict=True)]
    for row in comparison.baselines:
        own = {_key(p): p.ratio for p in row.perturbations}
        if any(own.get(key) not in (None, 1.0) for key in keys):
            ratios.append((row.name, own))
    several = Counter((group, name) for group, name, _ in keys)

    def label(key: _Key) -> str:
        group, name, level = key
        text = name if name.startswith(group) else f"{group}: {name}"
        return f"{text} {level:g}" if several[group, name] > 1 and level is not None else text

    return Grid(
        title=f"Perturbed inputs: error relative to {_yardstick(comparison)} (below 1 is better)",
        corner="perturbation",
        labels=tuple(label(key) for key in keys),
        columns=tuple(
            Column(name, tuple(significant(own.get(key), 3) for key in keys), tuple(own.get(key) for key in keys))
            for name, own in ratios
        ),
        sections=tuple(sum(key[0] == group for key in keys) for group in groups),
    )


def _yardstick(comparison: ComparisonTable) -> str:
    """Return what ratios are to: see `PerturbationPoint.ratio`."""
    if comparison.error.name in CLASS_ERRORS:
        return "that of the most frequent class"
    names = [row.name for row in comparison.baselines]
    if names and PERSISTENCE not in names:
        return "that of the training mean"
    return f"{PERSISTENCE}, which repeats the last value"


def _key(part: PerturbationSummary | PerturbationValue) -> _Key:
    return part.group, part.name, part.level
