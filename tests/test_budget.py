"""Who has the lowest loss after how many epochs and seconds."""

from figure_records import records, run

from lnncmp.comparison.budget import BudgetPoint, budget_curves, leaders
from lnncmp.records.schema import Epoch


def history(*losses, seconds=1.0):
    return [
        Epoch(epoch=n, train_loss=1, validation_loss=loss, seconds=seconds, grad_norm=1, learning_rate=1)
        for n, loss in enumerate(losses, start=1)
    ]


def test_lowest_so_far_over_seeds_by_hand():
    runs = [run("gru", 0, history=history(4, 5, 1)), run("gru", 1, history=history(2, 3, 3, seconds=3.0))]
    assert budget_curves({"gru": runs})["gru"] == [
        BudgetPoint(1, 2.0, 3.0, 2, 4),
        BudgetPoint(2, 4.0, 3.0, 2, 4),
        BudgetPoint(3, 6.0, 1.5, 1, 2),
    ]


def test_a_run_that_stopped_early_keeps_its_last_value():
    runs = [run("gru", 0, history=history(4, 2)), run("gru", 1, history=history(4, 2, 1))]
    last = budget_curves({"gru": runs})["gru"][-1]
    assert (last.epochs, last.seconds, last.loss, last.high) == (3, 2.5, 1.5, 2)


def test_lost_runs_and_models_without_a_curve_are_left_out():
    lost = [run("ltc", seed, diverged=True) for seed in range(2)]
    assert set(budget_curves({"gru": [one for one in records() if one.model == "gru"], "ltc": lost})) == {"gru"}


def test_the_leader_changes_with_the_budget():
    """Fast and good at first, or slow and better in the end: by epochs and by seconds the change comes elsewhere."""
    curves = budget_curves(
        {
            "gru": [run("gru", 0, history=history(3, 2, 2, 2))],
            "ltc": [run("ltc", 0, history=history(4, 3, 1, 1, seconds=10.0))],
        }
    )
    assert leaders(curves, "epochs") == [(1.0, "gru"), (3.0, "ltc")]
    assert leaders(curves, "seconds") == [(1.0, "gru"), (30.0, "ltc")]
