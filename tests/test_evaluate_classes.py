"""Scores of networks and baselines of classes: what `score` keeps, with labels of steps and of windows."""

import numpy as np
import pytest
import torch
from toy_classes import NAMES, case, class_splits, prepared
from toy_study import CPU, Affine

from lnncmp.cases.base import TestSet
from lnncmp.data.task import CLASS_ERRORS
from lnncmp.evaluation.classes import METRICS
from lnncmp.evaluation.errors import errors_of, one_step
from lnncmp.evaluation.evaluate import score
from lnncmp.evaluation.shifted import ShiftedSets
from lnncmp.training.predict import NetworkPredictor


def network(scale=2.0, outputs=3):
    """Knows the answer roughly: logits that rise with the first input for the last class, fall for the first."""
    model = Affine(2, outputs)
    with torch.no_grad():
        model.linear.weight.zero_()
        model.linear.weight[:, 0] = torch.linspace(-scale, scale, outputs)
        model.linear.bias.zero_()
    return NetworkPredictor(model, CPU)


def by_hand(predictor, windows):
    """Return labels and log-probabilities of the steps that count, window by window."""
    labels, logits = [], []
    out = predictor.predict(windows)
    for n in range(len(windows)):
        for t in range(windows.x.shape[1]):
            if windows.valid[n, t] and windows.target_mask[n, t, 0]:
                labels.append(int(windows.y[n, t].argmax()))
                logits.append(out[n, t].astype(float))
    logits = np.array(logits)
    return np.array(labels), logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("label", ["step", "window"])
@pytest.mark.parametrize("main", CLASS_ERRORS)
def test_scores_of_a_network_by_hand(label, main):
    data = prepared(label=label, main=main)
    scores = score(network(), data, case(main=main))
    labels, log_p = by_hand(network(), data.splits.test)
    assert len(labels) == (40 if label == "window" else data.splits.test.valid.sum())
    test, wrong = scores.metrics["test"], log_p.argmax(axis=1) != labels
    assert scores.main == main and set(test) == set(METRICS)
    assert test["error_rate"] == pytest.approx(wrong.mean())
    assert test["balanced_error_rate"] == pytest.approx(np.mean([wrong[labels == k].mean() for k in range(3)]))
    assert test["log_loss"] == pytest.approx(-log_p[np.arange(len(labels)), labels].mean(), rel=1e-6)
    assert list(scores.per_target) == ["share", "recall", "f1"] and list(scores.per_target["recall"]) == list(NAMES)
    for k, name in enumerate(NAMES):
        assert scores.per_target["recall"][name] == pytest.approx(1 - wrong[labels == k].mean())
        assert scores.per_target["share"][name] == pytest.approx((labels == k).mean())


def test_replicates_are_of_groups_and_surround_the_score():
    data = prepared()
    one, two = (score(predictor, data, case()) for predictor in (network(), network(0.5)))
    assert set(one.replicates) == set(METRICS)
    for scores in (one, two):
        for name, values in scores.replicates.items():
            assert len(values) == 40 and min(values) <= scores.metrics["test"][name] <= max(values), name


def test_one_group_alone_gives_its_own_scores():
    data = prepared()
    test, sampled = data.splits.test, data.resampling
    errors = errors_of(data.splits, NAMES)
    alone = type(sampled)(sampled.numbers, np.eye(sampled.weights.shape[1]))
    got = errors.resampled(one_step(network(), test, data.splits), alone)
    for number in range(sampled.weights.shape[1]):
        rows = np.flatnonzero(sampled.numbers == number)
        expected = errors.judge(one_step(network(), test.take(rows), data.splits)).metrics
        assert got["error_rate"][number] == pytest.approx(expected["error_rate"])
        assert got["auroc"][number] == pytest.approx(expected["auroc"])


def test_baselines_are_scored_alike_and_a_network_that_knows_is_better():
    data = prepared()
    scores = {name: score(predictor, data, case()) for name, predictor in data.baselines().items()}
    test = data.splits.test
    counts = data.splits.train.y[data.splits.train.valid].sum(axis=0)
    wrong = test.y[test.valid].argmax(axis=-1) != counts.argmax()
    assert scores["majority"].metrics["test"]["error_rate"] == pytest.approx(wrong.mean())
    assert scores["majority"].metrics["test"]["auroc"] == 0.5
    errors = [scores[name].metrics["test"]["error_rate"] for name in ("majority", "logistic1", "logistic4")]
    assert errors == sorted(errors, reverse=True) and errors[0] > errors[2] + 0.1
    assert all(one.horizons == [] for one in scores.values())


def test_shifted_test_sets_are_measured_against_the_most_frequent_class():
    data = prepared()
    splits, errors = data.splits, errors_of(data.splits, NAMES)
    shifted = ShiftedSets(data.test_sets, splits, errors)
    point = shifted.points(data.baselines()["majority"])[0]
    assert point.ratio == 1 and point.scaled > 0
    found = shifted.points(network())[0]
    assert found.error == found.ratio * point.error
    clean = ShiftedSets([TestSet("none", "none", None, lambda: splits.test)], splits, errors).points(network())[0]
    assert (clean.error, clean.scaled) == tuple(
        errors.judge(one_step(network(), splits.test, splits)).metrics[name] for name in ("error_rate", "log_loss")
    )


def test_two_classes_without_the_one_looked_for_in_the_test():
    splits = class_splits(names=("no", "yes"), label="window", sizes=(60, 20, 4))
    test = splits.test
    none = type(splits)(
        splits.train,
        splits.validation,
        test.take(np.flatnonzero(test.y[np.arange(4), test.valid.sum(axis=1) - 1, 0] == 1)),
        splits.input_scaler,
        splits.target_scaler,
        splits.target_std,
        splits.task,
    )
    judged = errors_of(none, ("no", "yes")).judge(one_step(network(outputs=2), none.test, none))
    assert not {"f1", "auroc", "auprc"} & set(judged.metrics) and "error_rate" in judged.metrics
    assert np.isnan(judged.per_target["recall"]["yes"]) and judged.per_target["share"]["no"] == 1


def test_a_network_that_is_not_finite_has_an_infinite_log_loss_and_is_wrong():
    scores = score(network(np.inf), prepared(), case())
    assert scores.metrics["test"]["error_rate"] == 1 and scores.metrics["test"]["log_loss"] == np.inf
