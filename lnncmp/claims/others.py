"""How verdicts on the same claim under other settings enter the one that stands for it.

Two verdicts that say something and say different things make it "depends", naming the choices in which their runs
differ; where several choices differ at once and one of them is enough, that one is named alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.claims import reasons
from lnncmp.claims.choices import choices_between
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import DECIDED, Verdict

_MATCHED = {
    "params": "sizes matched by parameters",
    "hidden": "sizes matched by hidden units",
    "smallest": "sizes shrunk to the smallest model",
    "own": "each model at its own size",
}


@dataclass(frozen=True)
class Judged:
    """A verdict and the runs that it was reached on."""

    pair: ClaimPair
    row: Verdict

    @property
    def decided(self) -> bool:
        """Whether it says something of the claim, on data that count."""
        return self.row.verdict in DECIDED


def with_others(main: Judged, also: Sequence[Judged]) -> Verdict:
    """Return the verdict on a claim, given what the same claim gets under other settings and on other data."""
    differing = {id(one): choices_between(main.pair, one.pair) for one in also}
    shown = [one.row.model_copy(update={"differs_in": sorted(differing[id(one)])}) for one in also]
    reason = [main.row.reason, *dict.fromkeys(_sentence(main.row, one.row, differing[id(one)]) for one in also)]
    update: dict[str, object] = {"also": shown, "reason": " ".join(filter(None, reason))}
    depends = _depends(main, also)
    if depends:
        update |= {"verdict": "depends", "depends_on": depends}
        own = reasons.sentence(f"{main.row.verdict} with {where(main.row)}")
        update["reason"] = f"{own} {update['reason']}"
    return main.row.model_copy(update=update)


def where(row: Verdict) -> str:
    """Return under which settings a verdict was reached: matching, data, budget."""
    budget = f"the budget {row.budget}"
    return ", ".join(filter(None, [_MATCHED.get(row.matched, ""), f"data {row.data}", row.conditions, budget]))


def _depends(main: Judged, also: Sequence[Judged]) -> list[str]:
    """Return the choices under which verdicts differ, empty if they agree."""
    decided = [one for one in (main, *also) if one.decided]
    first = main if main.decided else next(iter(decided), None)
    if first is None:
        return []
    found = {choices_between(first.pair, one.pair) for one in decided if one.row.verdict != first.row.verdict}
    if not found:
        return []
    enough = [one for one in found if not any(other < one for other in found)]
    return sorted(set().union(*enough)) or ["runs"]


def _sentence(main: Verdict, other: Verdict, differs_in: frozenset[str]) -> str:
    """Return one sentence on another verdict: where it differs, or that another budget agrees."""
    if other.verdict == "not testable here":
        return reasons.sentence(f"{other.reason.rstrip('.')}") if other.found and main.found else ""
    words = [
        _MATCHED.get(other.matched, "") if other.matched != main.matched else "",
        f"data {other.data}" if "data" in differs_in else "",
        other.conditions if other.conditions != main.conditions else "",
        f"the budget {other.budget}" if "budget" in differs_in else "",
        *(f"other {choice}" for choice in sorted(differs_in) if choice not in ("matching", "data", "budget")),
    ]
    settings = ", ".join(filter(None, words)) or "other settings"
    if other.verdict != main.verdict:
        return reasons.sentence(f"with {settings} the verdict is: {other.verdict}")
    agrees = "budget" in differs_in and other.verdict in DECIDED
    return reasons.sentence(f"with {settings} it is the same") if agrees else ""
