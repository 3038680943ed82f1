"""The sentences under a comparison table about the case's own measures: formulas, tests, what is missing."""

from collections.abc import Sequence

from lnncmp.comparison.table import ModelRow
from lnncmp.records.metric import Metric
from lnncmp.stats import SIGNIFICANCE


def metric_notes(metrics: Sequence[Metric], rows: Sequence[ModelRow]) -> list[str]:
    """Return the formula of each measure in their order, then how p was adjusted, then what has no mean and why."""
    found = [f"{_heading(measure)}: {measure.formula.strip().rstrip('.')}." for measure in metrics]
    if len(rows) > 1 and any(measure.compared for measure in metrics):
        found.append(
            f"Measures: * marks p <= {SIGNIFICANCE} after Holm, adjusted over the models compared on that measure, not "
            "over the measures."
        )
    untested = [_heading(measure) for measure in metrics if not measure.compared]
    if len(rows) > 1 and untested:
        found.append(f"Differences are not tested for: {', '.join(untested)}.")
    for measure in metrics:
        found += _gaps(measure, rows)
    return found


def _heading(measure: Metric) -> str:
    return " ".join(measure.heading.split())


def _gaps(measure: Metric, rows: Sequence[ModelRow]) -> list[str]:
    """Return for which models the measure is not known, or not finite, in some of the runs that ended well."""
    found = []
    for row in rows:
        values = row.metrics[measure.name].values
        missing, lost = row.n_ok - len(values), values.count(None)
        if missing:
            found.append(f"{row.model}: {_heading(measure)} is not known for {missing} of {row.n_ok} runs.")
        if lost:
            found.append(
                f"{row.model}: {_heading(measure)} is not finite for {lost} of {len(values)} seeds; no mean is given."
            )
    return found
