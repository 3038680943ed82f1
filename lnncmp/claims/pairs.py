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

    First are sources whose data count for the claim, then the study's way to match sizes (hidden units), then most
    seeds of both, then tuned runs, then the source that the case prefers, then most runs in all. Ablations without
    elapsed times are no other reading of a claim: they count only where there is nothing else.
    """
    fitting = [
        group
        for group in groups
        if group.first.case == claim.case and fnmatchcase(group.first.conditions, claim.conditions)
    ]
    found = [pair for group in fitting for pair in _pairs(claim, group.by_tuning) or _pairs(claim, [group])]
    timed = [pair for pair in found if not pair.group.first.recipe.withholds_time]
    return sorted(timed or found, key=lambda pair: (not counts_on(claim, pair), *_rank(pair)))


def _pairs(claim: Claim, groups: Sequence[ComparisonGroup]) -> list[ClaimPair]:
    """Return the pairs of groups in which both models ran; tuned runs and untuned ones are judged apart."""
    found = []
    for group in groups:
        left = group.find(claim.left, claim.left_arguments)
        right = group.find(claim.right, claim.right_arguments)
        if left is not None and right is not None:
            found.append(ClaimPair(group, left, right))
    return found


def counts_on(claim: Claim, pair: ClaimPair) -> bool:
    """Tell whether the data of a pair count for the claim; if not, they are shown and decide nothing."""
    return not claim.judged_on or pair.group.first.source in claim.judged_on


def _rank(pair: ClaimPair) -> tuple[int, int, bool, int, int, str]:
    group = pair.group
    source = place(list(load_case(group.first.case).sources), group.first.source)
    untuned = any(side.sample.tuning is None for side in pair.both)
    return place(MATCHINGS, group.match), -len(pair.seeds), untuned, source, -len(group.runs), group.protocol_id
