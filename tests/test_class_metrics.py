"""Metrics of classes against hand-worked numbers, slow definitions and scikit-learn."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnncmp.data.task import CLASS_ERRORS
from lnncmp.evaluation.classes import METRICS, by_class, class_metrics, classified, resampled_metrics
from lnncmp.records.class_metrics import class_metrics as declared
from lnncmp.records.metric import ERRORS


def drawn(cells, classes, seed=0, ties=False, known=None):
    """Return logits (M, K) that know something of the labels (M,); ties: on few levels. known: classes that occur."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes if known is None else known, cells)
    logits = rng.standard_normal((cells, classes)) + 1.2 * np.eye(classes)[labels]
    return (np.round(logits) if ties else logits), labels


def metric(name, logits, labels, counts=None):
    return METRICS[name](classified(np.asarray(logits, float), np.asarray(labels)), counts)


def probabilities(logits):
    shown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shown / shown.sum(axis=1, keepdims=True)


class TestByHand:
    LOGITS = np.log([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    LABELS = np.array([0, 1, 1, 0])

    def test_counts(self):
        got = class_metrics(classified(self.LOGITS, self.LABELS))
        assert got["accuracy"] == 0.75 and got["error_rate"] == 0.25
        assert got["balanced_accuracy"] == 0.75 and got["balanced_error_rate"] == 0.25
        assert got["f1"] == pytest.approx(2 * 1 / (2 + 1))  # one right of two, one predicted

    def test_probabilities(self):
        got = class_metrics(classified(self.LOGITS, self.LABELS))
        assert got["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())
        gaps = [0.9 - 1, 0.6 - 0, 0.8 - 1, 0.7 - 1]  # each in a bin of its own
        assert got["calibration_error"] == pytest.approx(np.abs(gaps).mean())

    def test_ranks(self):
        got = class_metrics(classified(self.LOGITS, self.LABELS))
        assert got["auroc"] == 1 and got["auprc"] == 1
        assert metric("auroc", self.LOGITS, [1, 0, 1, 0]) == 0.5  # .8 beats .4, .3; .1 beats neither
        assert metric("auprc", self.LOGITS, [1, 0, 1, 0]) == pytest.approx((1 + 2 / 4) / 2)

    def test_calibration_within_a_bin(self):
        logits = np.log([[0.79, 0.21], [0.75, 0.25]])
        assert metric("calibration_error", logits, [0, 1]) == pytest.approx(0.77 - 0.5)

    def test_of_more_classes_the_mean_of_each_against_the_rest(self):
        logits, labels = drawn(60, 3)
        shown = probabilities(logits)
        pairs = []
        for k in range(3):
            own, others = shown[labels == k, k], shown[labels != k, k]
            pairs.append(np.mean([(a > b) + 0.5 * (a == b) for a in own for b in others]))
        assert metric("auroc", logits, labels) == pytest.approx(np.mean(pairs))


class TestAgainstSlowDefinitions:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 3)), min_size=2, max_size=14),
    )
    def test_areas_of_weighted_cells_by_pairs_and_thresholds(self, cells):
        score, positive, counts = (np.array(part) for part in zip(*cells, strict=True))
        logits, labels = np.stack([np.zeros(len(score)), score], axis=1), positive.astype(int)
        pairs = [
            (w * v, (a > b) + 0.5 * (a == b))
            for a, yes, w in zip(score, positive, counts, strict=True)
            for b, no, v in zip(score, positive, counts, strict=True)
            if yes and not no
        ]
        total = sum(weight for weight, _ in pairs)
        expected = sum(weight * won for weight, won in pairs) / total if total else np.nan
        np.testing.assert_allclose(metric("auroc", logits, labels, counts * 1.0), expected, rtol=1e-12)
        precision, recall_before = [], 0.0
        found = counts[positive].sum()
        for threshold in sorted(set(score), reverse=True):
            at = score >= threshold
            right, every = counts[at & positive].sum(), counts[at].sum()
            if found and every:
                precision.append((right / found - recall_before) * right / every)
                recall_before = right / found
        expected = sum(precision) if found else np.nan
        np.testing.assert_allclose(metric("auprc", logits, labels, counts * 1.0), expected, rtol=1e-12)

    @pytest.mark.parametrize("classes", [2, 3, 5])
    @pytest.mark.parametrize("name", METRICS)
    def test_counts_are_repetitions(self, name, classes):
        logits, labels = drawn(40, classes, ties=True)
        counts = np.random.default_rng(1).integers(0, 4, 40)
        repeated = metric(name, np.repeat(logits, counts, axis=0), np.repeat(labels, counts))
        assert metric(name, logits, labels, counts.astype(float)) == pytest.approx(repeated, rel=1e-12)

    def test_areas_see_odds_where_probabilities_are_rounded_to_one(self):
        logits = np.array([[0.0, 50.0], [0.0, 60.0], [0.0, 70.0]])
        assert metric("auroc", logits, [0, 1, 1]) == 1
        wide = np.array([[50.0, 0.0, 0.0], [60.0, 0.0, 0.0], [0.0, 1.0, 9.0]])
        assert metric("auroc", wide, [1, 0, 0]) == 0.5  # of each class one pair of two


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("classes", [2, 3, 6])
    def test_all_that_it_has(self, classes, weighted, ties):
        theirs = pytest.importorskip("sklearn.metrics")
        logits, labels = drawn(300, classes, seed=classes, ties=ties)
        counts = np.random.default_rng(2).uniform(0.1, 3, 300) if weighted else None
        shown, predicted = probabilities(logits), logits.argmax(axis=1)
        given = {"sample_weight": counts}
        binary = classes == 2
        one_hot = np.eye(classes)[labels]
        score, truth = (shown[:, 1], labels) if binary else (shown.round(12), one_hot)
        expected = {
            "accuracy": theirs.accuracy_score(labels, predicted, **given),
            "balanced_accuracy": theirs.balanced_accuracy_score(labels, predicted, **given),
            "f1": theirs.f1_score(labels, predicted, average="binary" if binary else "macro", **given),
            "auroc": theirs.roc_auc_score(truth, score, average="macro", **given),
            "auprc": theirs.average_precision_score(truth, score, average="macro", **given),
            "log_loss": theirs.log_loss(labels, shown, **given),
        }
        got = class_metrics(classified(logits, labels), counts)
        assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-9)

    def test_each_class(self):
        theirs = pytest.importorskip("sklearn.metrics")
        logits, labels = drawn(200, 4)
        _, recall, f1, support = theirs.precision_recall_fscore_support(labels, logits.argmax(axis=1))
        got = by_class(classified(logits, labels))
        np.testing.assert_allclose(got["recall"], recall)
        np.testing.assert_allclose(got["f1"], f1)
        np.testing.assert_allclose(got["share"], support / 200)


