"""From the universes that ran to the summary of a case: counts, curve, influences, flips, joint test of each claim."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from lnncmp.claims.claim import DIFFERENCES, Claim
from lnncmp.claims.readings import (
    AlternativeWords,
    ChoiceWords,
    ClaimReadings,
    Multiverse,
    UniverseLine,
    summary_path,
)
from lnncmp.common.files import write_bytes
from lnncmp.common.small_files import sealed
from lnncmp.multiverse.choices import Choices
from lnncmp.multiverse.evidence import (
    claims_in,
    concerned_choices,
    evidence_on,
    runs_of,
    variants_of,
)
from lnncmp.multiverse.influence import flips, influences
from lnncmp.multiverse.joint import joint_test
from lnncmp.multiverse.plan import PlannedUniverse
from lnncmp.multiverse.run import Carried
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store

Runs = Mapping[int, Mapping[str, Sequence[RunRecord]]]


def summarize(
    choices: Choices,
    claims: Sequence[Claim],
    carried: Carried,
    store: Store,
    seeds: Sequence[int],
    notes: Sequence[str] = (),
) -> Multiverse:
    """Return what these universes say of every one of the claims that is about the case. notes: what else to know."""
    planned = carried.universes
    runs = {one.number: runs_of(one, store) for one in planned}
    found = [_claim(claim, choices, planned, runs) for claim in claims_in(claims, choices)]
    return Multiverse(
        case=choices.case,
        preset=choices.preset,
        seeds=list(seeds),
        possible=choices.possible,
        choices=[_words(choices, number) for number in range(len(choices.choice))],
        universes=[_line(one, runs[one.number]) for one in planned],
        runs=len({run.run_id for one in planned for run in one.runs}),
        shared=carried.shared,
        claims=[one for one in found if one is not None],
        notes=[*_notes(choices, carried, runs), *notes],
    )


def write_summary(out: Path, found: Multiverse) -> Path:
    """Keep the summary where `lnncmp claims` and the page look for it, and return its path."""
    path = summary_path(out, found.case)
    write_bytes(path, sealed(found.model_dump_json(indent=1)), durable=True)
    return path


def _words(choices: Choices, number: int) -> ChoiceWords:
    choice = choices.choice[number]
    alternatives = [AlternativeWords(name=one.name, why=one.why) for one in choice.alternative]
    return ChoiceWords(name=choice.name, question=choice.question, alternatives=alternatives)


def _line(planned: PlannedUniverse, runs: Mapping[str, Sequence[RunRecord]]) -> UniverseLine:
    records = [record for group in runs.values() for record in group]
    counts = Counter(record.status for record in records)
    unconverged = sum(
        record.status == "ok" and record.convergence is not None and not record.convergence.converged
        for record in records
    )
    return UniverseLine(
        number=planned.number,
        alternatives=planned.universe.named,
        runs=len(records),
        diverged=counts["diverged"],
        failed=counts["failed"],
        unconverged=unconverged,
        trouble=planned.trouble,
    )


def _claim(claim: Claim, choices: Choices, planned: Sequence[PlannedUniverse], runs: Runs) -> ClaimReadings | None:
    """Return the readings of a claim, None if the conditions of no variant are those of the claim."""
    evidence = evidence_on(claim, planned, runs)
    if not evidence:
        return None
    readings = [one.reading for one in evidence]
    counts = Counter(one.outcome for one in readings)
    concerned = concerned_choices(claim, choices, variants_of(claim, planned))
    shares, rest = influences(readings, concerned)
    effects = [one.effect for one in readings if one.effect is not None]
    return ClaimReadings(
        id=claim.id,
        claim=claim.claim,
        models=[claim.left, claim.right],
        measure=claim.measure,
        direction=claim.direction,
        effect_kind="log ratio" if claim.scale == "ratio" else "difference",
        supports=counts["supports"],
        opposite=counts["opposite"],
        not_shown=counts["not shown"],
        no_result=counts["no result"],
        median=median(effects) if effects else None,
        default=readings[0].outcome,
        concerned=concerned,
        influences=shares,
        rest=rest,
        flips=flips(readings, concerned) if claim.direction in DIFFERENCES else [],
        joint=joint_test([one.effects for one in evidence if one.effects]),
        readings=readings,
    )


def _notes(choices: Choices, carried: Carried, runs: Runs) -> list[str]:
    planned = carried.universes
    lines = [_line(one, runs[one.number]) for one in planned]
    every = {record.run_id: record for group in runs.values() for part in group.values() for record in part}
    lost = Counter(record.status for record in every.values())
    hit = sum(bool(line.diverged or line.failed) for line in lines)
    trouble = [line for line in lines if line.trouble]
    unconverged = sum(
        one.status == "ok" and one.convergence is not None and not one.convergence.converged for one in every.values()
    )
    found = [
        f"{len(planned)} of {choices.possible:,} universes, {len(every):,} runs; {carried.shared:,} more are shared."
    ]
    if carried.left:
        found.append(f"The budget left out {carried.left} universes; the same command goes on with a new budget.")
    if hit:
        found.append(
            f"{lost['diverged']} runs diverged and {lost['failed']} failed, in {hit} universes: they have lost their "
            "comparison and stay in the curve."
        )
    if trouble:
        found.append(
            f"{len(trouble)} universes could not be run and count without a result, e.g. number {trouble[0].number}: "
            f"{trouble[0].trouble}"
        )
    if unconverged:
        found.append(f"{unconverged} of {len(every):,} runs had not converged when they ended.")
    return found
