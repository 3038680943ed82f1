"""What a model is given of a stay: known answers, layout, and that nothing of it comes from the future."""

from dataclasses import replace

import numpy as np
import pytest
from icu_studies import C, V, random_stay, stay

from lnncmp.cases.mimic3.features import AGE_CAP, beside_predictions, inputs_of, next_hour
from lnncmp.data.carried import last_seen


def means_after(one, core, at, first=0.0):
    """The definition of `next_hour`, cell by cell."""
    out, known = np.zeros((len(at), core)), np.zeros((len(at), core), bool)
    for a, now in enumerate(at):
        for c in range(core):
            inside = [
                one.values[row, c]
                for row, time in enumerate(one.times)
                if one.observed[row, c] and now + first + 1e-6 < time <= now + first + 1 + 1e-6
            ]
            if inside:
                out[a, c], known[a, c] = np.mean(inside), True
    return out, known


def inputs_by_hand(one, core):
    """The definition of `inputs_of`, row by row."""
    columns = one.values.shape[1]
    values, ages = np.zeros(one.values.shape), np.ones(one.values.shape)
    for v in range(columns):
        latest = None
        for row in range(len(one.times)):
            latest = row if one.observed[row, v] else latest
            if latest is not None:
                values[row, v] = one.values[latest, v]
                ages[row, v] = min((one.times[row] - one.times[latest]) / 24, 1)
    front, back = slice(0, core), slice(core, None)
    parts = [part[:, where] for where in (front, back) for part in (values, one.observed, ages)]
    return np.concatenate(parts, axis=1)


class TestInputs:
    def test_known_answers(self):
        one = stay([[9, 1, 5], [2, 9, 9], [9, 9, 9]], [[0, 1, 1], [1, 0, 0], [0, 0, 0]], [0.0, 6.0, 18.0])
        given = inputs_of(one, core=2)
        assert given.dtype == np.float32
        expected = [
            # core values, masks, ages; value, mask and age of the third
            [0, 1, 0, 1, 1, 0, 5, 1, 0],
            [2, 1, 1, 0, 0, 0.25, 5, 0, 0.25],
            [2, 1, 0, 0, 0.5, 0.75, 5, 0, 0.75],
        ]
        np.testing.assert_allclose(given, expected)

    @pytest.mark.parametrize("columns", [C, V])
    @pytest.mark.parametrize("event", [False, True])
    def test_equals_the_definition(self, columns, event):
        for seed in range(5):
            one = random_stay(seed, columns, hours=60, event=event, share=0.1)
            given = inputs_of(one, C)
            assert given.shape == (len(one.times), 3 * columns)
            np.testing.assert_allclose(given, inputs_by_hand(one, C), atol=1e-6)
            assert np.isclose(given[:, 2 * C : 3 * C], 1).any() and given[:, 2 * C : 3 * C].max() <= 1

    def test_the_first_columns_are_the_core_values_whatever_else_there_is(self):
        one = random_stay(3)
        few = replace(one, values=one.values[:, :C], observed=one.observed[:, :C])
        np.testing.assert_array_equal(inputs_of(one, C)[:, : 3 * C], inputs_of(few, C))

    def test_ages_stop_at_the_cap(self):
        one = stay(np.ones((60, 1)), [[True]] + [[False]] * 59)
        np.testing.assert_allclose(inputs_of(one, 1)[:, 2], np.minimum(np.arange(60) / AGE_CAP, 1), atol=1e-6)

    def test_a_variable_never_measured_is_the_mean_and_as_old_as_can_be(self):
        given = inputs_of(stay(np.full((4, 2), 7.0), [[1, 0]] * 4), 2)
        np.testing.assert_array_equal(given[:, [1, 3, 5]], [[0, 0, 1]] * 4)

    def test_what_stands_in_unseen_cells_does_not_matter(self):
        one = random_stay(1)
        for other in (1e9, np.nan):
            hidden = replace(one, values=np.where(one.observed, one.values, other))
            np.testing.assert_array_equal(inputs_of(hidden, C), inputs_of(one, C))

    @pytest.mark.parametrize("event", [False, True])
    def test_no_row_knows_of_a_later_one(self, event):
        for seed in range(10):
            rng = np.random.default_rng(seed)
            one = random_stay(seed, event=event)
            row = int(rng.integers(1, len(one.times)))
            values, observed, times = one.values.copy(), one.observed.copy(), one.times.copy()
            values[row:] = 100 + rng.standard_normal(values[row:].shape)
            observed[row:] = rng.random(observed[row:].shape) < 0.5
            times[row:] += 0.3
            other = inputs_of(stay(values, observed, times), C)
            np.testing.assert_array_equal(other[:row], inputs_of(one, C)[:row])
            assert not np.array_equal(other[row:], inputs_of(one, C)[row:])

    def test_latest_measurements(self):
        np.testing.assert_array_equal(
            last_seen(np.array([[0, 1], [1, 0], [0, 0]], bool)),
            [[-1, 0], [1, 0], [1, 0]],
        )


