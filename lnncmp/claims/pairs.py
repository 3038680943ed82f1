"""The two models of a claim, in each group of runs in which both ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lnncmp.cases.base import load_case
from lnncmp.claims.claim import Claim
from lnncmp.comparison.groups import MATCHINGS, ComparisonGroup, ModelRuns, place


@dataclass(frozen=True)
class ClaimPair:
    """The runs of both models of a claim in one comparison group."""

    group: ComparisonGroup
    left: ModelRuns
    right: ModelRuns

    @property
    def both(self) -> tuple[ModelRuns, ModelRuns]:
        """The left and the right model."""
        return self.left, self.right

    @property
    def seeds(self) -> list[int]:
        """The seeds of both."""
        return sorted(self.left.by_seed.keys() & self.right.by_seed.keys())


def claim_pairs(claim: Claim, groups: Sequence[ComparisonGroup]) -> list[ClaimPair]:
    """Return the pairs on which a claim can be judged, the one to judge it on first.

    First is the study's way to match sizes (hidden units), then most seeds of both, then the source that the case
    prefers, then most runs in all. An ablation without elapsed times comes last.
    """
    found = []
    for group in groups:
        if group.first.case == claim.case and fnmatchcase(group.first.conditions, claim.conditions):
            left = group.find(claim.left, claim.left_arguments)
            right = group.find(claim.right, claim.right_arguments)
            if left is not None and right is not None:
                found.append(ClaimPair(group, left, right))
    return sorted(found, key=_rank)


def _rank(pair: ClaimPair) -> tuple[bool, int, int, int, int, str]:
    group = pair.group
    withheld = group.first.recipe.withholds_time
    source = place(list(load_case(group.first.case).sources), group.first.source)
    return withheld, place(MATCHINGS, group.match), -len(pair.seeds), source, -len(group.runs), group.protocol_id
