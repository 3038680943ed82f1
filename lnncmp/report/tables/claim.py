"""One verdict in full: what was claimed, what was found, by seed, with everything that belongs to it."""

from lnncmp.claims.schema import Verdict
from lnncmp.comparison.groups import MATCHED_WORDS
from lnncmp.report.tables.claims import capitalised, effect_cell, row_of
from lnncmp.report.tables.document import Column, Document, Grid, Section
from lnncmp.report.tables.numbers import UNKNOWN, significant


def document_of_claim(row: Verdict) -> Document:
    """Return the verdict, its numbers, and the same under every other matching or data that was judged."""
    every = (row, *row.also)
    numbers: dict[str, list[str]] = {}
    for one in every:
        if one.n_seeds:
            numbers[f"Numbers ({_where(one)})"] = _numbers(one)
        elif one is not row:
            numbers[f"Also ({_where(one)})"] = [f"{one.words}: {one.reason}"]
    numbers |= {"Assumed": row.assumed, "Protocol differences": row.differences_of_protocol}
    ids = ", ".join(dict.fromkeys(run_id for one in every for run_id in one.run_ids))
    numbers["Runs (names of files in records/)"] = [ids] if ids else []
    stated = {row.id: [f"{row.claim} ({row.where})", f"{capitalised(row.words)}: {row.reason}"]}
    parts = [Section(notes=stated), Section(grids=[_runs(one) for one in every if one.runs]), Section(notes=numbers)]
    return Document([part for part in parts if part.grids or part.lists()], [row_of(one) for one in every], row)


def _where(row: Verdict) -> str:
    matched = MATCHED_WORDS.get(row.matched, "")
    return ", ".join(filter(None, [row.case, row.data, row.conditions, matched, row.budget and f"budget {row.budget}"]))


def _runs(row: Verdict) -> Grid:
    left, right = row.models
    unit = f" [{row.unit}]" if row.unit else ""
    return Grid(
        title=f"{row.measure}{unit} by seed ({_where(row)})",
        corner="seed",
        labels=tuple(str(run.seed) for run in row.runs),
        columns=(
            Column(left, tuple(_value(run.left) for run in row.runs)),
            Column(right, tuple(_value(run.right) for run in row.runs)),
        ),
        sections=(len(row.runs),),
    )


def _value(value: float | None) -> str:
    return "lost" if value is None else significant(value)


def _numbers(row: Verdict) -> list[str]:
    middles = ", ".join(f"{model} {significant(value)}" for model, value in row.iqm.items())
    effect = effect_cell(row).replace("\n", " ")
    better = "above 1" if row.effect_kind == "log ratio" else "above 0"
    found = [
        f"verdict: {row.words}",
        f"interquartile means: {middles or UNKNOWN}",
        f"effect, {better} in the claim's favour: {effect}",
    ]
    if row.in_favour is not None:
        found.append(f"pairs that point the claim's way: {row.in_favour} of {row.n_seeds}")
    for one in row.convergence:
        gain = "" if one.gain is None else f"; the others still gained {significant(one.gain, 2)} at the end"
        found.append(f"runs of {one.model} that had converged: {one.converged} of {one.runs}{gain}")
    if row.ci95_bca is not None:
        other = row.model_copy(update={"ci95": row.ci95_bca})
        found.append(f"the same with the BCa bootstrap's interval: {effect_cell(other)}".replace("\n", " "))
    if row.p is not None:
        adjusted = UNKNOWN if row.p_holm is None else significant(row.p_holm, 3)
        before = significant(row.p, 3)
        found.append(f"p = {before}, Holm-corrected over all claims {adjusted}, from {row.n_seeds} seeds")
    if row.probability_of_improvement is not None:
        chance = significant(row.probability_of_improvement, 3)
        found.append(
            f"probability that a run of {row.models[0]} is on the claimed side of one of {row.models[1]}: {chance}"
        )
    if row.smallest_difference is not None:
        least = row.model_copy(update={"effect": row.smallest_difference, "ci95": None})
        needed = f", which would need {row.seeds_needed} seeds" if row.seeds_needed else ""
        found.append(f"smallest effect of interest: {effect_cell(least)}{needed}")
    return found
