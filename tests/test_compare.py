"""From synthetic records to a comparison: means, pairs, verdicts, notes, and what is refused."""

import math
import subprocess
import sys

import numpy as np
import pytest
from synthetic_records import UP, baseline, measurement, note, row, run, runs, scores, study, table

from lnncmp.comparison.compare import compare
from lnncmp.comparison.differences import differences_to, differs, verdict
from lnncmp.comparison.table import Estimate
from lnncmp.errors import DataError, LnncmpError, UsageError
from lnncmp.records.schema import Parameters
from lnncmp.report.tables.grid import cost_grid


def test_row_of_a_model():
    made = row(table(runs("lstm", [1.0, 2.0, 3.0])), "lstm")
    half = 4.302652729911275 / math.sqrt(3)
    error = made.metrics["test_mse"]
    assert (error.mean, error.values, error.seeds) == (2.0, [1.0, 2.0, 3.0], [0, 1, 2])
    assert error.ci95 == pytest.approx((2 - half, 2 + half))
    assert made.metrics["test_nmse"].mean == pytest.approx(0.2)
    assert made.horizons == pytest.approx({"1": 4.0, "10": 6.0, "50": 10.0})
    assert [(point.step, point.seeds, point.not_finite) for point in made.curve] == [(1, 3, 0), (10, 3, 0), (50, 3, 0)]
    assert made.noise_slope.mean == pytest.approx(0.5)
    assert made.params.model_dump() == {"trainable": 12345, "active": 12000, "total": 13000}
    assert made.structure == {"neurons": 64}
    # Each run's epochs take 1, 2, 3 s plus its seed: medians 2, 3, 4.
    assert (made.epoch_seconds, made.run_epoch_seconds, made.run_stacked) == (None, 3, 1)


def test_values_are_in_order_of_seed():
    made = row(table(list(reversed(runs("lstm", [1.0, 2.0, 4.0])))), "lstm").metrics["test_mse"]
    assert (made.seeds, made.values) == ([0, 1, 2], [1.0, 2.0, 4.0])


def test_perturbations_keep_levels_apart():
    made = row(table(runs("lstm", [1.0, 3.0])), "lstm")
    found = {(p.group, p.name, p.level): p.ratio.mean for p in made.perturbations}
    assert found == {
        ("noise", "sensor noise 0.1 sd", 0.1): 1.0,
        ("noise", "sensor noise 0.3 sd", 0.3): 1.0,
        ("noise", "sensor noise 1.0 sd", 1.0): 1.0,
        ("physics", "gravity_x2", None): 2.0,
        ("timespans", "ones", None): None,
    }


def test_diverged_failed_and_stopped_runs_are_counted_and_enter_no_mean():
    records = [
        *runs("lstm", [1.0, 3.0, None]),
        run("lstm", 3, 9.0, status="failed"),
        run("lstm", 4, 9.0, status="stopped"),
        run("lstm", 5, math.nan),
        run("lstm", 6, 1.0, scores=None),
    ]
    made = row(table(records), "lstm")
    assert (made.n_ok, made.n_diverged, made.n_failed, made.n_stopped) == (2, 2, 2, 1)
    assert made.metrics["test_mse"].mean == 2.0
    assert made.run_epoch_seconds == 2.5


def test_all_diverged():
    comparison = table([*runs("lstm", UP), *runs("ltc", [None] * 6)])
    made = row(comparison, "ltc")
    assert (made.n_ok, made.n_diverged) == (0, 6)
    assert made.metrics["test_mse"] == Estimate()
    assert (made.horizons, made.run_epoch_seconds) == ({"1": None, "10": None, "50": None}, None)
    (pair,) = comparison.comparisons
    assert (pair.n_seeds, pair.change, pair.p, pair.verdict) == (0, None, None, "too few seeds (n < 6)")
    assert "6 of 6 runs diverged (epochs 2, 2" in note(comparison, "diverged")


