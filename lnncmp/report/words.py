"""Words that all forms of the report share."""

from collections.abc import Sequence

from lnncmp.claims.verdict import Verdict
from lnncmp.report.content import RunLine
from lnncmp.report.numbers import UNKNOWN, interval, signed

JUDGEMENTS = ("supported", "contradicted", "inconclusive", "not testable here")
"""Verdicts, in the order in which they are counted and sorted."""

MATCHED = {
    "hidden": "same hidden units",
    "params": "same active parameters",
    "own": "each model's own size",
}
"""How sizes were matched, in words."""

EFFECTS = "Effects point the claim's way: above zero they speak for the claim, below zero against it."


def counted(count: int, noun: str) -> str:
    """Return "1 run", "3 runs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def outcome_sentence(runs: Sequence[RunLine]) -> str:
    """Return how runs ended: "18 runs: 16 ok, 2 diverged"."""
    order = ("ok", "diverged", "failed", "stopped")
    found = [f"{count} {status}" for status in order if (count := sum(run.status == status for run in runs))]
    return f"{counted(len(runs), 'run')}: {', '.join(found)}"


def effect(row: Verdict) -> str:
    """Return effect, interval and kind on one line, "-" if there is none."""
    if row.effect is None:
        return UNKNOWN
    return " ".join(filter(None, [signed(row.effect), interval(row.ci95, 3), row.effect_kind]))
