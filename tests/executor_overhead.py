"""Seconds that an executor needs for a run beyond its work: `python tests/executor_overhead.py --executor ray`.

Makes tiny runs (one epoch, four units, a task each) twice, one and then all of them, so that the start of processes is
left out, and the same work in this process, with nothing kept. Prints wall-clock and processor time a run: the
difference is the overhead. With --jobs 2 and runs of more --epochs the wall-clock times of one and two processes give
the speed-up. Prints JSON.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lnncmp.cli.progress import LiveProgress
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs.execute import execute
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.measure_cost import set_up_torch
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.ready import Request, get_ready, worker_config
from lnncmp.runs.remote.worker import MessageKeeper
from lnncmp.runs.worker import execute_runs

TINY = (
    *("hidden=4", "evaluate.horizon=2", "data.noise_levels=[0.1]", "data.samples=12", "data.context=6"),
    *(f"data.{waves}=4" for waves in ("waves", "validation_waves", "test_waves", "shifted_waves")),
)


def clock():
    """Return seconds: by the wall, and of the processor, in this process and in the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + children.ru_utime + children.ru_stime


def seconds(work):
    before = clock()
    work()
    return [after - began for after, began in zip(clock(), before, strict=True)]


def per_run(plan, request, recipe, executor, listener):
    """Return the seconds of a run among all those of a plan, without those of the first."""

    def carried_out(runs, out):
        some, store = replace(plan, runs=runs, measurements=()), Store(out)
        store.prepare()
        execute(some, store, worker_config(replace(request, out=out), recipe), listener, executor)

    first = seconds(lambda: carried_out(plan.runs[:1], request.out / "one"))
    every = seconds(lambda: carried_out(plan.runs, request.out / "all"))
    return [(b - a) / (len(plan.runs) - 1) for a, b in zip(first, every, strict=True)]


def _nothing(*news):
    """Take what a run reports."""


def alone(plan, prepared):
    """Return the seconds of a run in this process, of which nothing is kept."""
    set_up_torch(1, False)

    def carried_out(runs):
        for run in runs:
            keeper = MessageKeeper({}, lambda message: None)
            execute_runs(RunBatch(runs=(run,)), prepared, keeper, 1, _nothing, _nothing, True, True)

    some = plan.runs[: min(100, len(plan.runs))]
    carried_out(some[:1])
    return [one / len(some) for one in seconds(lambda: carried_out(some))]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--epochs", type=int, default=1)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--executor", default="local")
    options.add_argument("--ray-address", default=None)
    given = options.parse_args()
    recipe = load_recipe(
        "sine",
        "quick",
        [*TINY, f"train.epochs={given.epochs}"],
        {"seeds": tuple(range(given.runs)), "implementation": "loop"},
        ["lstm"],
    )
    with tempfile.TemporaryDirectory() as folder, LiveProgress(True, Path(folder)) as listener:
        request = Request(Path(folder), Path(folder) / "cache", jobs=given.jobs, stack=1, keep_weights=True)
        ready = get_ready(recipe, request, listener)
        work = alone(ready.plan, ready.prepared)
        with Choice(given.executor, given.jobs, given.ray_address, given.jobs).started() as executor:
            whole = per_run(ready.plan, request, ready.recipe, executor, listener)
    names = ("wall", "processor")
    found = {"a run": whole, "its work": work, "overhead": [a - b for a, b in zip(whole, work, strict=True)]}
    shown = {what: {n: f"{1000 * s:.2f} ms" for n, s in zip(names, one, strict=True)} for what, one in found.items()}
    print(json.dumps({**vars(given), **shown}, indent=1))


if __name__ == "__main__":
    main()