def test_free_running_error_that_is_not_finite_is_no_mean():
    records = runs("lstm", [1.0, 1.0])
    records[1] = run("lstm", 1, 1.0, scores=scores(1.0, far=math.inf))
    comparison = table(records)
    made = row(comparison, "lstm")
    assert made.horizons == {"1": 2.0, "10": 3.0, "50": None}
    assert made.curve[-1].not_finite == 1
    assert "by step 50 for 1 of 2 seeds" in note(comparison, "finite range")


def test_changes_and_p_of_welchs_test():
    from scipy.stats import ttest_ind

    values = [[1.0, 1.1, 0.9, 1.05, 1.2, 0.95], [0.5, 0.4, 0.45, 0.6, 0.5, 0.55]]
    (one,) = table([*runs("lstm", values[0]), *runs("cfc", values[1])]).comparisons
    logs = [[math.log(value) for value in side] for side in values]
    expected = ttest_ind(logs[1], logs[0], equal_var=False)
    ends = expected.confidence_interval()
    assert (one.n_seeds, one.kind, one.verdict) == (6, "ratio", "significantly lower")
    assert one.change == pytest.approx(math.exp(sum(logs[1]) / 6 - sum(logs[0]) / 6))
    assert one.ci95 == pytest.approx((math.exp(ends.low), math.exp(ends.high)))
    assert one.p == one.p_holm == pytest.approx(expected.pvalue)


def test_every_run_that_ended_well_counts_whatever_its_seed():
    lstm = runs("lstm", [1.0, None, 1.01, 1.0, 0.99, 1.0, 1.02, 1.0])
    cfc = runs("cfc", [None, 9.0, 8.9, 9.2, 9.3, 9.4, 8.5, 8.6])
    (one,) = table([*lstm, *cfc]).comparisons
    assert (one.n_seeds, one.verdict) == (7, "significantly higher")


def test_five_seeds_are_never_significant():
    comparison = table([*runs("lstm", [1.0] * 5), *runs("cfc", [0.1] * 5)])
    (one,) = comparison.comparisons
    assert (one.p, one.verdict) == (pytest.approx(2 / 252), "too few seeds (n < 6)")
    assert comparison.best is None
    note(comparison, "fewer than 6 seeds of a model")


def test_ten_seeds_can_show_a_clear_difference_among_thirty():
    """Sign flips of ten pairs cannot go under 2 / 1024, which Holm multiplies by the thirty models."""
    others = [run for n in range(30) for run in runs(f"m{n}", [0.5 + 0.01 * ((n + s) % 7) for s in range(10)])]
    comparison = table([*runs("lstm", [1.0 + 0.01 * (s % 5) for s in range(10)]), *others])
    assert {one.verdict for one in comparison.comparisons} == {"significantly lower"}


def test_errors_of_which_one_model_has_skewed_ones_are_seldom_called_different():
    """Errors with equal geometric means; of differences of skewed errors, sign flips reject more than 5%."""
    rng = np.random.default_rng(96)
    wide, narrow = np.exp(0.8 * rng.standard_normal((400, 10))), np.exp(0.1 * rng.standard_normal((400, 10)))
    wrong = 0
    for left, right in zip(wide.tolist(), narrow.tolist(), strict=True):
        errors = {"lstm": dict(enumerate(left)), "cfc": dict(enumerate(right))}
        wrong += differs(differences_to("lstm", errors, "test_mse")[0])
    assert 4 <= wrong <= 0.05 * 400 + 3 * (0.05 * 0.95 * 400) ** 0.5


def test_holm_over_the_models_of_a_table():
    records = [*runs("lstm", [1.0, 1.1] * 3), *runs("cfc", [1.2, 1.3] * 3), *runs("gru", [1.3, 1.4] * 3)]
    first, second = table(records).comparisons
    assert first.p_holm == pytest.approx(max(first.p, 2 * second.p)) and second.p_holm == pytest.approx(2 * second.p)


@pytest.mark.parametrize(
    ("seeds", "change", "p", "expected"),
    [
        (5, -1.0, 0.001, "too few seeds (n < 6)"),
        (6, -1.0, 0.05, "significantly lower"),
        (6, 1.0, 0.05, "significantly higher"),
        (6, 1.0, 0.0501, "not significant"),
        (6, None, None, "not significant"),
    ],
)
def test_verdict(seeds, change, p, expected):
    assert verdict(seeds, change, p) == expected


