"""The same recipe and seed give the same numbers, whatever the folder, the number of processes, or who else works."""

import json

import pytest
import torch
from cli_runs import TWO, all_numbers, finish, numbers, run, start, wait_for, with_measurements

from lnncmp.cases.base import load_case
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs.plan import RunBatch, data_shape, make_plan
from lnncmp.runs.worker import execute_runs


def test_two_commands_at_once_share_the_work_and_get_the_numbers_of_one(finished, tmp_path):
    out = with_measurements(tmp_path / "out", finished)
    commands = [start(*TWO, "--out", out, "--jobs", jobs) for jobs in ("1", "2")]
    seen: dict[str, set[int]] = {}

    def all_ended() -> bool:
        for path in (out / "records").glob("*.json"):
            seen.setdefault(path.name, set()).add(path.stat().st_ino)
        return all(command.poll() is not None for command in commands)

    wait_for(all_ended, timeout=300)
    answers = [finish(command) for command in commands]
    assert [answer.code for answer in answers] == [0, 0], answers
    assert {len(files) for files in seen.values()} == {1}  # no record was replaced by another
    assert all_numbers(out) == all_numbers(finished)
    assert _without_times(answers[0].out) == _without_times(answers[1].out)


def _without_times(table: str) -> str:
    return table[: table.index("Cost")]


def _run(prepared, out, *changes):
    recipe = load_recipe("walker2d", "quick", ["hidden=4", "train.epochs=2", *changes], {"seeds": (3,)}, ["lstm"])
    plan = make_plan(recipe, data_shape(prepared), {"lstm": recipe.arguments("lstm")})
    records = []
    execute_runs(RunBatch(runs=plan.runs), prepared, Store(out), 1, lambda *news: None, records.append)
    return records[0]


def test_the_batch_size_of_evaluation_changes_nothing_but_rounding(tmp_path):
    torch.set_num_threads(1)
    prepared = load_case("walker2d").sample()
    whole, parts = _run(prepared, tmp_path), _run(prepared, tmp_path, "evaluate.batch_size=7")
    assert whole.run_id != parts.run_id
    assert numbers(whole)["history"] == numbers(parts)["history"]
    for metric, value in whole.scores.metrics["test"].items():
        assert parts.scores.metrics["test"][metric] == pytest.approx(value, rel=1e-5)
    free = [[point.error for point in record.scores.horizons] for record in (whole, parts)]
    assert free[0] == pytest.approx(free[1], rel=1e-4)


def test_sizes_can_be_matched_by_active_parameters(simulated_cache, tmp_path):
    matched = ["--match", "params", "--set", "hidden=16", "--set", "train.epochs=1", "--seeds", "1"]
    answer = run(*TWO, *matched, "--out", tmp_path, "--format", "json")
    assert answer.code == 0, answer
    document = json.loads(answer.out)
    lstm, gru = (row["params"]["active"] for row in document["rows"])
    assert gru == pytest.approx(lstm, rel=0.05)
    assert "Models are matched by active parameters." in document["notes"]
