"""The search: rounds of trials of all models, side by side, until each model has had its number of trials.

Only training and validation windows are read. What a round proposes depends on the results of the rounds before it
alone, and a finished trial is never repeated: a search that was interrupted goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lnncmp.errors import UsageError
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.store import Store
from lnncmp.runs.execute import train_batches
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.ready import Request, StudyListener, get_ready, worker_config
from lnncmp.tuning.propose import ROUND, proposed, require_optuna, rounds, start
from lnncmp.tuning.results import table_of
from lnncmp.tuning.table import TuningTable
from lnncmp.tuning.trials import Condition, Trial, Tried, finished

SEEDS = (1000,)
"""Root seeds of trials, if no others are asked for: no recipe uses them."""
TRIALS = 16
"""Trials of each model, if no other number is asked for."""


class SearchListener(StudyListener, Protocol):
    """Progress callbacks of a search. total: of its runs."""

    total: int


@dataclass(frozen=True)
class Budget:
    """What every model gets: a number of trials, and the seeds of each."""

    trials: int = TRIALS
    seeds: tuple[int, ...] = SEEDS


def tune(recipes: Sequence[Recipe], request: Request, budget: Budget, listener: SearchListener) -> TuningTable:
    """Tune all models of a case and return what was found.

    recipes: of the case under each condition that counts, the usual one first; a trial's loss is the geometric mean.
    Raises UsageError without optuna or if a seed is one of the recipe's, and what preparing data and training raise.
    """
    version = require_optuna()
    _require_other_seeds(recipes[0], budget)
    conditions = [Condition.of(get_ready(recipe, request, listener)) for recipe in recipes]
    store = Store(request.out, listener.warn)
    store.prepare()
    spaces = {label: conditions[0].space(label) for label in recipes[0].models}
    listener.total = len(spaces) * budget.trials * len(conditions) * len(budget.seeds)
    tried: dict[str, list[Tried]] = {label: [] for label in spaces}
    for number, count in enumerate(rounds(budget.trials)):
        trials = []
        for label, space in spaces.items():
            before = [(one.trial.point, one.loss) for one in tried[label]]
            points = start(space, count) if number == 0 else proposed(space, before, count)
            trials += [Trial(label, len(before) + k, space, point) for k, point in enumerate(points)]
        _carry_out(_longest_first(trials, tried), conditions, budget, request, store, listener)
        for one in finished(trials, conditions, budget.seeds, store):
            tried[one.trial.label].append(one)
    return table_of(conditions, tried, budget.seeds, _sampler(budget.trials, version))


def _sampler(trials: int, version: str) -> str:
    """Return in words how trials are chosen."""
    first, *others = rounds(trials)
    words = ["the recipe's own settings", *([f"{first - 1} of a Sobol sequence"] if first > 1 else [])]
    return ", ".join([*words, *([f"{sum(others)} of optuna {version} (TPE, {ROUND} at a time)"] if others else [])])


def _require_other_seeds(recipe: Recipe, budget: Budget) -> None:
    shared = sorted(set(recipe.seeds) & set(budget.seeds))
    if shared:
        raise UsageError(
            f"seed {shared[0]} is one of the seeds of the comparison: tuning must not use it",
            f"Choose other seeds with --seeds (default: {','.join(map(str, SEEDS))}).",
        )


def _longest_first(trials: Sequence[Trial], tried: Mapping[str, Sequence[Tried]]) -> list[Trial]:
    """Return the trials in the order in which they are begun: those of slow models first, where known."""

    def seconds(trial: Trial) -> float:
        before = tried[trial.label]
        return sum(one.seconds for one in before) / len(before) if before else 0.0

    return sorted(trials, key=lambda trial: -seconds(trial))


def _carry_out(
    trials: Sequence[Trial],
    conditions: Sequence[Condition],
    budget: Budget,
    request: Request,
    store: Store,
    listener: SearchListener,
) -> None:
    """Execute the runs of the trials that have no record yet."""
    batches, stored = [], 0
    for trial in trials:
        for batch in trial.batches(conditions, budget.seeds):
            for run in batch.runs if request.fresh else ():
                store.discard(run.run_id)
            missing = tuple(run for run in batch.runs if store.finished(run.run_id) is None)
            batches += [RunBatch(runs=missing)] if missing else []
            stored += len(batch.runs) - len(missing)
    config = replace(worker_config(request, conditions[0].recipe), evaluate=False)
    train_batches(batches, config, listener, request.executor, stored)
