"""Runs on the cases' tiny samples that kept their weights, trained in this process for an epoch."""

from dataclasses import dataclass
from pathlib import Path

import torch

from lnncmp.cases.base import Prepared, load_case
from lnncmp.cli.progress import LiveProgress
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.runs.plan import RunBatch, data_shape, make_plan
from lnncmp.runs.ready import Request, prepare
from lnncmp.runs.worker import execute_runs


@dataclass(frozen=True)
class Kept:
    """A run, the data that it was trained on, and the folder that keeps both record and weights."""

    record: RunRecord
    prepared: Prepared
    out: Path

    @property
    def weights(self) -> Path:
        return Store(self.out).weights_path(self.record.run_id)

    @property
    def json(self) -> Path:
        return self.weights.with_suffix(".json")


def keep(out: Path, case: str, model: str, *changes: str, seeds: tuple[int, ...] = (0,), weights: bool = True) -> Kept:
    """Train on the sample of a case and return the run of the first seed."""
    recipe = load_recipe(case, "quick", ["hidden=20", "train.epochs=1", *changes], {"seeds": seeds}, [model])
    return _kept(out, recipe, load_case(case).sample(), seeds, weights)


def keep_of_table(out: Path, file: Path, model: str, *changes: str) -> Kept:
    """Train on a table file and return the run."""
    recipe = load_recipe("table", "quick", ["hidden=20", "train.epochs=1", *changes], {"seeds": (0,)}, [model])
    with LiveProgress(quiet=True) as progress:
        complete, prepared = prepare(recipe, Request(out, out, files=(file,)), progress)
    return _kept(out, complete, prepared, (0,), True)


def _kept(out: Path, recipe: Recipe, prepared: Prepared, seeds: tuple[int, ...], weights: bool) -> Kept:
    torch.set_num_threads(1)
    (model,) = recipe.models
    plan = make_plan(recipe, data_shape(prepared), {model: recipe.arguments(model)})
    records: list[RunRecord] = []
    batch, store = RunBatch(runs=plan.runs), Store(out)
    execute_runs(batch, prepared, store, 1, lambda *progress: None, records.append, keep_weights=weights)
    assert {record.status for record in records} == {"ok"}, records[0].reason
    return Kept(next(one for one in records if one.seeds.root == seeds[0]), prepared, out)
