"""One study on several data sets, drawn alike from other seeds: what they say together, under the first table."""

import math
from collections.abc import Sequence

from lnncmp import stats
from lnncmp.comparison.differences import differences_on, shown, shown_interval
from lnncmp.comparison.table import ComparisonTable, ModelRow


def with_data_sets(tables: Sequence[ComparisonTable], seeds: Sequence[int]) -> ComparisonTable:
    """Return the first table with sentences on how its models came out on the others; seeds: of the data, in order."""
    first = tables[0]
    if len(tables) == 1:
        return first
    others = [row.model for row in first.rows if row.model != first.reference]
    found = {model: [_difference(table, model) for table in tables] for model in others}
    pooled = {model: _pooled(estimates) for model, estimates in found.items()}
    p_values = stats.holm([None if one is None else one.p_differs() for one in pooled.values()])
    sentences = [f"Other data sets: the study ran on {len(tables)}, of data seeds {', '.join(map(str, seeds))}."]
    for (model, each), one, p in zip(found.items(), pooled.values(), p_values, strict=True):
        ratios = ", ".join("unknown" if e is None else f"x {math.exp(e.value):.3g}" for e in each)
        sentences.append(
            f"{model}: test {first.error.heading} {ratios} that of {first.reference}, in this order{_together(one, p)}."
        )
    if len(tables) < stats.MIN_DATA_SETS:
        sentences.append(f"Under {stats.MIN_DATA_SETS} data sets nothing is said of further ones.")
    return first.model_copy(update={"notes": [*first.notes, *sentences]})


def _together(one: stats.MeanEstimate | None, p: float | None) -> str:
    ends = shown_interval(one.interval(), True) if one is not None else None
    mean = shown(one.value, True) if one is not None else None
    if mean is None or ends is None or p is None:
        return ""
    return f"; over data sets and seeds x {mean:.3g} [{ends[0]:.3g}, {ends[1]:.3g}], p = {p:.2g}"


def _pooled(estimates: Sequence[stats.MeanEstimate | None]) -> stats.MeanEstimate | None:
    known = [one for one in estimates if one is not None]
    return stats.over_data_sets(known) if len(known) == len(estimates) else None


def _difference(table: ComparisonTable, model: str) -> stats.MeanEstimate | None:
    """Return the log ratio of the test error of a model to that of the reference, over seeds."""
    rows = {row.model: row for row in table.rows}
    against = differences_on(table.comparisons, table.main).get(model)
    if against is None or against.kind != "ratio" or model not in rows:
        return None
    return stats.difference(_logs(rows[table.reference], table.main), _logs(rows[model], table.main))


def _logs(row: ModelRow, main: str) -> list[float]:
    return [math.log(value) for value in row.metrics[main].values if value is not None]
