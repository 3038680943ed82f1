"""Baselines of classes: frequencies, and logistic regressions on the last inputs."""

from dataclasses import replace

import numpy as np
import pytest
from toy_study import futures, splits, windows

from lnncmp.baselines import Persistence, TrainMean, trivial_predictors, yardstick
from lnncmp.baselines import classes as of_classes
from lnncmp.baselines.classes import fit_frequencies, fit_logistic
from lnncmp.data.task import Task
from lnncmp.data.task import classes as task_of


def labelled(count, steps=6, inputs=2, classes=3, seed=0, age=0, label="step", group="a"):
    """Return windows whose class follows from the input `age` steps ago, with noise; label: "step" or "window"."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, steps, inputs)).astype(np.float32)
    slopes = np.random.default_rng(9).standard_normal((inputs, classes)) * 3
    old = np.concatenate([np.zeros_like(x[:, :age]), x[:, : steps - age]], axis=1)
    y = (old @ slopes + rng.gumbel(size=(count, steps, classes))).argmax(axis=-1)
    counted = np.full((count, steps), label == "step")
    counted[:, -1] = True
    return windows(x, np.eye(classes)[y], target_mask=np.repeat(counted[..., None], classes, axis=2), group=group)


def right(predictor, data, first=0):
    counted = data.target_mask[..., 0] & data.valid
    hit = predictor.predict(data).argmax(axis=-1) == data.y.argmax(axis=-1)
    return hit[:, first:][counted[:, first:]].mean()


class TestFrequencies:
    def test_are_those_of_the_training_labels_that_count(self):
        y = np.eye(2)[[[0, 0, 1, 1], [0, 0, 0, 1]]]
        mask = np.ones((2, 4, 2), bool)
        mask[0, 3] = False
        valid = np.array([[True] * 4, [True, True, True, False]])
        found = fit_frequencies(windows(np.zeros((2, 4, 1)), y, valid=valid, target_mask=mask))
        np.testing.assert_allclose(np.exp(found.log_p), [6 / 8, 2 / 8], rtol=1e-6)  # five and one, and one each
        got = found.predict(windows(np.ones((3, 2, 1)), np.eye(2)[[[0, 1]] * 3]))
        assert got.shape == (3, 2, 2) and got.dtype == np.float32 and (got.argmax(axis=-1) == 0).all()

    def test_no_class_is_impossible(self):
        found = fit_frequencies(windows(np.zeros((1, 3, 1)), np.eye(3)[[[0, 0, 1]]]))
        assert np.isfinite(found.log_p).all() and np.exp(found.log_p).sum() == pytest.approx(1)


class TestLogistic:
    @pytest.mark.parametrize("classes", [2, 4])
    @pytest.mark.parametrize("weights", [(), "given"])
    def test_equals_scikit_learn(self, classes, weights):
        linear = pytest.importorskip("sklearn.linear_model")
        train = labelled(80, classes=classes)
        weights = tuple(np.linspace(0.5, 2, classes)) if weights else ()
        ours = fit_logistic(train, 1, weights, penalty=2.0)
        x, y = train.x.reshape(-1, 2).astype(float), train.y.argmax(axis=-1).ravel()
        # of two classes it penalises one difference of weights, of which ours are two halves
        model = linear.LogisticRegression(C=(1 if classes == 2 else 0.5), tol=1e-9, max_iter=5000)
        model.fit(x, y, sample_weight=np.array(weights or [1.0] * classes)[y])
        np.testing.assert_allclose(np.exp(ours.predict(train)).reshape(-1, classes), model.predict_proba(x), atol=2e-3)

    def test_four_inputs_see_what_one_does_not(self):
        train, test = labelled(400, age=3), labelled(200, age=3, seed=1)
        regression = fit_logistic(train, 4)
        assert right(regression, test, first=3) > 0.6 > 0.5 > right(regression.shortened(1), test, first=3)

    def test_the_first_steps_use_what_there_is(self):
        train = labelled(50)
        four, one = fit_logistic(train, 4), fit_logistic(train, 1)
        np.testing.assert_array_equal(four.predict(train)[:, 0], one.predict(train)[:, 0])
        np.testing.assert_array_equal(four.shortened(1).predict(train), one.predict(train))
        rows = np.concatenate([train.x[:, 2], train.x[:, 1], train.x[:, 0], np.ones((50, 1))], axis=1)
        logits = rows @ four.weights[2]
        expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(four.predict(train)[:, 2], expected, rtol=1e-5, atol=1e-6)

    def test_a_label_for_each_window(self):
        train, test = labelled(600, label="window"), labelled(300, label="window", seed=1)
        regression = fit_logistic(train, 4)
        assert len(regression.weights) == 4 and np.isfinite(regression.predict(test)).all()
        assert right(regression, test) > 0.65

    def test_padding_and_steps_without_a_label_are_left_out(self):
        train = labelled(60)
        valid, mask, x, y = train.valid.copy(), train.target_mask.copy(), train.x.copy(), train.y.copy()
        valid[3, 4:], mask[5, 5] = False, False
        clean = fit_logistic(windows(x, y, valid=valid, target_mask=mask), 2)
        x[3, 4:], y[3, 4:], y[5, 5] = 99, np.eye(3)[0], np.nan
        dirty = fit_logistic(windows(x, y, valid=valid, target_mask=mask), 2)
        for one, other in zip(clean.weights, dirty.weights, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_is_the_same_every_time_and_finite_where_classes_are_separable_or_absent(self):
        x = np.linspace(-1, 1, 24).reshape(4, 6, 1)
        train = windows(x, np.eye(3)[(x[..., 0] > 0).astype(int)])  # the last class never occurs
        one, other = fit_logistic(train, 2), fit_logistic(train, 2)
        assert all((a == b).all() for a, b in zip(one.weights, other.weights, strict=True))
        assert np.isfinite(one.predict(train)).all() and right(one, train) == 1

    def test_takes_evenly_spaced_rows_of_too_many(self, monkeypatch):
        monkeypatch.setattr(of_classes, "MOST_CELLS", 60)
        rows, labels = of_classes._rows(labelled(50), 1)
        assert rows.shape == (20, 3) and labels.shape == (20,)

    def test_nothing_is_fed_back(self):
        train = labelled(5)
        with pytest.raises(NotImplementedError, match="not fed back"):
            fit_logistic(train, 1).roll_out(futures(train, np.zeros((5, 2, 3))))


THREE = task_of(("a", "b", "c"))


def of_task(task, train=None):
    train = labelled(200) if train is None else train
    parts = [train, labelled(20, seed=1, group="b"), labelled(100, seed=2, group="c")]
    return replace(splits(*parts), task=task)


def test_the_baselines_of_a_table_of_classes():
    data = of_task(THREE)
    found = trivial_predictors(data)
    assert list(found) == ["majority", "logistic1", "logistic4"]
    assert right(found["logistic1"], data.test) > right(found["majority"], data.test) + 0.2
    weighted = trivial_predictors(of_task(replace(THREE, weights=(100.0, 0.01, 0.01))))
    assert (weighted["logistic1"].predict(data.test).argmax(axis=-1) == 0).mean() > 0.9


def test_the_baselines_of_values_that_are_no_inputs():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 8, 3)).astype(np.float32)
    y = np.concatenate([np.zeros((50, 3, 1)), x[:, :-3, :1]], axis=1) * 2 + 1
    train = windows(x, y)
    data = replace(splits(train, windows(x, y, group="b"), windows(x, y, group="c")), task=Task(in_inputs=False))
    found = trivial_predictors(data)
    assert list(found) == ["mean", "ridge4"]
    np.testing.assert_allclose(found["ridge4"].predict(train)[:, 3:], y[:, 3:], atol=0.05)


def test_what_errors_on_shifted_test_sets_are_measured_against():
    assert isinstance(yardstick(of_task(THREE)), of_classes.ClassFrequencies)
    values = splits()
    assert isinstance(yardstick(values), Persistence)
    assert isinstance(yardstick(replace(values, task=Task(in_inputs=False))), TrainMean)
