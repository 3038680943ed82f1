"""The search: equal budgets, edges, divergence, interruption, what it refuses. Trials are not trained here."""

import builtins
import csv
import io
import math
from dataclasses import replace
from typing import get_args

import pytest
from tuning_studies import BEST_RATE, SMALL, Silent, Toy, recipes, tuned, valley

from lnncmp.errors import LnncmpError, UsageError
from lnncmp.models import gru
from lnncmp.models.base import load_model, model_names
from lnncmp.recipe.load import load_recipe
from lnncmp.report.tables.render import FORMATS, render
from lnncmp.report.tables.tuning import document_of_tuning
from lnncmp.runs.plan import make_plan
from lnncmp.runs.ready import Request, get_ready
from lnncmp.training.build import build_model
from lnncmp.training.parameter_counts import count_parameters
from lnncmp.tuning.propose import proposed, require_optuna, rounds, start
from lnncmp.tuning.results import tuned_recipe
from lnncmp.tuning.search import SEEDS, Budget
from lnncmp.tuning.space import RATES, Space
from lnncmp.tuning.table import TuningTable
from lnncmp.tuning.trials import Condition, Trial

ALL = tuple(load_recipe("sine", "standard").models)


@pytest.mark.parametrize("name", model_names())
def test_every_model_tunes_one_argument_that_changes_no_size(name):
    spec = load_model(name)
    cell = spec.arguments.model_fields.get("cell")
    for other in [{"cell": own} for own in get_args(cell.annotation)] if cell else [{}]:
        usual = spec.arguments(hidden=16, **other)
        one = spec.tuned(usual)
        assert getattr(usual, one.argument) in one.values and len(set(one.values)) == len(one.values) >= 2
        counts = set()
        for value in one.values:
            given = spec.arguments(**{**usual.model_dump(), one.argument: value})
            model = build_model(spec, given, 3, 1, dt_as_input=True, model_seed=0, wiring_seed=0)
            counts.add(count_parameters(model, 3).active)
        assert len(counts) == 1


def test_every_model_gets_the_same_number_of_trials_and_dimensions(tmp_path):
    toy = Toy()
    table = tuned(tmp_path, toy, Budget(trials=7), only=ALL)
    assert [row.model for row in table.rows] == list(ALL) and len(ALL) == 6
    assert {len(row.trials) for row in table.rows} == {table.trials} == {7}
    runs = [run for batch in toy.trained for run in batch.runs]
    assert {sum(run.recipe.model.label == label for run in runs) for label in ALL} == {7 * len(SEEDS) * 2}
    # All begin with their own settings and go on from the same places, whatever their argument.
    for row in table.rows:
        own = recipes(only=ALL)[0].train_settings(row.model)
        assert row.default.learning_rate == own.learning_rate
        assert [trial.learning_rate for trial in row.trials[1:4]] == [
            t.learning_rate for t in table.rows[0].trials[1:4]
        ]
        assert len({trial.argument for trial in row.trials}) > 1 and len({trial.rate_left for trial in row.trials}) > 4


def test_the_search_finds_the_valley_and_says_what_it_did(tmp_path):
    table = tuned(tmp_path, budget=Budget(trials=24))
    for row in table.rows:
        assert row.best.loss < row.default.loss and not [edge for edge in row.edges if "rate" in edge]
        assert 0.3 < row.best.learning_rate / BEST_RATE < 3
        assert row.best.loss == min(trial.loss for trial in row.trials if trial.loss is not None)
    assert table.conditions == ["clean", "noise 0.1"] and len(set(table.data_hash)) == 2
    assert "no test data were used" in " ".join(table.notes)


def test_the_loss_is_the_geometric_mean_over_conditions_and_seeds(tmp_path):
    losses = {("", 1000): 1.0, ("", 1001): 4.0, ("noise 0.1", 1000): 16.0, ("noise 0.1", 1001): 64.0}
    toy = Toy(lambda spec: losses[spec.conditions.replace("clean", ""), spec.seed])
    budget = Budget(trials=1, seeds=(1000, 1001))
    assert tuned(tmp_path, toy, budget).rows[0].default.loss == pytest.approx(8.0)


def test_a_diverged_trial_counts_and_is_never_the_best(tmp_path):
    toy = Toy(lambda spec: math.inf if spec.seed == 1001 and valley(spec) < 3 else 9.0)
    table = tuned(tmp_path, toy, Budget(seeds=(1000, 1001)))
    row = table.rows[0]
    lost = [trial for trial in row.trials if trial.status == "diverged"]
    assert row.n_diverged == len(lost) > 0 and {trial.loss for trial in lost} == {None}
    assert row.best.loss == pytest.approx(9.0)
    assert f"lstm: {len(lost)} diverged of 16 trials" in " ".join(table.notes)
    hopeless = tuned(tmp_path / "other", Toy(lambda spec: math.inf), Budget(trials=3))
    assert hopeless.rows[0].best is None and "no trial ended well" in " ".join(hopeless.notes)
    with pytest.raises(LnncmpError, match="no trial of any model ended well"):
        tuned_recipe(hopeless)


def test_a_best_at_an_edge_is_warned_about(tmp_path):
    table = tuned(tmp_path, Toy(lambda spec: 1 / spec.recipe.train.learning_rate), Budget(trials=24))
    assert table.rows[0].best.learning_rate > 0.6 * RATES[1]
    assert "learning_rate (high)" in table.rows[0].edges
    assert "lstm: the best lies at an edge of its range: learning_rate (high)" in " ".join(table.notes)


