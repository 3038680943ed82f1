"""Windows of a user's own table: what they hold, and that nothing of validation or test leaks into training."""

from dataclasses import replace

import numpy as np
import pytest
from made_tables import labelled, prepared, series, table

from lnncmp.cases.base import load_case
from lnncmp.cases.table.features import Layout
from lnncmp.data.carried import last_seen
from lnncmp.errors import DataError
from lnncmp.evaluation.evaluate import score


def rows_used(found, part, targets=True):
    """Return (series, row) of every input row of a part, and of every target row."""
    used = set()
    for place in found.parts.places[part]:
        piece = found.parts.pieces[place.piece]
        ahead = found.settings.ahead if targets else 0
        used |= {(piece.series, piece.first + row) for row in range(place.first, place.last + 1 + ahead)}
    return used


def changed(made, rows, series_number=0):
    """Return the table with other values in these rows of a series."""
    values = made.series[series_number].values.copy()
    values[sorted(rows), :2] = values[sorted(rows), :2] * 3 + 50
    turned = list(made.series)
    turned[series_number] = replace(made.series[series_number], values=values)
    return replace(made, series=tuple(turned))


class TestContract:
    def test_the_case_is_about_its_sample_until_settings_say_more(self):
        case = load_case("table")
        made = case.sample()
        assert [target.name for target in case.targets] == ["load"] and made.splits.train.y.shape[2] == 1
        assert made.data_hash == case.sample().data_hash and made.futures.future.shape[1] == 20
        found, _ = prepared(task="classify")
        declared = case.of(found.settings)
        assert [target.name for target in declared.targets] == ["low", "middle", "high"]
        assert declared.horizons == () and "auroc" in {metric.name for metric in declared.metrics}
        assert declared.step_unit == "step of 1 in t"

    def test_features_are_named_and_as_many_as_inputs(self):
        case = load_case("table")
        for given in ({}, {"task": "classify"}, {"task": "regress", "features": ("x", "c")}):
            found, made = prepared(**given)
            encoding = case.of(found.settings).encoding_of(found.settings)
            assert len(encoding.features) == made.splits.train.x.shape[2]
            assert tuple(q.name for q in encoding.columns) == found.settings.inputs

    @pytest.mark.parametrize(
        "given", [{}, {"horizon": 5}, {"task": "regress"}, {"timespans": "ones"}, {"task": "classify"}]
    )
    def test_baselines_score(self, given):
        found, made = prepared(**given)
        case = load_case("table").of(found.settings)
        for name, predictor in made.baselines().items():
            scores = score(predictor, made, case)
            assert scores.main == found.settings.main and np.isfinite(scores.metrics["test"][scores.main]), name
            assert len(scores.perturbations) == len(made.test_sets)


