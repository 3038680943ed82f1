"""Which models of two sets of records belong together, what else differs between them, what has no counterpart."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.comparison.groups import ComparisonGroup, ModelRuns, implementation_words
from lnncmp.records.run_recipe import leaves
from lnncmp.records.schema import RunRecord


@dataclass(frozen=True)
class Pair:
    """One model in two groups of runs on equal data: left and right."""

    model: str
    groups: tuple[ComparisonGroup, ComparisonGroup]
    sides: tuple[ModelRuns, ModelRuns]


def counterpart(group: ComparisonGroup, others: Sequence[ComparisonGroup]) -> ComparisonGroup | None:
    """Return the group on equal data most like this one: of the same protocol, else matching, else the first."""
    return max(
        filter(group.same_data, others),
        key=lambda other: (other.protocol_id == group.protocol_id, other.match == group.match, -others.index(other)),
        default=None,
    )


def pairs_of(left: ComparisonGroup, right: ComparisonGroup | None) -> list[Pair]:
    """Return the models of both groups; of one that ran with several arguments, those with most seeds."""
    if right is None:
        return []
    sides = [
        {one.label: one for one in sorted(group.models, key=lambda one: len(one.by_seed))} for group in (left, right)
    ]
    return [Pair(name, (left, right), (sides[0][name], sides[1][name])) for name in sides[0] if name in sides[1]]


def differences(pairs: Sequence[Pair]) -> list[str]:
    """Return one sentence for each setting or circumstance that differs between the two sets, with the models."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        for difference in _differences(pair.sides[0].sample, pair.sides[1].sample):
            found.setdefault(difference, []).append(pair.model)
    models = {pair.model for pair in pairs}
    return [
        f"{difference} ({'all models' if set(named) == models else ', '.join(dict.fromkeys(named))})."
        for difference, named in found.items()
    ]


def _differences(left: RunRecord, right: RunRecord) -> list[str]:
    """Return one phrase for each setting and circumstance that differs between two runs of one model."""
    ours, theirs = ({**run.recipe.flat(), **dict(leaves(run.provenance.model_dump()))} for run in (left, right))
    found = [
        f"{key} is {ours.get(key)} on the left and {theirs.get(key)} on the right"
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    ]
    if left.stacked != right.stacked:
        found.append(f"runs trained {left.stacked} at a time on the left, {right.stacked} on the right")
    if left.implementation != right.implementation:
        sides = [implementation_words(run.implementation) for run in (left, right)]
        found.append(f"implemented as {sides[0]} on the left, {sides[1]} on the right")
    return found


def unpaired(left: Sequence[ComparisonGroup], right: Sequence[ComparisonGroup]) -> list[str]:
    """Return one sentence for each case that is in both sets on different data only, and so is not compared."""
    found = []
    for one in left:
        others = [
            other
            for other in right
            if (other.first.case, other.first.conditions) == (one.first.case, one.first.conditions)
        ]
        if others and not any(map(one.same_data, others)):
            conditions = f" ({one.first.conditions})" if one.first.conditions else ""
            hashes = ", ".join(dict.fromkeys(other.data for other in others))
            found.append(f"Not compared: {one.first.case}{conditions}, whose data differ ({one.data}; {hashes}).")
    return found
