"""One study on several data sets, drawn alike from other seeds: what they say together, under the first table."""

import math
from collections.abc import Sequence

from lnncmp import stats
from lnncmp.comparison.differences import differences_on, shown, shown_interval
from lnncmp.comparison.table import ComparisonTable, ModelRow
from lnncmp.records.metric import Metric


def with_data_sets(tables: Sequence[ComparisonTable], seeds: Sequence[int], key: str = "seed") -> ComparisonTable:
    """Return the first table with sentences on how its models came out on the others.

    seeds: of the data, in order. key: the setting of the data that they are values of.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    drawn = f"of data {key}s {', '.join(map(str, seeds))}"
    sentences = [f"Other data sets: the study ran on {len(tables)}, {drawn}."]
    sentences += _against(tables, first.main, first.error)
    for metric in first.measures:
        if metric.by_data_set:
            sentences += [_values(tables, metric), *_against(tables, metric.name, metric)]
    if len(tables) < stats.MIN_DATA_SETS:
        sentences.append(f"Under {stats.MIN_DATA_SETS} data sets nothing is said of further ones.")
    return first.model_copy(update={"notes": [*first.notes, *sentences]})


def _against(tables: Sequence[ComparisonTable], name: str, metric: Metric) -> list[str]:
    """Return for each model its difference to the reference on each data set and over all.

    name: key of the metric in rows.
    """
    reference, logs = tables[0].reference, _is_ratio(tables, name)
    others = [row.model for row in tables[0].rows if row.model != reference]
    found = {model: [_difference(table, model, name, logs) for table in tables] for model in others}
    pooled = {model: _pooled(estimates) for model, estimates in found.items()}
    p_values = stats.holm([None if one is None else one.p_differs() for one in pooled.values()])
    of = f"that of {reference}" if logs else f"against {reference}"
    made = []
    for (model, each), one, p in zip(found.items(), pooled.values(), p_values, strict=True):
        changes = ", ".join("unknown" if e is None else _change(e.value, logs) for e in each)
        together = _together(one, p, logs)
        made.append(f"{model}: test {metric.heading} {changes} {of}, in this order{together}.")
    return made


def _values(tables: Sequence[ComparisonTable], metric: Metric) -> str:
    """Return the metric of every model and baseline on each data set, and its mean."""
    parts = []
    for row in tables[0].rows:
        same = [{other.model: other for other in table.rows}.get(row.model) for table in tables]
        means = [None if one is None else one.metrics[metric.name].mean for one in same]
        ends = _interval([[] if one is None else one.metrics[metric.name].values for one in same])
        parts.append(_listed(row.model, means) + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""))
    for baseline in tables[0].baselines:
        found = [{other.name: other for other in table.baselines}.get(baseline.name) for table in tables]
        parts.append(_listed(baseline.name, [None if one is None else one.metrics.get(metric.name) for one in found]))
    how = ", [95%] over data sets and seeds" if len(tables) >= stats.MIN_DATA_SETS else ""
    return f"Test {metric.heading} on each data set, in this order, and mean{how}: {'; '.join(parts)}."


def _listed(name: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    mean = f", mean {sum(known) / len(known):.3f}" if known and len(known) == len(values) else ""
    return f"{name} {', '.join('unknown' if value is None else f'{value:.3f}' for value in values)}{mean}"


def _interval(values: Sequence[Sequence[float | None]]) -> tuple[float, float] | None:
    """Return the interval of the mean over data sets; values: of each data set, over seeds."""
    found = _pooled([stats.mean_estimate([value for value in each if value is not None]) for each in values])
    return None if found is None else found.interval()


def _change(value: float, logs: bool) -> str:
    return f"x {math.exp(value):.3g}" if logs else f"{value:+.3g}"


def _together(one: stats.MeanEstimate | None, p: float | None, logs: bool) -> str:
    ends = shown_interval(one.interval(), logs) if one is not None else None
    if one is None or shown(one.value, logs) is None or ends is None or p is None:
        return ""
    return f"; over data sets and seeds {_change(one.value, logs)} [{ends[0]:.3g}, {ends[1]:.3g}], p = {p:.2g}"


def _pooled(estimates: Sequence[stats.MeanEstimate | None]) -> stats.MeanEstimate | None:
    known = [one for one in estimates if one is not None]
    return stats.over_data_sets(known) if len(known) == len(estimates) else None


def _is_ratio(tables: Sequence[ComparisonTable], name: str) -> bool:
    """Tell whether the tables compare this metric by ratios: one data set that cannot makes all differences."""
    kinds = {one.kind for table in tables for one in table.comparisons if one.metric == name}
    return kinds == {"ratio"}


def _difference(table: ComparisonTable, model: str, name: str, logs: bool) -> stats.MeanEstimate | None:
    """Return the difference of a model's metric to that of the reference, of logarithms or as it is, over seeds."""
    rows = {row.model: row for row in table.rows}
    if model not in rows or model not in differences_on(table.comparisons, name):
        return None
    return stats.difference(_scaled(rows[table.reference], name, logs), _scaled(rows[model], name, logs))


def _scaled(row: ModelRow, name: str, logs: bool) -> list[float]:
    known = [value for value in row.metrics[name].values if value is not None]
    return [math.log(value) if logs else value for value in known]
