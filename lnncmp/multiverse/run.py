"""Run universes, the most informative first, all of them or as many as a budget of minutes allows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lnncmp.errors import UsageError
from lnncmp.multiverse.cost import CostEstimator
from lnncmp.multiverse.plan import PlannedUniverse
from lnncmp.records.store import Store
from lnncmp.runs.execute import run_batches, train_batches
from lnncmp.runs.plan import RunSpec
from lnncmp.runs.ready import Request, StudyListener, worker_config

_PORTION = 60.0
"""Seconds of work that are started together under a budget: afterwards the estimates are corrected."""


@dataclass
class Carried:
    """What was carried out. universes: those that ran or cannot run; left: how many the budget did not allow.

    executed: runs of this call; shared: runs that a universe did not need of its own, because an earlier one had them.
    """

    universes: list[PlannedUniverse] = field(default_factory=list)
    left: int = 0
    executed: int = 0
    shared: int = 0


def run_universes(
    planned: Sequence[PlannedUniverse],
    store: Store,
    request: Request,
    listener: StudyListener,
    budget: float | None = None,
) -> Carried:
    """Execute the missing runs of the universes in their order.

    budget: minutes; a universe is started only if it should be done by then, else those after it that should be:
    estimates from measured training steps, corrected by what the universes before it took. Raises UsageError if the
    first alone should take longer.
    """
    store.prepare()
    if budget is None:
        executed = _execute(planned, store, request, listener)
        return Carried(list(planned), 0, executed, _shared(planned))
    return _within(budget * 60, planned, store, request, listener)


def _within(
    seconds: float, planned: Sequence[PlannedUniverse], store: Store, request: Request, listener: StudyListener
) -> Carried:
    begun = time.monotonic()
    estimator = CostEstimator(store, request.jobs, listener)
    counted: set[str] = set()
    expected = estimator.seconds(planned[0], counted)
    if expected > seconds:
        raise UsageError(
            f"a budget of {seconds / 60:g} min is too small for one universe: the default takes up to "
            f"{expected / 60:.2g} min",
            "Use a larger --budget, fewer --seeds, or smaller settings with --set.",
        )
    waiting, portion, predicted, executed, pace = list(planned[1:]), [planned[0]], expected, 0, 1.0
    while portion:
        for one in list(waiting):
            left = seconds - (time.monotonic() - begun)
            considered = set(counted)
            more = estimator.seconds(one, considered)
            if pace * (predicted + more) > min(left, _PORTION):
                break
            waiting.remove(one)
            portion.append(one)
            counted, predicted = considered, predicted + more
        started = time.monotonic()
        ran = _execute(portion, store, request, listener)
        executed += ran
        if ran and predicted > 0:
            pace = (time.monotonic() - started) / predicted
        portion, predicted = _next(waiting, estimator, counted, (seconds - (time.monotonic() - begun)) / pace)
    waiting = [one for one in waiting if not _stored(one, store)]  # what is stored takes no time
    left_out = {one.number for one in waiting}
    kept = [one for one in planned if one.number not in left_out]
    return Carried(kept, len(waiting), executed, _shared(kept))


def _stored(planned: PlannedUniverse, store: Store) -> bool:
    return all(store.finished(run.run_id) is not None for run in planned.runs)


def _next(
    waiting: list[PlannedUniverse], estimator: CostEstimator, counted: set[str], left: float
) -> tuple[list[PlannedUniverse], float]:
    """Take the first universe that should be done in the seconds left from `waiting`; return it with its seconds."""
    for one in list(waiting):
        considered = set(counted)
        more = estimator.seconds(one, considered)
        if more <= left:
            waiting.remove(one)
            counted |= considered
            return [one], more
    return [], 0.0


def _execute(planned: Sequence[PlannedUniverse], store: Store, request: Request, listener: StudyListener) -> int:
    """Execute what is missing, each run once; return how many runs that were."""
    by_folder: dict[Path | None, dict[str, RunSpec]] = {}
    for one in planned:
        by_folder.setdefault(one.data_dir, {}).update({run.run_id: run for run in one.runs})
    executed = 0
    for data_dir, found in by_folder.items():
        missing = [run for run in found.values() if store.finished(run.run_id) is None]
        if not missing:
            continue
        first, most = missing[0].recipe, max(len({run.seed for run in missing}), 1)
        config = replace(worker_config(request, first), data_dir=data_dir, stack=request.stack or most)
        config = replace(config, jobs=request.executor.jobs(config))
        train_batches(run_batches(missing, config), config, listener, request.executor)
        executed += len(missing)
    return executed


def _shared(planned: Sequence[PlannedUniverse]) -> int:
    every = [run.run_id for one in planned for run in one.runs]
    return len(every) - len(set(every))
