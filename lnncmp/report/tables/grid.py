"""The tables of a comparison as plain text cells: what console, Markdown and LaTeX have in common.

A cell may have two lines (value, interval). The accuracy columns and the cost columns share the model column, so that
a narrow page can show them one below the other.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from lnncmp.comparison.paired_differences import pairs_on
from lnncmp.comparison.table import (
    BaselineRow,
    ComparisonTable,
    ModelRow,
    PairedComparison,
    PerturbationSummary,
    PerturbationValue,
)
from lnncmp.report.tables.numbers import UNKNOWN, interval, p_value, seconds, signed, significant, size

_Key = tuple[str, str, float | None]


@dataclass(frozen=True)
class Column:
    """One column: heading (may have two lines) and its cells from top to bottom.

    values: the number behind each cell, for sorting; None where there is none. Empty if the column has no order.
    """

    heading: str
    cells: tuple[str, ...]
    values: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Grid:
    """One table. labels: first column; sections: how many rows each block has; best: number of the best row, if any.

    The cell of the best row in a column whose heading is `best_heading` is the one to set off. stacked: the lines of a
    cell are values of their own, too long for one line.
    """

    title: str
    corner: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    sections: tuple[int, ...]
    best: int | None = None
    best_heading: str = ""
    stacked: bool = False

    def only(self, columns: tuple[Column, ...]) -> "Grid":
        """Return the same rows with these columns."""
        return replace(self, columns=columns)

    def is_best(self, column: Column, row: int) -> bool:
        """Tell whether this cell holds the best value of the table."""
        return row == self.best and column.heading == self.best_heading


_TEST_MSE = "test MSE\n[95%]"


def _column(
    comparison: ComparisonTable,
    heading: str,
    model: Callable[[ModelRow], tuple[str, float | None]],
    baseline: Callable[[BaselineRow], tuple[str, float | None]] = lambda row: ("", None),
) -> Column:
    """Return the column of what `model` and `baseline` give of each row: its cell and the number behind it."""
    pairs = [*map(model, comparison.rows), *map(baseline, comparison.baselines)]
    return Column(heading, tuple(cell for cell, _ in pairs), tuple(value for _, value in pairs))


def main_grid(comparison: ComparisonTable) -> Grid:
    """Return models and, in a second section, baselines: first the accuracy columns, then those of cost."""
    return _with_baselines(comparison, (*_accuracy(comparison), *_cost(comparison)))


def accuracy_grid(comparison: ComparisonTable) -> Grid:
    """Return models and, in a second section, baselines: errors, differences, robustness."""
    return _with_baselines(comparison, _accuracy(comparison))


def cost_grid(comparison: ComparisonTable) -> Grid:
    """Return the models alone: parameters, time, memory, implementation."""
    models = len(comparison.rows)
    columns = tuple(
        Column(column.heading, column.cells[:models], column.values[:models]) for column in _cost(comparison)
    )
    return Grid("Cost", "model", tuple(row.model for row in comparison.rows), columns, (models,))


def _with_baselines(comparison: ComparisonTable, columns: tuple[Column, ...]) -> Grid:
    names = [row.model for row in comparison.rows] + [row.name for row in comparison.baselines]
    return Grid(
        title=comparison.title,
        corner="model",
        labels=tuple(names),
        columns=columns,
        sections=tuple(count for count in (len(comparison.rows), len(comparison.baselines)) if count),
        best=names.index(comparison.best) if comparison.best is not None else None,
        best_heading=_TEST_MSE,
    )


def _accuracy(comparison: ComparisonTable) -> tuple[Column, ...]:
    pairs = pairs_on(comparison.comparisons)
    made = [
        _column(comparison, "seeds\nok/div.", lambda row: (_outcomes(row), row.n_ok)),
        _column(
            comparison,
            _TEST_MSE,
            lambda row: (_error(row), row.metrics["test_mse"].mean),
            lambda row: (significant(row.test_mse), row.test_mse),
        ),
        _column(
            comparison,
            f"difference\nto {comparison.reference}",
            lambda row: (
                _difference(pairs.get(row.model)),
                pair.difference if (pair := pairs.get(row.model)) else None,
            ),
        ),
    ]
    for step in dict.fromkeys(step for row in comparison.rows for step in row.horizons):
        made.append(_horizon(comparison, step))
    slopes = [*(row.noise_slope.mean for row in comparison.rows), *(row.noise_slope for row in comparison.baselines)]
    if any(slope is not None for slope in slopes):
        made.append(_noise_slope(comparison))
    if any(row.published for row in comparison.rows):
        made.append(
            _column(
                comparison, "published", lambda row: (_published(row), row.published.mean if row.published else None)
            )
        )
    return tuple(made)


def _horizon(comparison: ComparisonTable, step: str) -> Column:
    def cell(row: ModelRow) -> tuple[str, float | None]:
        left_range = any(str(point.step) == step and point.not_finite for point in row.curve)
        return "inf" if left_range else significant(row.horizons.get(step)), row.horizons.get(step)

    def of_baseline(row: BaselineRow) -> tuple[str, float | None]:
        return significant(row.horizons.get(step)), row.horizons.get(step)

    return _column(comparison, f"MSE\n@{step}", cell, of_baseline)


def _noise_slope(comparison: ComparisonTable) -> Column:
    return _column(
        comparison,
        "noise\nslope",
        lambda row: (significant(row.noise_slope.mean, 3), row.noise_slope.mean),
        lambda row: (significant(row.noise_slope, 3), row.noise_slope),
    )


def _cost(comparison: ComparisonTable) -> tuple[Column, ...]:
    def column(heading: str, cell: Callable[[ModelRow], tuple[str, float | None]]) -> Column:
        return _column(comparison, heading, cell)

    def parameters(row: ModelRow) -> tuple[str, float | None]:
        return f"{row.params.active:,} / {row.params.trainable:,}", row.params.active

    implemented = column("implemented\nas", lambda row: (row.implementation, None))
    return (
        column("parameters\nactive / trainable", parameters),
        column("time per\nepoch", lambda row: (seconds(row.epoch_seconds), row.epoch_seconds)),
        column("latency\nper step", lambda row: (seconds(row.latency_seconds), row.latency_seconds)),
        column("peak\nmemory", lambda row: (size(row.peak_memory_bytes), row.peak_memory_bytes)),
        column("saved for\nbackward", lambda row: (size(row.saved_bytes), row.saved_bytes)),
        replace(implemented, values=()),
    )


def _outcomes(row: ModelRow) -> str:
    others = [(row.n_failed, "failed"), (row.n_stopped, "stopped")]
    return "\n".join([f"{row.n_ok}/{row.n_diverged}", *(f"{count} {word}" for count, word in others if count)])


def _error(row: ModelRow) -> str:
    error = row.metrics["test_mse"]
    return "\n".join(filter(None, [significant(error.mean), interval(error.ci95)]))


def _difference(pair: PairedComparison | None) -> str:
    """Return the mean difference and under it p, "not significant" or "n < 6"; "reference" for the reference."""
    if pair is None:
        return "reference"
    shown = {"too few seeds (n < 6)": "n < 6", "not significant": "not\nsignificant"}
    return f"{signed(pair.difference)}\n({shown.get(pair.verdict, p_value(pair.p_holm))})"


def _published(row: ModelRow) -> str:
    if row.published is None:
        return UNKNOWN
    spread = "" if row.published.std is None else f"\n± {significant(row.published.std, 2)}"
    return f"{significant(row.published.mean)}{spread}"


def perturbation_grid(comparison: ComparisonTable) -> Grid | None:
    """Return the table of perturbations (rows, grouped) against predictors: ratio to the last-value predictor.

    Only perturbations for which some model has a ratio; None if there are none. Baselines follow the models if they
    have ratios that are not 1 throughout, as those of the last-value predictor itself are.
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
        title="Perturbed inputs: error over the error of the last-value predictor (below 1 is better)",
        corner="perturbation",
        labels=tuple(label(key) for key in keys),
        columns=tuple(
            Column(name, tuple(significant(own.get(key), 3) for key in keys), tuple(own.get(key) for key in keys))
            for name, own in ratios
        ),
        sections=tuple(sum(key[0] == group for key in keys) for group in groups),
    )


def _key(part: PerturbationSummary | PerturbationValue) -> _Key:
    return part.group, part.name, part.level