class TestWindows:
    def test_a_forecast_reads_targets_first_and_predicts_the_next_row(self):
        found, made = prepared()
        train = made.splits.train
        raw = made.splits.input_scaler.unscale(train.x)
        values = table().series[0].values
        first = found.parts.places[0][0]
        rows = np.arange(first.first, first.last + 1)
        np.testing.assert_allclose(raw[0, :, :2], values[rows, :2], rtol=1e-5)
        np.testing.assert_allclose(raw[0, :, 2:], np.eye(3)[values[rows, 2].astype(int)], atol=1e-6)
        np.testing.assert_allclose(made.splits.target_scaler.unscale(train.y)[0], values[rows + 1, :1], rtol=1e-5)
        np.testing.assert_array_equal(train.y[:, :-1, 0], train.x[:, 1:, 0])  # one scale: predictions can be fed back

    @pytest.mark.parametrize("ahead", [2, 7])
    def test_further_ahead(self, ahead):
        found, made = prepared(horizon=ahead)
        place, train = found.parts.places[0][3], made.splits.train
        rows = np.arange(place.first, place.last + 1) + ahead
        wanted = table().series[0].values[rows, :1]
        np.testing.assert_allclose(made.splits.target_scaler.unscale(train.y)[3], wanted, rtol=1e-5)
        assert made.futures is None and found.settings.horizons == ()

    def test_a_regression_does_not_read_its_target(self):
        found, made = prepared(task="regress")
        assert found.settings.inputs == ("x", "c") and not made.splits.task.in_inputs
        place = found.parts.places[0][0]
        wanted = table().series[0].values[place.first : place.last + 1, :1]
        np.testing.assert_allclose(made.splits.target_scaler.unscale(made.splits.train.y)[0], wanted, rtol=1e-5)

    def test_a_label_of_a_window_is_that_of_its_last_row(self):
        found, made = prepared(task="classify", label="window")
        mask, y = made.splits.train.target_mask, made.splits.train.y
        assert mask[:, -1].all() and not mask[:, :-1].any()
        last = [int(labelled().series[0].values[place.last, 0]) for place in found.parts.places[0]]
        assert y[:, -1].argmax(axis=1).tolist() == last

    def test_missing_cells_are_carried_forward_with_mask_and_age(self):
        one = series()
        holes = np.random.default_rng(1).random(len(one.values)) < 0.3
        one.values[holes, 1] = np.nan
        one.values[40:45, 0] = np.nan
        found, made = prepared(table(one))
        names = [q.name for q in found.frame.layout.quantities]
        assert names[-4:] == ["y (measured)", "x (measured)", "y (age)", "x (age)"]
        raw = made.splits.input_scaler.unscale(made.splits.train.x)
        for number, place in enumerate(found.parts.places[0]):
            rows = np.arange(place.first, place.last + 1)
            latest = last_seen(~np.isnan(one.values[: rows[-1] + 1]))[rows]
            known = latest[:, 1] >= 0
            np.testing.assert_allclose(raw[number, known, 1], one.values[latest[known, 1], 1], rtol=1e-4)
            np.testing.assert_allclose(raw[number, :, -3], ~holes[rows], atol=1e-5)
            age = np.where(known, np.minimum((rows - latest[:, 1]) / 16, 1), 1)
            np.testing.assert_allclose(raw[number, :, -1], age, atol=1e-5)
            counted = made.splits.train.target_mask[number, :, 0]
            np.testing.assert_array_equal(counted, ~np.isnan(one.values[rows + 1, 0]))

    def test_nothing_comes_from_the_future_of_a_row(self):
        layout = Layout(("a", "b"), {"b": ("u", "v")}, ("a", "b"), 8.0)
        rng = np.random.default_rng(0)
        values = np.stack([rng.standard_normal(30), rng.integers(2, size=30).astype(float)], axis=1)
        observed, times = rng.random((30, 2)) < 0.6, np.arange(30.0)
        whole = layout.encode(values, observed, times)
        for end in (1, 7, 20):
            np.testing.assert_array_equal(layout.encode(values[:end], observed[:end], times[:end]), whole[:end])

    def test_long_pieces_are_encoded_in_parts(self, monkeypatch):
        one = series(900)
        one.values[np.random.default_rng(2).random(one.values.shape) < 0.4] = np.nan
        one.values[100:300, 1] = np.nan
        _, whole = prepared(table(one), stride=3)
        monkeypatch.setattr("lnncmp.cases.table.windows._ROWS_AT_ONCE", 7)
        _, parted = prepared(table(one), stride=3)
        for name in ("train", "validation", "test"):
            np.testing.assert_array_equal(getattr(whole.splits, name).x, getattr(parted.splits, name).x)

    def test_elapsed_times_are_in_median_steps(self):
        one = series(step=0.02)
        times = one.times + np.where(np.arange(400) >= 100, 0.03, 0.0)
        found, made = prepared(table(replace(one, times=times), kind="seconds"))
        assert found.settings.unit == pytest.approx(0.02) and found.settings.unit_words == "20 ms"
        dt = made.splits.train.dt
        assert dt[0, 0] == 1 and dt.max() == pytest.approx(2.5) and np.median(dt) == pytest.approx(1)

    def test_short_series_are_padded(self):
        made_of = [series(rows, f"g{n:02d}", n) for n, rows in enumerate([10, 40] * 6)]
        _, made = prepared(table(*made_of))
        lengths = made.splits.train.valid.sum(axis=1)
        assert set(lengths.tolist()) == {9, 16} and (made.splits.train.x[~made.splits.train.valid] == 0).all()

    def test_futures_follow_their_windows_and_other_inputs_are_held(self):
        one = series(800)
        one.values[::5, 1] = np.nan
        found, made = prepared(table(one))
        futures, steps = made.futures, made.futures.future.shape[1]
        assert steps == 20 and found.settings.horizons == (1, 5, 20)
        places = [p for p in found.parts.places[2] if len(found.parts.pieces[p.piece]) - 1 - p.last >= steps]
        for number, place in enumerate(places):
            piece = found.parts.pieces[place.piece]
            wanted = piece.values[place.last + 1 : place.last + 1 + steps, :1]
            got = made.splits.target_scaler.unscale(futures.future[number])
            np.testing.assert_allclose(got, wanted, rtol=1e-4)
        last = futures.context.x[:, -1]
        np.testing.assert_array_equal(futures.others[:, 0, :4], last[:, 1:5])
        age = made.splits.input_scaler.unscale(np.concatenate([futures.future, futures.others], axis=2))[..., -1]
        assert (np.diff(age, axis=1) >= -1e-6).all() and age[:, -1] == pytest.approx(1)


