"""The two models of a claim, in each group of runs in which both ran, or were measured."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from lnncmp import stats
from lnncmp.cases.base import load_case
from lnncmp.claims.claim import Claim
from lnncmp.comparison.costs import costs_of, untrained
from lnncmp.comparison.groups import MATCHINGS, ComparisonGroup, ModelRuns, place
from lnncmp.comparison.run_metrics import MEASURED
from lnncmp.records.schema import MeasurementRecord

Costs = tuple[MeasurementRecord, MeasurementRecord]


@dataclass(frozen=True)
class ClaimPair:
    """The runs of both models of a claim in one comparison group.

    untrained: the measurement of the left, of the right model where it was measured and not trained; its runs are then
    those of the same model with other arguments.
    others: the same comparison on other data sets, drawn alike with other data seeds, that are judged together with it.
    """

    group: ComparisonGroup
    left: ModelRuns
    right: ModelRuns
    untrained: tuple[MeasurementRecord | None, MeasurementRecord | None] = (None, None)
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

    def costs(self, measurements: Sequence[MeasurementRecord]) -> Costs | None:
        """Return the measurements of both at one batch shape, of one session if there is one; None if one lacks."""
        given = {one.session for one in self.untrained if one is not None}
        within = [one for one in measurements if not given or one.session in given]
        found = costs_of({str(side): [runs.sample] for side, runs in enumerate(self.both)}, within)
        left, right = (own or found.get(str(side)) for side, own in enumerate(self.untrained))
        if left is None or right is None or (left.batch, left.steps) != (right.batch, right.steps):
            return None
        return left, right


def claim_pairs(
    claim: Claim, groups: Sequence[ComparisonGroup], measurements: Sequence[MeasurementRecord] = ()
) -> list[ClaimPair]:
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
    own = measurements if claim.measure in MEASURED else ()
    found = [pair for group in fitting for pair in _pairs(claim, group.by_tuning, own) or _pairs(claim, [group], own)]
    timed = [pair for pair in found if not pair.group.first.recipe.withholds_time]
    return _pooled(sorted(timed or found, key=lambda pair: (not counts_on(claim, pair), *_rank(pair))))


def _pairs(
    claim: Claim, groups: Sequence[ComparisonGroup], measurements: Sequence[MeasurementRecord]
) -> list[ClaimPair]:
    """Return the pairs of groups in which both models ran; tuned runs and untuned ones are judged apart."""
    found = []
    for group in groups:
        left, left_cost = _side(claim.left, claim.left_arguments, group, measurements)
        right, right_cost = _side(claim.right, claim.right_arguments, group, measurements)
        if left is not None and right is not None:
            found.append(ClaimPair(group, left, right, (left_cost, right_cost)))
    return found


def _side(
    model: str, arguments: Mapping[str, Any], group: ComparisonGroup, measurements: Sequence[MeasurementRecord]
) -> tuple[ModelRuns | None, MeasurementRecord | None]:
    """Return the runs of a model; where only its cost was measured, runs with other arguments and that measurement."""
    runs = group.find(model, arguments)
    if runs is not None or not measurements:
        return runs, None
    costs = costs_of({one.row: [one.sample] for one in group.models}, measurements)
    for one in untrained(costs, group.runs, measurements):
        own = one.arguments or {}
        if one.name == model and all(own.get(key) == value for key, value in arguments.items()):
            return group.find(model, {}), one
    return None, None


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


def _rank(pair: ClaimPair) -> tuple[int, int, bool, int, int, str]:
    group = pair.group
    source = place(list(load_case(group.first.case).sources), group.first.source)
    untuned = any(side.sample.tuning is None for side in pair.both)
    return place(MATCHINGS, group.match), -len(pair.seeds), untuned, source, -len(group.runs), group.protocol_id