def test_best_only_when_every_difference_is_significant():
    comparison = compare(**study())
    assert comparison.best == "cfc"
    near = [
        *runs("lstm", [2.0] * 10),
        *runs("cfc", [1.0] * 10),
        *runs("gru", [1.0 + 0.01 * (-1) ** n for n in range(10)]),
    ]
    assert table(near).best is None
    assert table(runs("lstm", [1.0] * 10)).best is None


def test_a_model_that_lost_runs_is_not_the_best():
    records = [*runs("lstm", [2.0] * 12), *runs("cfc", [1.0] * 12)]
    assert table(records).best == "cfc"
    records[-1] = run("cfc", 11, None)
    assert table(records).best is None


def test_best_needs_two_models_with_errors():
    assert table([*runs("lstm", [2.0] * 10), *runs("cfc", [None] * 10)]).best is None


@pytest.mark.parametrize(
    ("field", "values"),
    [("case", ("walker2d", "sine")), ("source", ("simulated", "original")), ("data_hash", ("d" * 16, "e" * 16))],
)
def test_mixed_records_are_refused_naming_both(field, values):
    with pytest.raises(LnncmpError) as refused:
        table([run("lstm", 0, 1.0), run("cfc", 0, 1.0, **{field: values[1]})])
    assert all(f"'{value}'" in refused.value.message for value in values)
    assert "lstm-0" in refused.value.message and "cfc-0" in refused.value.message


def test_baseline_of_other_data_is_refused():
    with pytest.raises(LnncmpError, match="baseline mean has 'other'"):
        table(runs("lstm", [1.0]), baselines=[baseline("mean", 1.0, data_hash="other")])


def test_ablation_of_another_source_is_refused_but_other_data_are_not():
    with pytest.raises(LnncmpError, match="of ablation 'no time' has 'original'"):
        table(runs("lstm", [1.0]), ablations={"no time": runs("lstm", [1.0], source="original")})
    made = table(runs("lstm", [1.0]), ablations={"no time": runs("lstm", [1.5], data_hash="e" * 16)})
    assert row(made, "lstm").ablation_changes["no time"].mean == pytest.approx(0.5)


def test_one_seed_twice_is_refused():
    with pytest.raises(LnncmpError, match="two runs with seed 0: lstm-0 and again"):
        table([run("lstm", 0, 1.0), run("lstm", 0, 1.0, run_id="again")])


def test_one_model_under_two_protocols_is_refused():
    with pytest.raises(LnncmpError, match="do not share one protocol"):
        table([run("lstm", 0, 1.0), run("lstm", 1, 1.0, protocol_id="other")])


def test_no_runs_and_unknown_reference():
    with pytest.raises(DataError, match="no runs to compare"):
        table([])
    with pytest.raises(UsageError, match="unknown reference model 'lstn'") as unknown:
        table(runs("lstm", [1.0]), reference="lstn")
    assert "Did you mean 'lstm'?" in unknown.value.hint


def test_costs_are_medians_of_the_implementation_that_ran():
    fast = measurement("lstm", implementation="fused", step_seconds=[9.0], peak_memory_bytes=1)
    made = row(table(runs("lstm", [1.0]), measurements=[measurement("lstm"), fast]), "lstm")
    assert (made.step_seconds, made.latency_seconds) == (0.03, 0.0003)
    assert made.windows_per_second == pytest.approx(64 / 0.03)
    assert (made.peak_memory_bytes, made.saved_bytes, made.implementation) == (12_300_000, 84_500, "loop")


def test_costs_of_one_table_share_one_shape():
    given = [measurement("lstm"), measurement("cfc"), measurement("cfc", batch=256, saved_bytes=7)]
    comparison = table([*runs("lstm", [1.0]), *runs("cfc", [1.0])], measurements=given)
    assert comparison.cost_shape.model_dump() == {"batch": 64, "steps": 10}
    assert row(comparison, "cfc").saved_bytes == 84_500