class TestLeaks:
    @pytest.mark.parametrize("given", [{}, {"stride": 3}, {"horizon": 5}, {"task": "regress"}, {"window": 30}])
    def test_by_time_no_row_and_no_target_is_in_two_parts(self, given):
        found, _ = prepared(table(series(600)), **given)
        parts = [{row for _, row in rows_used(found, part)} for part in range(3)]
        gap = found.settings.window
        assert max(parts[0]) + gap <= min(parts[1]) and max(parts[1]) + gap <= min(parts[2])

    def test_by_group_no_series_is_in_two_parts(self):
        found, made = prepared(table(*(series(100, f"g{n:02d}", n) for n in range(12))))
        parts = [{number for number, _ in rows_used(found, part)} for part in range(3)]
        assert [len(part) for part in parts] == [8, 2, 2] and len(set.union(*parts)) == 12
        assert made.resampling is not None and made.resampling.weights.shape[1] == 2

    @pytest.mark.parametrize("part", [1, 2])
    def test_other_values_of_validation_or_test_change_nothing_in_training(self, part):
        made = table(series(600))
        found, first = prepared(made)
        _, second = prepared(changed(made, {row for _, row in rows_used(found, part)}))
        for one, other in (
            (first.splits.input_scaler, second.splits.input_scaler),
            (first.splits.target_scaler, second.splits.target_scaler),
        ):
            np.testing.assert_array_equal(one.mean, other.mean)
            np.testing.assert_array_equal(one.std, other.std)
        np.testing.assert_array_equal(first.splits.train.x, second.splits.train.x)
        np.testing.assert_array_equal(first.splits.target_std, second.splits.target_std)
        name = ("train", "validation", "test")[part]
        assert not np.allclose(getattr(first.splits, name).x, getattr(second.splits, name).x)
        assert first.data_hash != second.data_hash

    def test_scalers_are_those_of_the_training_windows(self):
        _, made = prepared(table(series(600)))
        train, scaler = made.splits.train, made.splits.input_scaler
        np.testing.assert_allclose(train.x[..., :2].std(axis=(0, 1)), 1, rtol=1e-4)
        np.testing.assert_allclose(train.x.mean(axis=(0, 1)), 0, atol=1e-4)
        assert (scaler.std[2:] == 1).all()

    def test_the_order_of_files_does_not_decide_who_is_tested(self):
        made = [series(100, f"g{n:02d}", n) for n in range(12)]
        there, _ = prepared(table(*made))
        back, _ = prepared(table(*reversed(made)))
        names = [{f.parts.pieces[p.piece].group for p in f.parts.places[2]} for f in (there, back)]
        assert names[0] == names[1]


class TestGaps:
    def holed(self, **given):
        one = series(900)
        times = one.times + np.where(np.arange(900) >= 200, 500.0, 0.0)
        return prepared(table(replace(one, times=times)), **given)

    def test_no_window_spans_one(self):
        found, made = self.holed()
        for part in range(3):
            for place in found.parts.places[part]:
                piece = found.parts.pieces[place.piece]
                rows = piece.first + place.first, piece.first + place.last + found.settings.ahead
                assert not rows[0] < 200 <= rows[1]
        assert made.splits.train.dt.max() == 1 and made.facts["gaps"] == 1

    def test_or_windows_span_it_with_its_elapsed_time(self):
        _, made = self.holed(gaps="keep")
        assert made.splits.train.dt.max() == 501

    def test_nothing_is_carried_over_one(self):
        one = series(900)
        one.values[200:203, 1] = np.nan
        times = one.times + np.where(np.arange(900) >= 200, 500.0, 0.0)
        found, made = prepared(table(replace(one, times=times)))
        number = next(n for n, p in enumerate(found.parts.places[0]) if found.parts.pieces[p.piece].first == 200)
        np.testing.assert_array_equal(made.splits.train.x[number, :3, 1], 0)


def test_a_constant_feature_keeps_its_unit_and_is_named():
    one = series(600)
    one.values[:450, 1] = 1e9 + 0.1
    _, made = prepared(table(one))
    assert made.splits.input_scaler.std[1] == 1 and np.isfinite(made.splits.train.x).all()
    assert any("Never vary in training" in text and "x" in text for d in made.described for text in d.notes)


def test_a_constant_target_is_refused():
    one = series(600)
    one.values[:450, 0] = 3.0
    with pytest.raises(DataError, match="target 'y' never varies in the training windows"):
        prepared(table(one))
