"""What a claim asks for, and what would change its verdict, in words."""

from lnncmp.claims.schema import Verdict
from lnncmp.report.page.words import other_conditions, unconverged
from lnncmp.report.tables.claims import changed, effect_cell
from lnncmp.stats import MIN_SEEDS


def direction_words(row: Verdict) -> str:
    """Return which way the claim points and which effects speak for it."""
    kind, zero = ("ratio", "1") if row.effect_kind == "log ratio" else ("difference", "0")
    if row.direction == "comparable":
        return f"about the same is claimed; a {kind} that differs from {zero} by less than the margin speaks for it"
    if row.direction.startswith("not "):
        return f"{row.direction} is claimed; a {kind} above {zero}, or below it by less than the margin, speaks for it"
    return f"{row.direction} is claimed; a {kind} above {zero} speaks for it"


def smallest_effect(row: Verdict) -> str:
    """Return the smallest effect of interest, as effects are written; "-" if there is none."""
    return effect_cell(row.model_copy(update={"effect": row.smallest_difference, "ci95": None}))


def would_change(row: Verdict) -> list[str]:
    """Return what could give the claim another verdict, as far as the verdict knows it."""
    found = []
    if row.obstacle == "no records":
        found.append(f"Runs that it is about: lnncmp {row.case}")
    if row.verdict == "not shown" and 0 < row.n_seeds < MIN_SEEDS:
        found.append(f"More seeds: {row.n_seeds} of the {MIN_SEEDS} that any verdict needs.")
    if row.verdict == "not shown" and row.seeds_needed is not None and row.seeds_needed > row.n_seeds:
        found.append(
            f"More seeds: about {row.seeds_needed} would show an effect of {smallest_effect(row)}, if there is one; "
            f"there are {row.n_seeds}."
        )
    found += [f"Other conditions: {other_conditions(row, other)} gives {other.words}." for other in changed(row)]
    if row.readings:
        found.append(f"Another reading of what the study leaves open: the claim holds in {row.readings} readings.")
    if row.unconverged:
        found.append(f"Longer training: {unconverged(row)}.")
    if not found and row.n_seeds:
        found.append("Nothing that these records tell of.")
    return found