def test_edges_of_ranges():
    lstm, gru = (load_model(name).tuned(None) for name in ("lstm", "gru"))
    middle = {"learning_rate": 0.01, "rate_left": 0.1}
    assert Space(lstm, {}).edges({**middle, "argument": 1.0}) == []
    assert Space(lstm, {}).edges({**middle, "argument": 2.0}) == ["forget_bias (high)"]
    assert Space(gru, {}).edges({**middle, "argument": "keras"}) == []  # two alternatives have no edge
    assert Space(gru, {}).edges({"learning_rate": 1.1e-4, "rate_left": 0.01, "argument": "keras"}) == [
        "learning_rate (low)",
        "rate_left (low)",
    ]
    assert Space(gru, {}).edges({**middle, "rate_left": 1.0, "argument": "torch"}) == []  # no decay: nothing beyond


@pytest.mark.parametrize("dies_at", [0, 5, 20, 33])
def test_an_interrupted_search_goes_on_where_it_was(tmp_path, dies_at):
    whole = Toy()
    expected = tuned(tmp_path / "whole", whole, Budget(trials=10))
    first, second = Toy(dies_at=dies_at), Toy()
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "cut", first, Budget(trials=10))
    assert tuned(tmp_path / "cut", second, Budget(trials=10)) == expected
    assert len(first.trained) == dies_at and len(first.trained) + len(second.trained) == len(whole.trained) == 40
    again = Toy()
    assert tuned(tmp_path / "cut", again, Budget(trials=10)) == expected and again.trained == []
    assert tuned(tmp_path / "cut", again, Budget(trials=10), fresh=True) == expected
    assert len(again.trained) == 40


def test_half_a_trial_is_completed_and_not_repeated(tmp_path):
    budget = Budget(trials=2, seeds=(1000, 1001))
    expected = tuned(tmp_path, Toy(), budget)
    lost = sorted((tmp_path / "records").glob("*.json"))[0]
    lost.unlink()
    toy = Toy()
    assert tuned(tmp_path, toy, budget) == expected
    assert [len(batch.runs) for batch in toy.trained] == [1]


def test_more_trials_keep_the_ones_that_exist(tmp_path):
    tuned(tmp_path, Toy(), Budget(trials=4))
    toy = Toy()
    table = tuned(tmp_path, toy, Budget(trials=16))
    assert table.trials == 16 and len(toy.trained) == (16 - 2) * 2 * 2  # the start of four: own settings and one more


def test_rounds_add_up():
    for trials in range(1, 60):
        assert sum(rounds(trials)) == trials and min(rounds(trials)) > 0


def test_proposals_depend_on_results_alone():
    space = Space(load_model("ltc").tuned(None), {"learning_rate": 3.0, "rate_left": 1e-9, "argument": "softplus"})
    points = start(space, 8)
    assert points == start(space, 8) and points[0] == space.default
    results = [(point, math.inf if n == 3 else float(n)) for n, point in enumerate(points)]
    made = proposed(space, results, 4)
    assert made == proposed(space, results, 4) != proposed(space, [(p, -loss) for p, loss in results], 4)
    assert all(space.holds(point) for point in made) and len({point["learning_rate"] for point in made}) == 4


def test_seeds_of_the_comparison_are_refused(tmp_path):
    toy = Toy()
    with pytest.raises(UsageError, match="seed 2 is one of the seeds of the comparison: tuning must not use it"):
        tuned(tmp_path, toy, Budget(seeds=(2, 1000)))
    assert toy.trained == [] and not list(tmp_path.iterdir())


def test_without_optuna_one_sentence_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def missing(name, *given):
        if name == "optuna":
            raise ModuleNotFoundError("No module named 'optuna'")
        return real(name, *given)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UsageError) as refused:
        require_optuna()
    assert (refused.value.message, refused.value.hint) == (
        "tuning needs the package optuna",
        "Install it with: pip install 'lnncmp[tune]'",
    )


def test_a_model_without_an_argument_to_tune_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(gru, "MODEL", replace(gru.MODEL, tuned=None))
    with pytest.raises(UsageError, match="the model gru names no argument to tune"):
        tuned(tmp_path, budget=Budget(trials=2))


def test_the_first_trial_has_the_identity_of_an_untuned_run(tmp_path):
    """Else "before" would not be what a study without tuning runs."""
    ready = get_ready(recipes()[0], Request(tmp_path, tmp_path), Silent())
    condition = Condition.of(ready)
    space = condition.space("gru")
    (spec,) = Trial("gru", 0, space, space.default).specs(condition, [1000])
    untuned = load_recipe("sine", "quick", [*SMALL, "seeds=[1000]"], None, ("lstm", "gru"))
    plan = make_plan(untuned, ready.plan.shape, {"gru": untuned.arguments("gru")})
    assert spec.run_id == plan.runs[0].run_id


def test_the_table_in_every_format(tmp_path):
    found = tuned(tmp_path, Toy(lambda spec: 1 / spec.recipe.train.learning_rate), Budget(trials=24))
    document = document_of_tuning(found)
    text = render(document, "table")
    assert "(edge)" in text and "minutes" in text and max(map(len, text.splitlines())) <= 100
    assert "forget_bias" in text and "24/0" in text
    rows = list(csv.DictReader(io.StringIO(render(document, "csv"))))
    assert [row["trials"] for row in rows] == ["24", "24"]
    assert float(rows[0]["tuned_loss"]) == pytest.approx(found.rows[0].best.loss)
    assert TuningTable.model_validate_json(render(document, "json")) == found
    for format in FORMATS:
        assert "forget" in render(document, format)
