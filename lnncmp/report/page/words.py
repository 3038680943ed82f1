"""Words that all forms of the report share."""

from collections.abc import Sequence
from typing import get_args

from lnncmp.claims.schema import Judgement, Verdict
from lnncmp.comparison.groups import MATCHED_WORDS
from lnncmp.report.page.content import RunLine
from lnncmp.report.tables.numbers import UNKNOWN

JUDGEMENTS: tuple[Judgement, ...] = get_args(Judgement)
"""Verdicts, in the order in which they are counted and sorted."""

QUESTION = "Do liquid networks do better than recurrent ones?"
"""What a report answers."""

EFFECTS = (
    "Effects point the claim's way: a ratio (x) above 1, or a difference above 0, speaks for the claim. p is "
    "Holm-corrected over all claims tested here. Under six seeds nothing that is random gets a verdict. Models some of "
    "whose runs had not converged are named under the number of seeds."
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
    """Return what a claim was judged under: conditions of the data, matching of sizes, data, budget."""
    data = "" if row.data == UNKNOWN else row.data
    budget = f"budget {row.budget}" if row.budget else ""
    readings = f"holds in {row.readings} readings" if row.readings else ""
    return [part for part in (row.conditions, MATCHED_WORDS.get(row.matched, ""), data, budget, readings) if part]


def unconverged(row: Verdict) -> str:
    """Return which models had not converged: "gru: 2 of 10 converged"; "" if all had."""
    return "; ".join(f"{one.model}: {one.converged} of {one.runs} converged" for one in row.unconverged)
