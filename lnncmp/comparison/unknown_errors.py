"""Records with errors and metrics that this version of their case does not have: the former are left out, all named."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lnncmp.cases.base import case_of
from lnncmp.records.metric import ERRORS
from lnncmp.records.read import Records, reasons
from lnncmp.records.schema import RunRecord
from lnncmp.records.spread_metrics import SPREAD_METRICS


def with_known_errors(records: Records) -> Records:
    """Return the records without runs whose main error nobody knows, or is not that of most runs of their comparison.

    Notes say which these are, and which metrics of other runs are not shown. The case of each run must be known.
    """
    refused: dict[str, list[str]] = defaultdict(list)
    unknown: dict[str, set[str]] = defaultdict(set)
    known = {}
    mains = _mains(records.runs)
    for run in records.runs:
        if run.scores is None:
            continue
        place = (run.protocol_id, run.case)
        if place not in known:
            own = case_of(run.case, run.recipe.data).metrics
            known[place] = {*ERRORS, *(metric.name for metric in (*own, *SPREAD_METRICS))}
        if why := _why(run, mains[run.protocol_id]):
            refused[why].append(f"{run.run_id}.json")
        unknown[run.case] |= {name for split in run.scores.metrics.values() for name in split} - known[place]
    dropped = {name for names in refused.values() for name in names}
    runs = [run for run in records.runs if f"{run.run_id}.json" not in dropped]
    notes = [f"Not used: {reason}." for reason in reasons(refused)]
    notes += [
        f"Not shown: {', '.join(sorted(names))}, which this version of the case {case} does not compute."
        for case, names in sorted(unknown.items())
        if names
    ]
    return replace(records, runs=runs, notes=[*records.notes, *notes])


def _mains(runs: Sequence[RunRecord]) -> Mapping[str, str]:
    """Return the known main error of most runs by protocol; mse where none is known."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        found[run.protocol_id].update([run.scores.main] if run.scores and run.scores.main in ERRORS else [])
    return {protocol: counts.most_common(1)[0][0] if counts else "mse" for protocol, counts in found.items()}


def _why(run: RunRecord, main: str) -> str:
    """Return why a run cannot be compared, "" if it can."""
    if run.scores is None or run.scores.main == main:
        return ""
    if run.scores.main in ERRORS:
        return f"whose main error is {run.scores.main}, where other runs of their comparison have {main}"
    return f"whose main error, {run.scores.main}, this version of lnncmp does not know"
