"""A case's own measures in a comparison: means, pairs with a Holm family each, what is missing, conditions."""

import math

import pytest
from synthetic_records import (
    MEASURES,
    UP,
    baseline,
    measured,
    measured_study,
    note,
    row,
    run,
    runs,
    scores,
    table,
)

from lnncmp.comparison.compare import compare
from lnncmp.comparison.differences import differences_on, differs
from lnncmp.errors import LnncmpError

PEAK, LAG, AGREEMENT, GAIN = MEASURES


def with_values(model, values, name="mse_peak", **changes):
    """One run a value of measure `name`, which is not held if that is None; the test MSE is 1 throughout."""
    return [
        run(model, seed, 1.0, scores=measured(1.0, **({} if value is None else {name: value})), **changes)
        for seed, value in enumerate(values)
    ]


def test_mean_and_interval_of_a_measure():
    made = row(table(with_values("lstm", [1.0, 2.0, 3.0]), metrics=[PEAK]), "lstm").metrics["mse_peak"]
    half = 4.302652729911275 / math.sqrt(3)
    assert (made.mean, made.values, made.seeds) == (2.0, [1.0, 2.0, 3.0], [0, 1, 2])
    assert made.ci95 == pytest.approx((2 - half, 2 + half))


def test_measures_are_tested_apart_from_the_test_mse():
    records = [*with_values("lstm", [1.0] * 6), *with_values("cfc", [1 - d for d in UP])]
    comparison = table(records, metrics=[PEAK])
    assert [(pair.metric, pair.model) for pair in comparison.comparisons] == [("test_mse", "cfc"), ("mse_peak", "cfc")]
    pair = differences_on(comparison.comparisons, "mse_peak")["cfc"]
    assert pair.change == pytest.approx(math.prod(1 - d for d in UP) ** (1 / 6))
    assert (pair.verdict, differs(pair)) == ("significantly lower", True)
    same = differences_on(comparison.comparisons, "test_mse")["cfc"]
    assert (same.change, same.p, differs(same)) == (1.0, 1.0, False)


def test_each_measure_is_a_family_of_its_own():
    """Two models on the peak (p doubled), one of them alone on the lag (p as it is)."""

    def of(model, step, lag):
        return [
            run(model, seed, 1.0, scores=measured(1.0, mse_peak=1 + step * d, **({"lag": d * step} if lag else {})))
            for seed, d in enumerate(UP)
        ]

    made = table([*of("lstm", 0.0, True), *of("cfc", 1.0, True), *of("gru", 2.0, False)], metrics=[PEAK, LAG])
    peak, lag = (differences_on(made.comparisons, name) for name in ("mse_peak", "lag"))
    assert max(pair.p_holm for pair in peak.values()) == pytest.approx(2 * min(pair.p for pair in peak.values()))
    assert (lag["cfc"].p_holm, lag["cfc"].verdict) == (lag["cfc"].p, "significantly higher")
    assert lag["cfc"].kind == "difference" and lag["cfc"].change == pytest.approx(0.35)
    assert (lag["gru"].n_seeds, lag["gru"].p) == (0, None)
    note(made, "Metrics: * marks p <= 0.05, Holm-corrected over the models compared on that metric")


def test_a_measure_that_some_runs_lack():
    records = [*with_values("lstm", [1.0, None, 3.0]), *with_values("cfc", [5.0, 6.0, None])]
    comparison = table(records, metrics=[PEAK])
    assert row(comparison, "lstm").metrics["mse_peak"].seeds == [0, 2]
    pair = differences_on(comparison.comparisons, "mse_peak")["cfc"]
    assert (pair.n_seeds, pair.change, pair.verdict) == (2, pytest.approx((30 / 3) ** 0.5), "too few seeds (n < 6)")
    assert note(comparison, "lstm: MSE near peaks") == "lstm: MSE near peaks is not known for 1 of 3 runs."


def test_a_measure_that_no_run_holds_is_left_out():
    held = [baseline("mean", 2.0, scores=measured(2.0, mse_peak=1.0, lag=0.5))]
    comparison = table(with_values("lstm", [1.0, 2.0]), metrics=[PEAK, LAG], baselines=held)
    assert comparison.measures == [PEAK]
    assert set(row(comparison, "lstm").metrics) == {"test_mse", "test_nmse", "mse_peak"}
    assert comparison.baselines[0].metrics == {"test_mse": 2.0, "test_nmse": 0.2, "mse_peak": 1.0}
    assert not [sentence for sentence in comparison.notes if "lag" in sentence]


