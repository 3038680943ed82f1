import numpy as np
import pytest

from lnncmp.evaluation.metrics import mse, nmse, squared_error


def full(values):
    return np.ones(np.shape(values), bool)


def test_squared_error_against_hand_worked_numbers():
    predicted, truth = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [0.0, 8.0]])
    np.testing.assert_array_equal(squared_error(predicted, truth, full(truth)), [5.0, 8.0])


def test_squared_error_equals_a_slow_definition():
    rng = np.random.default_rng(0)
    predicted, truth = rng.normal(size=(4, 5, 3)), rng.normal(size=(4, 5, 3))
    seen = rng.random((4, 5, 3)) < 0.6
    slow = []
    for o in range(3):
        cells = [(predicted[n, t, o] - truth[n, t, o]) ** 2 for n in range(4) for t in range(5) if seen[n, t, o]]
        slow.append(sum(cells) / len(cells))
    np.testing.assert_allclose(squared_error(predicted, truth, seen), slow, rtol=1e-12)


def test_unseen_cells_may_be_anything():
    truth = np.array([[1.0], [np.nan]])
    assert squared_error(np.array([[2.0], [5.0]]), truth, np.array([[True], [False]]))[0] == 1
    assert squared_error(np.array([[2.0], [np.nan]]), truth, np.array([[True], [False]]))[0] == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_no_number_is_an_infinite_error_not_a_missing_one(bad):
    error = squared_error(np.array([[bad, 1.0], [0.0, 1.0]]), np.zeros((2, 2)), full(np.zeros((2, 2))))
    np.testing.assert_array_equal(error, [np.inf, 1.0])
    assert mse(error) == np.inf and nmse(error, np.ones(2)) == np.inf


def test_a_target_never_seen_is_left_out_of_the_mean():
    seen = np.array([[True, False], [True, False]])
    error = squared_error(np.full((2, 2), 3.0), np.zeros((2, 2)), seen)
    assert error[0] == 9 and np.isnan(error[1]) and mse(error) == 9


def test_means_over_targets():
    error = np.array([1.0, 8.0])
    assert mse(error) == 4.5
    assert nmse(error, np.array([1.0, 2.0])) == 1.5  # (1 / 1 + 8 / 4) / 2
