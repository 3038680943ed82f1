"""What one comparison answers in at most five sentences: lowest error, liquid networks, baselines, time ahead, cost.

Every number is one of the table's; nothing is computed here but orders and counts.
"""

from collections.abc import Sequence

from lnncmp.baselines.words import baseline_words
from lnncmp.comparison.differences import differences_on, differs
from lnncmp.comparison.table import ComparisonTable, ModelDifference, ModelRow
from lnncmp.data.task import CLASS_ERRORS
from lnncmp.report.answers.ranking import Place, ranking, unconverged
from lnncmp.report.tables.numbers import change, interval, seconds, significant, size
from lnncmp.stats import MIN_SEEDS

_DIGITS = 3
_THAN = {
    "significantly lower": "significantly lower:",
    "not significant": "no significant difference:",
    "significantly higher": "significantly higher:",
}
_NAMED = 4
"""How many models a sentence names one by one."""


def answers(table: ComparisonTable) -> list[str]:
    """Return at most five sentences on a comparison, the most important first; none if no run ended well."""
    places = ranking(table)
    networks = [place for place in places if place.trained is not None and place.error is not None]
    if not networks:
        return []
    found = [_best(table, networks), _liquid(table, networks[0].name), _baselines(places, networks), _ahead(table)]
    return [sentence for sentence in (*found, _cost_and_trust(table, networks)) if sentence]


def _best(table: ComparisonTable, networks: Sequence[Place]) -> str:
    first = networks[0]
    lowest = f"{first.name} has the lowest {_error(table)} of the networks ({significant(first.error, _DIGITS)})"
    if len(networks) == 1:
        return (
            f"{first.name} has a {_error(table)} of {significant(first.error, _DIGITS)}; nothing was compared with it."
        )
    against = differences_on(table.comparisons, table.main).get(first.name)
    compared = "" if against is None else f", {_against(against)}"
    if table.best == first.name and (against is None or differs(against)):
        return f"{lowest}{compared}; it is significantly lower than that of every other network."
    return f"{lowest}{compared}; it is not shown to be lower than that of every other network."


def _liquid(table: ComparisonTable, best: str) -> str:
    """Return how the liquid networks stand to the reference, "" if there are none or the reference is one."""
    against = differences_on(table.comparisons, table.main)
    liquid = [against[row.model] for row in table.rows if row.group == "liquid" and row.model in against]
    known = sorted((one for one in liquid if one.change is not None), key=lambda one: one.change or 0.0)
    if not known or any(row.model == table.reference and row.group == "liquid" for row in table.rows):
        return ""
    first = f"The best liquid network is {known[0].model}, {_against(known[0])}"
    if known[0].model == best:
        first = f"{best} is a liquid network"
    named = [
        f"{words} {_listed(models)}"
        for verdict, words in _THAN.items()
        if (models := [one.model for one in known if one.verdict == verdict])
    ]
    return f"{first}; of the {len(known)}, {', '.join(named)}." if named and len(known) > 1 else f"{first}."


def _baselines(places: Sequence[Place], networks: Sequence[Place]) -> str:
    known = [place for place in places if place.trained is None and place.error is not None]
    if not known:
        return ""
    first = known[0]
    named = f"{first.name}, {baseline_words(first.name)} ({significant(first.error, _DIGITS)})"
    worse = [
        one.name for one in networks if one.error is not None and first.error is not None and one.error > first.error
    ]
    if first.beats_all:
        return f"An untrained baseline beats every network: {named}."
    if not worse:
        return f"Every network beats the untrained baselines, the best of which is {named}."
    return f"{len(worse)} of {len(networks)} networks are no better than {named}: {_listed(worse)}."


def _ahead(table: ComparisonTable) -> str:
    """Return who has the lowest free-running error at the furthest step of the table."""
    steps = [step for row in table.rows for step in row.horizons]
    if not steps:
        return ""
    step = max(steps, key=int)
    models = {row.model: value for row in table.rows if (value := row.horizons.get(step)) is not None}
    others = {row.name: value for row in table.baselines if (value := row.horizons.get(step)) is not None}
    if not models:
        return f"Free-running, no network stays finite up to step {step}."
    best = min(models, key=lambda name: models[name])
    said = f"Free-running, at step {step} the best network is {best} ({significant(models[best], _DIGITS)})"
    if not others:
        return f"{said}."
    other = min(others, key=lambda name: others[name])
    its_error = significant(others[other], _DIGITS)
    order = "is better" if others[other] < models[best] else "is worse"
    return f"{said}; {other}, {baseline_words(other)}, {order} ({its_error})."


def _cost_and_trust(table: ComparisonTable, networks: Sequence[Place]) -> str:
    """Return the cheapest networks, and how far the errors can be trusted."""
    rows = [place.trained for place in networks if place.trained is not None]
    parts = []
    if len(rows) > 1:
        fewest = min(rows, key=lambda row: row.params.active)
        parts.append(f"fewest active parameters {fewest.model} ({fewest.params.active:,})")
    timed = {row.model: row.epoch_seconds for row in rows if row.epoch_seconds is not None}
    if len(timed) > 1:
        name = min(timed, key=lambda name: timed[name])
        parts.append(f"fastest {name} ({seconds(timed[name])} an epoch)")
    weighed = {row.model: row.peak_memory_bytes for row in rows if row.peak_memory_bytes is not None}
    if len(weighed) > 1:
        name = min(weighed, key=lambda name: weighed[name])
        parts.append(f"least memory {name} ({size(weighed[name])})")
    cost = f"Cost: {', '.join(parts)}. " if parts else ""
    return f"{cost}{_trust(table, rows)}".strip()


def _trust(table: ComparisonTable, rows: Sequence[ModelRow]) -> str:
    seeds = min(row.n_ok for row in rows)
    parts = [f"{seeds} seed{'' if seeds == 1 else 's'} each"]
    if seeds < MIN_SEEDS:
        parts[0] += f": under {MIN_SEEDS} no difference is called significant"
    lost = sum(row.n_diverged + row.n_failed + row.n_stopped for row in table.rows)
    if lost:
        parts.append(f"{lost} run{'' if lost == 1 else 's'} lost")
    lacking = [row.model for row in rows if unconverged(row)]
    if lacking:
        parts.append(f"not converged, so errors could still fall: {_listed(lacking)}")
    return f"{'; '.join(parts)}."


def _against(one: ModelDifference) -> str:
    shown = f"{change(one.change, one.kind)} {interval(one.ci95, _DIGITS)}".strip()
    return f"{shown} {'the error of' if one.kind == 'ratio' else 'to'} {one.reference}"


def _error(table: ComparisonTable) -> str:
    heading = table.error.heading.replace("\n", " ")
    return f"test {heading}" if table.error.name in CLASS_ERRORS else f"one-step test {heading}"


def _listed(names: Sequence[str]) -> str:
    """Return names one by one, of many the first and how many more."""
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