class TestAbsentClasses:
    def test_has_no_numbers_and_is_left_out_of_means(self):
        logits, labels = drawn(80, 4, known=3)
        got = by_class(classified(logits, labels))
        assert np.isnan(got["recall"][3]) and np.isnan(got["f1"][3]) and got["share"][3] == 0
        values = class_metrics(classified(logits, labels))
        assert values["balanced_accuracy"] == pytest.approx(got["recall"][:3].mean())
        assert values["f1"] == pytest.approx(got["f1"][:3].mean())

    def test_one_class_alone_has_no_area_under_the_roc(self):
        logits, _ = drawn(10, 2)
        got = class_metrics(classified(logits, np.zeros(10, int)))
        assert not {"auroc", "auprc", "f1"} & set(got) and "accuracy" in got
        assert class_metrics(classified(logits, np.ones(10, int)))["auprc"] == 1

    def test_a_class_that_is_never_predicted_has_f1_zero(self):
        got = by_class(classified(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), np.array([0, 1])))
        np.testing.assert_array_equal(got["f1"], [2 / 3, 0, np.nan])


BETTER = {name: one.better for name, one in ERRORS.items()} | {
    one.name: one.better for one in declared("error_rate", ("no", "yes"))
}


class TestBrokenPredictions:
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("classes", [2, 4])
    @pytest.mark.parametrize("name", METRICS)
    def test_are_never_better_than_any_other(self, name, classes, bad):
        logits, labels = drawn(30, classes, seed=3)
        rng = np.random.default_rng(0)
        for column in range(classes):
            broken = logits.copy()
            broken[7, column] = bad
            worst = metric(name, broken, labels)
            for _ in range(20):
                other = logits.copy()
                other[7] = rng.standard_normal(classes) * 8
                usual = metric(name, other, labels)
                assert worst <= usual + 1e-12 if BETTER[name] == "higher" else worst >= usual - 1e-12

    def test_are_wrong_with_full_confidence(self):
        broken = classified(np.array([[np.nan, 0.0]] * 4), np.array([0, 1, 0, 1]))
        got = class_metrics(broken)
        assert got["error_rate"] == 1 and got["log_loss"] == np.inf and got["calibration_error"] == 1
        assert got["auroc"] == 0 and got["f1"] == 0 and got["auprc"] == pytest.approx((1 / 3 + 2 / 4) / 2, abs=0.1)

    def test_cells_that_do_not_count_may_be_broken(self):
        logits, labels = drawn(20, 3)
        logits[4] = np.nan
        counts = np.where(np.arange(20) == 4, 0.0, 1.0)
        kept = counts > 0
        assert class_metrics(classified(logits, labels), counts) == pytest.approx(
            class_metrics(classified(logits[kept], labels[kept]))
        )