class TestNextHour:
    def test_is_the_next_row_of_a_grid_of_hours(self):
        one = random_stay(0, hours=40)
        values, observed = next_hour(one, C, one.times)
        np.testing.assert_array_equal(observed[:-1], one.observed[1:, :C])
        np.testing.assert_allclose(values[:-1][observed[:-1]], one.values[1:, :C][observed[:-1]], atol=1e-12)
        assert not observed[-1].any() and not values[-1].any()

    @pytest.mark.parametrize("first", [0.0, 1.0, 5.0])
    def test_equals_the_definition_on_charted_times(self, first):
        for seed in range(5):
            one = random_stay(seed, hours=100, event=True)
            at = np.concatenate([one.times, [-3.0, 0.2, one.times[-1] + 5]])
            values, observed = next_hour(one, C, at, first)
            expected, known = means_after(one, C, at, first)
            np.testing.assert_array_equal(observed, known)
            np.testing.assert_allclose(values, expected, atol=1e-12)
            assert known.any() and not known.all()

    def test_the_interval_is_open_at_now_and_closed_an_hour_later(self):
        one = stay([[1], [2], [4], [8]], times=[0.0, 0.5, 1.0, 1.001])
        values, observed = next_hour(one, 1, np.array([0.0, 0.0005, 0.5]))
        np.testing.assert_allclose(values[:, 0], [3, 3, 6])
        assert observed.all()

    def test_rounding_moves_no_row_across_an_hour(self):
        times = 0.1 + np.cumsum(np.full(200, 0.1))  # 1.0999999999999999 and the like
        one = stay(np.arange(200.0)[:, None], times=times)
        values, _ = next_hour(one, 1, times[:150])
        np.testing.assert_allclose(values[:, 0], np.arange(150) + 5.5)
        for first in (1.0, 2.0, 7.0):
            later, _ = next_hour(one, 1, times[:100], first)
            np.testing.assert_allclose(later[:, 0], np.arange(100) + 5.5 + 10 * first)
        late = stay([[1], [2]], times=[1000 / 3, 1000 / 3 + 1])
        assert next_hour(late, 1, late.times)[1][:, 0].tolist() == [True, False]

    def test_unseen_cells_do_not_enter_the_mean(self):
        one = stay([[0], [3], [np.nan], [5]], [[1], [1], [0], [1]], [0.0, 0.2, 0.4, 0.6])
        assert next_hour(one, 1, np.array([0.0]))[0][0, 0] == 4


class TestBesidePredictions:
    @pytest.mark.parametrize("columns", [C, V])
    def test_known_answers_by_place(self, columns):
        last = np.random.default_rng(0).random((3, 3 * columns)).astype(np.float32)
        beside = beside_predictions(last, C, 30)
        assert beside.shape == (3, 30, 3 * columns - C)
        n = columns - C
        others, masks = last[:, 3 * C : 3 * C + n], [beside[..., :C], beside[..., 2 * C + n : 2 * C + 2 * n]]
        assert not masks[0].any() and not masks[1].any()
        np.testing.assert_array_equal(beside[..., 2 * C : 2 * C + n], np.repeat(others[:, None], 30, axis=1))
        for ages, before in ((beside[..., C : 2 * C], last[:, 2 * C : 3 * C]), (beside[..., 2 * C + 2 * n :], last)):
            start = before[:, before.shape[1] - ages.shape[2] :]
            for k in range(30):
                np.testing.assert_allclose(ages[:, k], np.minimum(start + (k + 1) / 24, 1), atol=1e-6)

    @pytest.mark.parametrize("columns", [C, V])
    def test_equals_the_stay_continued_with_nothing_measured(self, columns):
        one = random_stay(4, columns, hours=20, share=0.15)
        longer = stay(
            np.concatenate([one.values, np.full((30, columns), np.nan)]),
            np.concatenate([one.observed, np.zeros((30, columns), bool)]),
        )
        expected = inputs_of(longer, C)[20:, C:]
        np.testing.assert_allclose(beside_predictions(inputs_of(one, C)[-1:], C, 30)[0], expected, atol=1e-6)

    def test_leaves_its_argument_alone(self):
        last = np.ones((2, 3 * V), np.float32)
        beside_predictions(last, C, 3)
        assert (last == 1).all()


def test_a_stay_shows_no_value_and_no_name():
    assert repr(random_stay(0, 7, 30)) == "Stay((30, 7))"


def test_predictions_can_stand_as_measurements():
    last = np.arange(2 * 3 * 12, dtype=np.float32).reshape(2, 36) / 100
    missing, measured = (beside_predictions(last, C, 4, measured=flag) for flag in (False, True))
    assert (measured[..., :C] == 1).all() and (measured[..., C : 2 * C] == 0).all()
    np.testing.assert_array_equal(measured[..., 2 * C :], missing[..., 2 * C :])
    assert (missing[..., :C] == 0).all() and (missing[..., C : 2 * C] > 0).all()
