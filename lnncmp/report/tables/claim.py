"""One verdict in full: what was claimed, what was found, by seed, with everything that belongs to it."""

from lnncmp.claims.schema import Verdict
from lnncmp.report.tables import console
from lnncmp.report.tables.claims import effect_cell
from lnncmp.report.tables.grid import Column, Grid
from lnncmp.report.tables.numbers import UNKNOWN, significant


def render(row: Verdict, width: int = 100, color: bool = False) -> str:
    """Return the verdict, its numbers, and the same under every other matching or data that was judged."""
    grids, numbers = [], {}
    for one in (row, *row.also):
        where = _where(one)
        if one.runs:
            grids.append(_runs(one, where))
        if one.n_seeds:
            numbers[f"Numbers ({where})"] = _numbers(one)
        elif one is not row:
            numbers[f"Also ({where})"] = [f"{one.verdict}: {one.reason}"]
    for heading, texts in (("Assumed", row.assumed), ("Differences of protocol", row.differences_of_protocol)):
        if texts:
            numbers[heading] = texts
    ids = dict.fromkeys(run_id for one in (row, *row.also) for run_id in one.run_ids)
    if ids:
        numbers["Runs (names of files in records/)"] = [", ".join(ids)]
    told = {row.id: [f"{row.claim} ({row.where})", f"{row.verdict.capitalize()}: {row.reason}"]}
    parts = [([], told), (grids, {}), ([], numbers)]
    shown = [console.render_grids(tables, lists, width, color) for tables, lists in parts if tables or lists]
    return "\n".join(shown)


def _where(row: Verdict) -> str:
    matched = {"hidden": "matched by hidden units", "params": "matched by parameters"}.get(row.matched, "own sizes")
    return ", ".join(filter(None, [row.case, row.data, row.conditions, matched, row.preset and f"preset {row.preset}"]))


def _runs(row: Verdict, where: str) -> Grid:
    left, right = row.models
    unit = f" [{row.unit}]" if row.unit else ""
    return Grid(
        title=f"{row.measure}{unit} by seed ({where})",
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
        f"verdict: {row.verdict}",
        f"interquartile means: {middles or UNKNOWN}",
        f"effect, {better} in the claim's favour: {effect}",
    ]
    if row.ci95_bca is not None:
        other = row.model_copy(update={"ci95": row.ci95_bca})
        found.append(f"the same with the BCa bootstrap's interval: {effect_cell(other)}".replace("\n", " "))
    if row.p is not None:
        adjusted = UNKNOWN if row.p_holm is None else significant(row.p_holm, 3)
        found.append(f"p = {significant(row.p, 3)}, after Holm over all claims {adjusted}, from {row.n_seeds} seeds")
    if row.probability_of_improvement is not None:
        chance = significant(row.probability_of_improvement, 3)
        found.append(
            f"probability that a run of {row.models[0]} is on the claimed side of one of {row.models[1]}: {chance}"
        )
    if row.smallest_difference is not None:
        least = row.model_copy(update={"effect": row.smallest_difference, "ci95": None})
        needed = f", which would need {row.seeds_needed} seeds" if row.seeds_needed else ""
        found.append(f"smallest difference that would matter: {effect_cell(least)}{needed}")
    return found
