"""Notes under a comparison table: from the recipe, ablations, published numbers."""

import pytest
from synthetic_records import UP, note, recipe, row, run, runs, scores, study, table

from lnncmp.comparison.compare import compare
from lnncmp.records.tuning import Tuning
from lnncmp.report.tables.comparison import document_of_comparison
from lnncmp.report.tables.comparison_rows import rows_of
from lnncmp.report.tables.render import FORMATS, render


def test_wirings_are_counted():
    wired = {"neurons": 19, "synapses": 1253, "sensory_synapses": 40, "unfolds": 6}
    records = [run("ncp", 0, 1.0).model_copy(update={"structure": wired}), run("lstm", 0, 1.0)]
    assert note(table(records), "Wiring") == "Wiring: ncp 19 neurons, 1,253 + 40 sensory synapses, 6 solver steps."
    assert not [sentence for sentence in table(runs("lstm", UP)).notes if "Wiring" in sentence]


def test_notes_from_the_recipe():
    made = table(runs("lstm", [1.0])).notes
    assert made[:3] == [
        "Models are matched by hidden units (64).",
        "Runs of 3 epochs, scored at the epoch with the lowest validation loss.",
        "Models that do not use elapsed times otherwise get them as an input.",
    ]
    other = recipe(match="params", dt_as_input=False, train={"epochs": 1, "restore": "last"})
    made = table(runs("lstm", [1.0], recipe=other)).notes
    assert made[:2] == ["Models are matched by active parameters.", "Runs of 1 epoch, scored after the last epoch."]


def test_models_that_were_not_treated_alike():
    longer = recipe("cfc", train={"epochs": 9, "restore": "best"})
    comparison = table([*runs("lstm", [1.0]), *runs("cfc", [1.0], recipe=longer, protocol_id="other")])
    assert "train.epochs is 3 for lstm, 9 for cfc" in note(comparison, "not treated alike")
    comparison = table([*runs("lstm", [1.0]), *runs("cfc", [1.0], protocol_id="other")])
    note(comparison, "different comparisons")


def test_timespans_at_test_time():
    lstm = [run("lstm", n, 1.0, scores=scores(1.0, ones=1.0 + change)) for n, change in enumerate((0.1, 0.3))]
    cfc = [run("cfc", 0, 2.0, scores=scores(2.0, ones=0.95))]
    comparison = table([*lstm, *cfc])
    assert row(comparison, "lstm").timespans_change.mean == pytest.approx(0.2)
    assert note(comparison, "at test time").endswith("test MSE changes by: lstm +20.0%, cfc -5.0%.")


def test_ablation_is_paired_by_seed():
    without = runs("cfc", [1.5, 2.0, None, 7.0], recipe=recipe("cfc", data={"timespans": "ones"}))
    comparison = table([*runs("lstm", [1.0]), *runs("cfc", [1.0, 4.0, 1.0])], ablations={"timespans=ones": without})
    change = row(comparison, "cfc").ablation_changes["timespans=ones"]
    assert (change.seeds, change.values) == ([0, 1], [0.5, -0.5])
    assert row(comparison, "lstm").ablation_changes["timespans=ones"].mean is None
    assert note(comparison, "Trained and tested with every elapsed time set to 1").endswith("by: cfc +0.0%.")


def test_ablations_of_other_kinds_are_named():
    comparison = table(runs("lstm", [1.0]), ablations={"small": runs("lstm", [1.2]), "none": runs("lstm", [None])})
    assert "lstm +20.0%" in note(comparison, "Ablation 'small'")
    assert "no run that ended well" in note(comparison, "Ablation 'none'")


def test_published_numbers_stay_next_to_ours():
    comparison = compare(**study())
    assert row(comparison, "cfc").published.mean == 0.64305
    assert row(comparison, "lstm").published is None
    assert "protocol differs: 50 epochs & last weights" in note(comparison, "Published cfc")


def tuned(trials):
    return Tuning(trials=trials, dimensions=("train.learning_rate", "train.rate_left", "arguments.init"), origin="here")


def test_every_table_says_how_much_tuning_each_model_got():
    def made(*budgets):
        groups = zip(("lstm", "cfc"), budgets, strict=True)
        return table([run(name, 0, 1.0).model_copy(update={"tuning": budget}) for name, budget in groups])

    assert note(made(None, None), "Tuning") == "Tuning: none; each model has the settings of the recipe."
    assert note(made(tuned(16), tuned(16)), "Tuning") == (
        "Tuning: 16 trials over 3 settings for each model, by validation loss (here)."
    )
    unequal = made(tuned(16), None)
    assert note(unequal, "Tuning") == "Tuning was not equal: lstm 16 trials over 3 settings, cfc untuned."
    assert row(unequal, "lstm").tuning == tuned(16) and row(unequal, "cfc").tuning is None
    assert [line["tuning_trials"] for line in rows_of(unequal)[:2]] == [16, 0]
    for format in FORMATS[:4]:
        assert "16 trials over 3 settings" in render(document_of_comparison(unequal), format).replace("\n  ", " ")


def test_settings_tuned_with_equal_budgets_are_no_unequal_treatment():
    def made(*budgets):
        groups = []
        for name, rate, budget in zip(("lstm", "cfc"), (0.01, 0.02), budgets, strict=True):
            one = run(name, 0, 1.0, recipe=recipe(name, train={"epochs": 3, "learning_rate": rate}))
            groups.append(one.model_copy(update={"tuning": budget}))
        return table(groups)

    words = "train.learning_rate is 0.01 for lstm, 0.02 for cfc."
    assert note(made(tuned(16), tuned(16)), "learning_rate") == f"Each model has its tuned settings: {words}"
    for budgets in ((None, None), (tuned(16), None), (tuned(16), tuned(8))):
        assert note(made(*budgets), "learning_rate") == f"The models were not treated alike: {words}"