class TestResampled:
    @pytest.mark.parametrize("classes", [2, 3])
    def test_every_sample_is_the_metric_of_its_cells(self, classes):
        logits, labels = drawn(50, classes, ties=True)
        group = np.random.default_rng(1).integers(0, 6, 50)
        weights = np.random.default_rng(2).multinomial(6, [1 / 6] * 6, size=8).astype(float)
        found = classified(logits, labels)
        got = resampled_metrics(found, group, weights)
        assert set(got) == set(METRICS)
        for name, values in got.items():
            one_by_one = [METRICS[name](found, sample[group]) for sample in weights]
            assert values == pytest.approx(one_by_one, rel=1e-12), name

    def test_a_broken_group_makes_its_samples_infinite(self):
        logits, labels = drawn(12, 2)
        logits[:4] = np.nan
        got = resampled_metrics(classified(logits, labels), np.repeat([0, 1, 2], 4), np.array([[0.0, 2, 1], [2, 1, 0]]))
        assert np.isfinite(got["log_loss"][0]) and got["log_loss"][1] == np.inf

    def test_samples_without_the_class_are_left_out_alike(self):
        labels = np.repeat([0, 1, 0, 0], 5)
        group = np.repeat([0, 1, 2, 3], 5)
        weights = np.array([[1.0, 1, 1, 1], [2, 0, 1, 1], [0, 2, 1, 1], [0, 1, 3, 0]])
        sizes = []
        for seed in range(3):
            logits = np.random.default_rng(seed).standard_normal((20, 2))
            got = resampled_metrics(classified(logits, labels), group, weights)
            sizes.append({name: len(values) for name, values in got.items()})
        assert sizes[0]["auroc"] == sizes[0]["f1"] == 3 and sizes[0]["error_rate"] == 4
        assert sizes[1:] == sizes[:1] * 2
        rare = np.array([[1.0, 1, 1, 1], [2, 0, 1, 1], [2, 0, 2, 0]])
        assert "auroc" not in resampled_metrics(classified(logits, labels), group, rare)


class TestDeclared:
    @pytest.mark.parametrize("main", CLASS_ERRORS)
    @pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c")])
    def test_every_metric_is_an_error_of_the_task_or_declared(self, main, classes):
        found = declared(main, classes)
        names = [one.name for one in found]
        assert {*CLASS_ERRORS, *names} == set(METRICS) and set(CLASS_ERRORS) <= set(ERRORS)
        assert len(names) == len(set(names)) and main not in names
        twin = {"error_rate": "accuracy", "balanced_error_rate": "balanced_accuracy"}.get(main)
        assert [one.name for one in found if not one.compared] == ([twin] if twin else [])
        assert ("'yes'" in " ".join(one.formula for one in found)) == (len(classes) == 2)


def test_many_cells_take_no_loop_over_them():
    logits, labels = drawn(200_000, 3)
    started = time.process_time()
    class_metrics(classified(logits, labels))
    assert time.process_time() - started < 10  # about half a second