def test_a_measure_of_lost_runs_only_is_left_out():
    lost = [run("lstm", 0, None, scores=measured(math.inf, mse_peak=3.0)), *runs("lstm", [1.0, 1.0])[1:]]
    assert table(lost, metrics=[PEAK]).measures == []


def test_records_hold_no_other_measures_than_those_asked_for():
    comparison = table(with_values("lstm", [1.0, 2.0]))
    assert comparison.measures == [] and "mse_peak" not in row(comparison, "lstm").metrics


@pytest.mark.parametrize("wild", [math.inf, -math.inf, math.nan])
def test_a_value_that_is_not_finite_leaves_no_mean_and_no_verdict(wild):
    records = [*with_values("lstm", [0.0] * 6), *with_values("cfc", [1.0] * 5 + [wild])]
    comparison = table(records, metrics=[PEAK], baselines=[baseline("mean", 2.0, scores=measured(2.0, mse_peak=wild))])
    made = row(comparison, "cfc").metrics["mse_peak"]
    assert (made.mean, made.ci95, made.values) == (None, None, [1.0] * 5 + [None])
    pair = differences_on(comparison.comparisons, "mse_peak")["cfc"]
    assert (pair.n_seeds, pair.change, pair.ci95, pair.p, pair.p_holm) == (6, None, None, None, None)
    assert not differs(pair)
    assert "for 1 of 6 seeds; no mean is given" in note(comparison, "cfc: MSE near peaks is not finite")
    assert comparison.baselines[0].metrics["mse_peak"] is None


def test_a_measure_that_is_not_compared_has_a_mean_but_no_pairs():
    records = [*with_values("lstm", [1.0] * 6, "noise_gain"), *with_values("cfc", UP, "noise_gain")]
    comparison = table(records, metrics=[GAIN])
    assert row(comparison, "cfc").metrics["noise_gain"].mean == pytest.approx(0.35)
    assert differences_on(comparison.comparisons, "noise_gain") == {}
    assert note(comparison, "not tested") == "Differences are not tested for: noise gain."
    assert not [sentence for sentence in comparison.notes if "Holm, adjusted over" in sentence]


def test_formulas_stand_in_the_notes_in_the_order_of_the_measures():
    made = compare(**measured_study()).notes
    formulas = [
        "MSE near peaks: mean squared error over the targets within a tenth of a period of a peak.",
        "lag: Shift of the best fit to the truth.",
        "sign agreement: share of equal signs.",
        "noise gain: standard deviation passed on over that put in, at noise of 0.1.",
    ]
    start = made.index(formulas[0])
    assert made[start : start + 4] == formulas


def test_notes_count_the_pairs_of_the_test_mse_only():
    note(compare(**measured_study()), "Holm-corrected over 3 comparisons")


def test_measures_do_not_decide_which_model_is_best():
    records = [*with_values("lstm", [1.0] * 10), *with_values("cfc", [0.1 + 0.01 * n for n in range(10)])]
    assert table(records, metrics=[PEAK]).best is None


def test_conditions_stand_in_the_title():
    made = compare(**measured_study())
    assert made.title == "Damped sine waves (generated, noise 0.1), preset quick: one-step test error"
    assert made.conditions == "noise 0.1"
    assert table(runs("lstm", [1.0])).conditions == ""


@pytest.mark.parametrize("other", ["noise 0.1", ""])
def test_records_under_different_conditions_are_refused(other):
    with pytest.raises(LnncmpError) as refused:
        table([run("lstm", 0, 1.0, conditions="noise 0.2"), run("cfc", 0, 1.0, conditions=other)])
    expected = f"share one set of conditions: lstm-0 has 'noise 0.2', cfc-0 has '{other or 'none'}'"
    assert refused.value.message.endswith(expected)


def test_perturbations_of_a_baseline_are_kept():
    wild = scores(2.0, slope=math.inf)
    made = table(runs("lstm", [1.0]), baselines=[baseline("mean", 2.0, scores=wild)]).baselines[0]
    assert [(p.group, p.name, p.level) for p in made.perturbations] == [
        (p.group, p.name, p.level) for p in wild.perturbations
    ]
    assert [(p.error, p.ratio) for p in made.perturbations] == [(None, 1.0)] * 3 + [(4.0, 2.0), (2.02, None)]
