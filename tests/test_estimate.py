"""The memory that a dry run promises: of all processes, each with its data."""

from dataclasses import fields, replace

import numpy as np
import pytest
from synthetic_records import measurement

from lnncmp.cases.base import load_case
from lnncmp.recipe.load import load_recipe
from lnncmp.runs.estimate import _DATA_COPIES as COPIES
from lnncmp.runs.estimate import MAIN_BYTES, PROCESS_BYTES, data_bytes, estimate
from lnncmp.runs.plan import data_shape, make_plan


@pytest.fixture(scope="module")
def prepared():
    return load_case("sine").sample()


@pytest.fixture(scope="module")
def plan(prepared):
    recipe = load_recipe("sine", "quick", ["hidden=4"], {"seeds": (0, 1)}, ["lstm", "gru"])
    return make_plan(recipe, data_shape(prepared), {model: recipe.arguments(model) for model in recipe.models})


def test_data_takes_what_its_arrays_take(prepared, plan):
    splits = prepared.splits
    windows = (splits.train, splits.validation, splits.test)
    arrays = [getattr(one, field.name) for one in windows for field in fields(one) if field.name != "group"]
    taken = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
    assert data_bytes(plan.shape) == pytest.approx(taken, rel=0.3)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_process_and_the_command_have_the_data(plan, jobs):
    large = replace(plan, shape=replace(plan.shape, train_windows=10**6))
    training = [measurement(model, peak_memory_bytes=peak) for model, peak in (("lstm", 7_000), ("gru", 90_000))]
    found = estimate(large, large.runs, training, jobs).memory_bytes
    assert found == MAIN_BYTES + jobs * (PROCESS_BYTES + 90_000) + (jobs + 1) * COPIES * data_bytes(large.shape)
    assert data_bytes(large.shape) > 10**8