def test_missing_measurement_is_unknown_and_explained():
    comparison = table(
        [*runs("lstm", [1.0]), *runs("cfc", [1.0])],
        measurements=[measurement("lstm", implementation="fused"), measurement("other")],
    )
    for model in ("lstm", "cfc"):
        made = row(comparison, model)
        assert (made.saved_bytes, made.peak_memory_bytes, made.latency_seconds) == (None, None, None)
    assert "lstm: no measurement of plain PyTorch" in note(comparison, "measured: fused")


def test_sizes_that_vary_with_the_wiring():
    sizes = [Parameters(trainable=10, active=active, total=12) for active in (5, 9, 7)]
    records = [run("ncp", seed, 1.0, parameters=size) for seed, size in enumerate(sizes)]
    comparison = table(records, reference="ncp")
    assert row(comparison, "ncp").params.active == 7
    assert note(comparison, "vary over seeds").endswith(": ncp.")


def test_baselines():
    (made,) = table(runs("lstm", [1.0]), baselines=[baseline("persistence", 6.5)]).baselines
    assert (made.name, made.metrics["test_mse"], made.metrics["test_nmse"]) == ("persistence", 6.5, 0.65)
    assert made.horizons == {"1": 13.0, "10": 19.5, "50": 32.5}
    assert made.noise_slope == pytest.approx(1.0)


def test_horizons_that_were_not_scored_are_unknown():
    assert row(table(runs("lstm", [1.0]), horizons=(1, 200)), "lstm").horizons == {"1": 2.0, "200": None}


def test_title():
    assert table(runs("lstm", [1.0])).title == "walker2d (simulated), preset quick: one-step test error"
    assert table(runs("lstm", [1.0]), title="Walker2d").title.startswith("Walker2d (simulated), preset quick")


@pytest.mark.parametrize("module", ["lnncmp.comparison.compare", "lnncmp.report"])
def test_import_loads_neither_torch_nor_scipy_stats(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'scipy.stats', 'mujoco') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_time_of_an_epoch_comes_from_repeats_and_not_from_shares_of_a_stack():
    together = runs("lstm", [1.0, 1.1], stacked=5)
    comparison = table(together, measurements=[measurement("lstm")])
    made = row(comparison, "lstm")
    assert made.epoch_seconds == pytest.approx(10 * 0.03) and made.cost_repeats == 3
    assert made.epoch_seconds_ci95 == pytest.approx((0.3 - 4.302653 * 0.1 / 3**0.5, 0.3 + 4.302653 * 0.1 / 3**0.5))
    assert (made.run_epoch_seconds, made.run_stacked) == (2.5, 5)
    assert made.peak_memory_range == (11_900_000, 12_500_000) and made.memory_spread_bytes == 4096
    assert "Epochs as run, a run's share where up to 5 seeds of a model were trained in one call: lstm 2.5 s." in (
        comparison.notes
    )
    assert "over 3 fresh processes" in note(comparison, "Time per epoch")


def test_measurements_of_another_case_are_neither_shown_nor_named():
    comparison = table(runs("lstm", [1.0]), measurements=[measurement("lstm", case="mimic3")])
    assert row(comparison, "lstm").peak_memory_bytes is None and "no measurement" not in str(comparison.notes)


def test_models_that_were_only_measured_are_rows_of_cost():
    solver = measurement("ltc_rk4", name="ltc", arguments={"solver": "rk4"}, peak_memory_bytes=7)
    elsewhere = measurement("ltc_euler", session="another")
    comparison = table(runs("lstm", [1.0]), measurements=[measurement("lstm"), solver, elsewhere])
    (made,) = comparison.cost_only
    assert (made.model, made.peak_memory_bytes, made.epoch_seconds) == ("ltc_rk4", 7, pytest.approx(0.3))
    assert cost_grid(comparison).labels == ("lstm", "ltc_rk4 (not trained)") and not cost_grid(comparison).continues
