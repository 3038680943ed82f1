"""The claims of a report, case by case, those that could not be tested apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.claims.schema import Judgement
from lnncmp.report.answers.study import verdict_counts
from lnncmp.report.page.content import ReportClaim

UNTESTABLE: Judgement = "not testable here"


@dataclass(frozen=True)
class CaseClaims:
    """The claims about one case. counts: of the verdicts on those that were judged."""

    case: str
    judged: Sequence[ReportClaim]
    untestable: Sequence[ReportClaim]

    @property
    def counts(self) -> list[tuple[Judgement, int]]:
        """How often each verdict was given."""
        return verdict_counts([claim.row for claim in (*self.judged, *self.untestable)])


def by_case(claims: Sequence[ReportClaim]) -> list[CaseClaims]:
    """Return the claims by the case that they are about, in their order."""
    made = []
    for case in dict.fromkeys(claim.row.case for claim in claims):
        own = [claim for claim in claims if claim.row.case == case]
        untestable = [claim for claim in own if claim.row.verdict == UNTESTABLE]
        made.append(CaseClaims(case, [claim for claim in own if claim.row.verdict != UNTESTABLE], untestable))
    return made


def by_verdict(claims: Sequence[ReportClaim]) -> list[tuple[Judgement, list[str]]]:
    """Return the names of the claims that got each verdict."""
    rows = [claim.row for claim in claims]
    return [(word, [row.id for row in rows if row.verdict == word]) for word, _ in verdict_counts(rows)]
