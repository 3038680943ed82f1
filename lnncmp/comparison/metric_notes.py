"""The sentences under a comparison table about the case's own metrics: formulas, tests, what is missing."""

from collections.abc import Sequence

from lnncmp.comparison.table import ModelRow
from lnncmp.records.metric import Metric
from lnncmp.stats import SIGNIFICANCE


def metric_notes(metrics: Sequence[Metric], rows: Sequence[ModelRow]) -> list[str]:
    """Return the formula of each metric, then how p was corrected, then what has no mean and why."""
    found = [f"{_heading(metric)}: {metric.formula.strip().rstrip('.')}." for metric in metrics]
    if len(rows) > 1 and any(metric.compared for metric in metrics):
        found.append(
            f"Metrics: * marks p <= {SIGNIFICANCE}, Holm-corrected over the models compared on that metric, not over "
            "the metrics."
        )
    untested = [_heading(metric) for metric in metrics if not metric.compared]
    if len(rows) > 1 and untested:
        found.append(f"Differences are not tested for: {', '.join(untested)}.")
    for metric in metrics:
        found += _gaps(metric, rows)
    return found


def _heading(metric: Metric) -> str:
    return " ".join(metric.heading.split())


def _gaps(metric: Metric, rows: Sequence[ModelRow]) -> list[str]:
    """Return for which models the metric is not known, or not finite, in some of the runs that ended well."""
    found = []
    for row in rows:
        values = row.metrics[metric.name].values
        missing, lost = row.n_ok - len(values), values.count(None)
        if missing:
            found.append(f"{row.model}: {_heading(metric)} is not known for {missing} of {row.n_ok} runs.")
        if lost:
            found.append(
                f"{row.model}: {_heading(metric)} is not finite for {lost} of {len(values)} seeds; no mean is given."
            )
    return found
