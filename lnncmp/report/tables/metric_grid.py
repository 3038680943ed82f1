"""The tables of a case's own metrics: values, and differences to the reference."""

from lnncmp.comparison.differences import differences_on, differs
from lnncmp.comparison.table import BaselineRow, ComparisonTable, ModelDifference, ModelRow
from lnncmp.records.metric import Metric
from lnncmp.report.tables.document import MARK, Column, Grid
from lnncmp.report.tables.numbers import UNKNOWN, change, interval, p_value, significant
from lnncmp.stats import MIN_SEEDS

_DIGITS = 3


def measure_grid(comparison: ComparisonTable) -> Grid | None:
    """Return metrics (rows) against models, then baselines: means over seeds, marked where they differ.

    None if the case has no metrics of its own.
    """
    metrics = [metric for metric in comparison.measures if not metric.detail]
    if not metrics:
        return None
    against = {metric.name: differences_on(comparison.comparisons, metric.name) for metric in metrics}

    def of_model(row: ModelRow) -> Column:
        cells = tuple(_value(row, m.name, against[m.name].get(row.model)) for m in metrics)
        return Column(row.model, cells, tuple(row.metrics[m.name].mean for m in metrics))

    def of_baseline(row: BaselineRow) -> Column:
        found = tuple(row.metrics.get(m.name) for m in metrics)
        return Column(row.name, tuple(significant(value, _DIGITS) for value in found), found)

    tested = any(against.values())
    marked = f" ({MARK.strip()} differs from {comparison.reference})" if tested else ""
    return Grid(
        title=f"Metrics on the test windows{_direction(comparison)}{marked}",
        corner="metric",
        labels=tuple(_label(metric) for metric in metrics),
        columns=(*map(of_model, comparison.rows), *map(of_baseline, comparison.baselines)),
        sections=(len(metrics),),
    )


def difference_grid(comparison: ComparisonTable) -> Grid | None:
    """Return compared metrics (rows) against the models that are not the reference: change, interval, p.

    None if there is no metric, or no model, to compare.
    """
    metrics = [metric for metric in comparison.measures if metric.compared and not metric.detail]
    models = [row.model for row in comparison.rows if row.model != comparison.reference]
    if not metrics or not models:
        return None
    against = {metric.name: differences_on(comparison.comparisons, metric.name) for metric in metrics}
    return Grid(
        title=f"Against {comparison.reference}: ratio (x) or difference ([95% interval], Holm-corrected p)",
        corner="metric",
        labels=tuple(_label(metric, direction=False) for metric in metrics),
        columns=tuple(Column(model, tuple(_change(against[m.name].get(model)) for m in metrics)) for model in models),
        sections=(1,) * len(metrics),
        stacked=True,
    )


def _label(metric: Metric, direction: bool = True) -> str:
    """Return heading and unit on one line, with the direction where it is not "lower is better"."""
    parts = [*metric.heading.split(), f"[{metric.unit}]" if metric.unit else ""]
    if direction and metric.better == "higher":
        parts.append("(higher is better)")
    if direction and metric.better == "ideal":
        parts.append(f"({metric.ideal:g} is best)" if metric.ideal is not None else "(see notes)")
    return " ".join(filter(None, parts))


def _direction(comparison: ComparisonTable) -> str:
    lower = [metric.better == "lower" for metric in comparison.measures if not metric.detail]
    if not any(lower):
        return ""
    return ", lower is better" if all(lower) else ", lower is better unless noted"


def _value(row: ModelRow, name: str, difference: ModelDifference | None) -> str:
    found = row.metrics[name]
    if None in found.values:
        return "inf"
    return significant(found.mean, _DIGITS) + (MARK if differs(difference) else "")


def _change(found: ModelDifference | None) -> str:
    if found is None or found.change is None:
        return UNKNOWN
    p = p_value(found.p_holm) if found.n_seeds >= MIN_SEEDS else f"n < {MIN_SEEDS}"
    return "\n".join(filter(None, [change(found.change, found.kind), interval(found.ci95, _DIGITS), p]))
