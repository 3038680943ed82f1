"""The two models of a claim, in each group of runs in which both ran."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from lnncmp import stats
from lnncmp.cases.base import load_case
from lnncmp.claims.claim import Claim
from lnncmp.comparison.groups import MATCHINGS, ComparisonGroup, ModelRuns, place


@dataclass(frozen=True)
class ClaimPair:
    """The runs of both models of a claim in one comparison group.

    others: the same comparison on other data sets, drawn alike with other data seeds, that are judged together with it.
    """

    group: ComparisonGroup
    left: ModelRuns
    right: ModelRuns
    others: tuple["ClaimPair", ...] = ()

    @property
    def data_seed(self) -> int:
        """The seed that the data were drawn from."""
        return self.group.first.seeds.data

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
    seeds of both, then the source that the case prefers, then most runs in all. Ablations without elapsed times are no
    other reading of a claim: they count only where there is nothing else.
    """
    found = []
    for group in groups:
        if group.first.case == claim.case and fnmatchcase(group.first.conditions, claim.conditions):
            left = group.find(claim.left, claim.left_arguments)
            right = group.find(claim.right, claim.right_arguments)
            if left is not None and right is not None:
                found.append(ClaimPair(group, left, right))
    timed = [pair for pair in found if not pair.group.first.recipe.withholds_time]
    return _pooled(sorted(timed or found, key=lambda pair: (not counts_on(claim, pair), *_rank(pair))))


def counts_on(claim: Claim, pair: ClaimPair) -> bool:
    """Tell whether the data of a pair count for the claim; if not, they are shown and decide nothing."""
    return not claim.judged_on or pair.group.first.source in claim.judged_on


def _pooled(pairs: Sequence[ClaimPair]) -> list[ClaimPair]:
    """Return the pairs, in their order; three or more that differ only in the seed of their data become one."""
    alike: dict[str, list[ClaimPair]] = {}
    for pair in pairs:
        alike.setdefault(_but_for_data_seed(pair), []).append(pair)
    made = []
    for pair in pairs:
        same = alike[_but_for_data_seed(pair)]
        if len(same) < stats.MIN_DATA_SETS:
            made.append(pair)
        elif pair is same[0]:
            first, *others = sorted(same, key=lambda one: one.data_seed)
            made.append(replace(first, others=tuple(others)))
    return made


def _but_for_data_seed(pair: ClaimPair) -> str:
    """Return all settings of both models but the seed of the data, as a key."""
    run = pair.group.first
    ignored = f"data.{load_case(run.case).data_seed}"
    settings = [side.sample.recipe.flat() for side in pair.both]
    kept = [{key: value for key, value in one.items() if key != ignored} for one in settings]
    return json.dumps([run.case, run.source, run.conditions, kept], sort_keys=True)


def _rank(pair: ClaimPair) -> tuple[int, int, int, int, str]:
    group = pair.group
    source = place(list(load_case(group.first.case).sources), group.first.source)
    return place(MATCHINGS, group.match), -len(pair.seeds), source, -len(group.runs), group.protocol_id
