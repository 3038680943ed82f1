"""Words that all forms of the report share."""

from collections.abc import Sequence

from lnncmp.claims.schema import Verdict
from lnncmp.comparison.groups import MATCHED_WORDS
from lnncmp.report.page.content import RunLine
from lnncmp.report.tables.numbers import UNKNOWN

JUDGEMENTS = ("supported", "contradicted", "inconclusive", "not testable here")
"""Verdicts, in the order in which they are counted and sorted."""

EFFECTS = (
    "Effects point the claim's way: a ratio (x) above 1, or a difference above 0, speaks for the claim. p is "
    "Holm-corrected over all claims tested here. Under six seeds there is no verdict."
)
"""How to read the table of verdicts."""


def counted(count: int, noun: str) -> str:
    """Return "1 run", "3 runs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def outcome_sentence(runs: Sequence[RunLine]) -> str:
    """Return how runs ended: "18 runs: 16 ok, 2 diverged"."""
    order = ("ok", "diverged", "failed", "stopped")
    found = [f"{count} {status}" for status in order if (count := sum(run.status == status for run in runs))]
    return f"{counted(len(runs), 'run')}: {', '.join(found)}"


def other_conditions(row: Verdict, other: Verdict) -> str:
    """Return in which conditions another verdict on the same claim differs, or all of them if none do."""
    found = conditions(other)
    return ", ".join([part for part in found if part not in conditions(row)] or found)


def conditions(row: Verdict) -> list[str]:
    """Return what a claim was judged under: conditions of the data, matching of sizes, data, preset."""
    data = "" if row.data == UNKNOWN else row.data
    preset = f"preset {row.preset}" if row.preset else ""
    return [part for part in (row.conditions, MATCHED_WORDS.get(row.matched, ""), data, preset) if part]
