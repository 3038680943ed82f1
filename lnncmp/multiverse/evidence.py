"""What each universe says of each claim, by the rules of `lnncmp claims`, from the records of its own plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lnncmp.claims.claim import Claim
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.readings import Reading
from lnncmp.comparison.groups import ComparisonGroup, ModelRuns
from lnncmp.comparison.run_metrics import MEMORY, TIMES
from lnncmp.multiverse.choices import Choices
from lnncmp.multiverse.judge import Judged, judged
from lnncmp.multiverse.plan import PlannedUniverse
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store


@dataclass(frozen=True)
class Evidence:
    """A reading and the effects behind it, by seed; empty for counts and where nothing could be compared."""

    reading: Reading
    effects: Mapping[int, float]


def claims_in(claims: Sequence[Claim], choices: Choices) -> list[Claim]:
    """Return the claims that a multiverse can say something of: both sides take part, and nothing is timed.

    Claims against a baseline are left out, which has no side to swap with.
    """
    return [
        claim
        for claim in claims
        if claim.case == choices.case
        and claim.not_testable is None
        and claim.baseline is None
        and not (claim.left_arguments or claim.right_arguments)
        and claim.measure not in (*TIMES, *MEMORY)
        and {claim.left, claim.right} <= set(choices.sides)
    ]


def runs_of(planned: PlannedUniverse, store: Store) -> dict[str, list[RunRecord]]:
    """Return the stored records of a universe, by variant."""
    return {
        variant: [record for run in plan.runs if (record := store.run(run.run_id)) is not None]
        for variant, plan in planned.plans.items()
    }


def evidence_on(
    claim: Claim, planned: Sequence[PlannedUniverse], runs: Mapping[int, Mapping[str, Sequence[RunRecord]]]
) -> list[Evidence]:
    """Return the distinct readings of a claim: universes with the same runs of both sides are one.

    runs: by number of the universe and variant. Empty if no variant has the conditions of the claim.
    """
    found: dict[tuple[str, ...], Evidence] = {}
    for one in planned:
        for key, evidence in _readings(claim, one, runs.get(one.number, {})):
            if key in found:
                known = found[key]
                merged = known.reading.model_copy(update={"universes": [*known.reading.universes, one.number]})
                evidence = Evidence(merged, known.effects)
            found[key] = evidence
    if all(one.reading.outcome == "no result" and not one.reading.models for one in found.values()):
        return []
    return list(found.values())


def concerned_choices(claim: Claim, choices: Choices, variants: Sequence[str]) -> list[str]:
    """Return the choices that can change the runs behind a claim, which is judged on these variants."""
    found = []
    for choice in choices.choice:
        if len(choice.alternative) > 1 and any(
            {claim.left, claim.right} & set(one.plays)
            or (one.set and (not one.variants or set(one.variants) & set(variants)))
            for one in choice.alternative
        ):
            found.append(choice.name)
    return found


def variants_of(claim: Claim, planned: Sequence[PlannedUniverse]) -> list[str]:
    """Return the variants whose data have the conditions of a claim, in any universe."""
    found = [
        variant
        for one in planned
        for variant, plan in one.plans.items()
        if fnmatchcase(plan.recipe.data_settings().conditions, claim.conditions)
    ]
    return list(dict.fromkeys(found))


def _readings(
    claim: Claim, planned: PlannedUniverse, runs: Mapping[str, Sequence[RunRecord]]
) -> list[tuple[tuple[str, ...], Evidence]]:
    """Return what one universe says of a claim, with the identities of the runs behind it."""
    alternatives = planned.universe.named
    if planned.trouble:
        lost = Reading(
            universes=[planned.number],
            alternatives=alternatives,
            models=[],
            outcome="no result",
            reason=planned.trouble,
        )
        return [(tuple(alternatives.values()), Evidence(lost, {}))]
    made = []
    for records in runs.values():
        if records and fnmatchcase(records[0].conditions, claim.conditions):
            left, right = (_side(records, planned.universe.player(name)) for name in (claim.left, claim.right))
            if left is None or right is None or left.label == right.label:
                continue
            pair = ClaimPair(ComparisonGroup(records[0].protocol_id, tuple(records)), left, right)
            key = tuple(run.run_id for side in pair.both for _, run in sorted(side.by_seed.items()))
            made.append((key, _reading(planned, pair, judged(claim, pair, records))))
    return made


def _side(records: Sequence[RunRecord], label: str) -> ModelRuns | None:
    by_seed = {run.seeds.root: run for run in records if run.recipe.model.label == label and run.status != "stopped"}
    return ModelRuns(label, by_seed) if by_seed else None


def _reading(planned: PlannedUniverse, pair: ClaimPair, found: Judged) -> Evidence:
    reading = Reading(
        universes=[planned.number],
        alternatives=planned.universe.named,
        models=[pair.left.label, pair.right.label],
        outcome=found.outcome,
        verdict=found.verdict,
        effect=found.effect,
        ci95=found.ci95,
        p=found.p,
        pairs=found.pairs,
        lost=found.lost,
        reason=found.reason,
    )
    return Evidence(reading, found.effects)
