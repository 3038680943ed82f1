"""Metrics of predicted classes: of a set of cells, of each class, and over bootstrap samples of groups of cells.

Cells are time steps or whole windows, whatever has a label. Every metric takes how often each cell counts. A class
without cells has no number of its own and is left out of means. A cell whose logits are not finite is wrong, with full
confidence in a wrong class, and ranks worst: never better than any other prediction.

Legend of shapes: M cells, K classes, G groups, R bootstrap samples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from lnncmp.data.resampling import divide, mean_known, weighted
from lnncmp.evaluation import confusion as of_counts
from lnncmp.evaluation.confusion import Floats, Labels, confusion, confusion_by_group
from lnncmp.evaluation.ranking import Ranking

Counts = Floats | None
BINS = 15
"""Bins of the calibration error, as in Guo et al. (2017, arXiv 1706.04599)."""
_DECIMALS = 9
"""Of log odds: finer than the logits of a network in single precision."""


@dataclass(frozen=True)
class Classified:
    """What was predicted for M cells, and their true classes.

    log_p (M, K): log-probabilities, those of cells without a usable prediction arbitrary. predicted (M,): the most
    probable class, the first of equally probable ones; K where there is no usable prediction. labels (M,), from 0 on.
    """

    log_p: Floats
    predicted: Labels
    labels: Labels

    @property
    def classes(self) -> int:
        """The number of classes K."""
        return int(self.log_p.shape[1])

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which cells have a prediction that is finite (M,)."""
        return self.predicted < self.classes

    @cached_property
    def losses(self) -> Floats:
        """Minus the log-probability of the true class (M,), infinite without a usable prediction."""
        return np.where(self.usable, -self.log_p[np.arange(len(self.labels)), self.labels], np.inf)

    @cached_property
    def rankings(self) -> list[Ranking]:
        """The cells in order of the odds of a class against all others, for each class; of two, only of the last."""
        odds = _log_odds(self.log_p)
        ranked = range(self.classes) if self.classes > 2 else [self.classes - 1]
        made = []
        for k in ranked:
            positive = self.labels == k
            made.append(Ranking(np.where(self.usable, odds[:, k], np.where(positive, -np.inf, np.inf)), positive))
        return made

    @cached_property
    def gaps(self) -> tuple[Labels, Floats]:
        """The bin of each cell's confidence (M,), and by how much that confidence exceeds being right (M,).

        Cells without a usable prediction have a bin of their own, where nothing makes up for them.
        """
        confidence = np.where(self.usable, np.exp(self.log_p.max(axis=1, initial=-np.inf)), 1.0)
        bins = np.clip(np.ceil(confidence * BINS).astype(np.intp) - 1, 0, BINS - 1)
        return np.where(self.usable, bins, BINS), confidence - (self.predicted == self.labels)


def classified(logits: NDArray[np.floating], labels: Labels) -> Classified:
    """Return the predictions of logits, or log-probabilities, (M, K) for cells of the classes `labels` (M,)."""
    usable = np.isfinite(logits).all(axis=1)
    log_p = log_softmax(np.where(usable[:, None], logits, 0.0).astype(np.float64), axis=1)
    predicted = np.where(usable, log_p.argmax(axis=1), logits.shape[1])
    return Classified(log_p, predicted, labels)


def accuracy(found: Classified, counts: Counts = None) -> float:
    """Return the share of cells whose class was predicted."""
    return float(of_counts.accuracy(_matrix(found, counts)))


def error_rate(found: Classified, counts: Counts = None) -> float:
    """Return the share of cells whose class was not predicted."""
    return 1 - accuracy(found, counts)


def balanced_accuracy(found: Classified, counts: Counts = None) -> float:
    """Return the mean over classes of the share of a class's cells that were predicted."""
    return float(of_counts.balanced_accuracy(_matrix(found, counts)))


def balanced_error_rate(found: Classified, counts: Counts = None) -> float:
    """Return the mean over classes of the share of a class's cells that were not predicted."""
    return 1 - balanced_accuracy(found, counts)


def f1(found: Classified, counts: Counts = None) -> float:
    """Return the F1 of the last of two classes, or the mean of all F1 of more than two."""
    return float(of_counts.f1(_matrix(found, counts)))


def auroc(found: Classified, counts: Counts = None) -> float:
    """Return the area under the ROC of the last of two classes, or the mean of each of more against the rest.

    NaN if there are cells of one class only.
    """
    return float(areas(found, counts)[0])


def auprc(found: Classified, counts: Counts = None) -> float:
    """Return the average precision of the last of two classes, or the mean of each of more against the rest."""
    return float(areas(found, counts)[1])


def areas(found: Classified, counts: Counts = None) -> Floats:
    """Return the means over the ranked classes of both areas (2,): under the ROC, under the precision-recall curve."""
    ranked = [ranking.areas(None if counts is None else counts[ranking.order]) for ranking in found.rankings]
    return mean_known(np.array(ranked).T)


def log_loss(found: Classified, counts: Counts = None) -> float:
    """Return the mean of minus the natural log-probability of the true class (nats)."""
    if counts is None:
        return float(found.losses.mean())
    return float(found.losses[counts > 0] @ counts[counts > 0] / counts.sum())


def calibration_error(found: Classified, counts: Counts = None) -> float:
    """Return the expected calibration error: |mean confidence - accuracy| by bin, weighted by how many are in it.

    Confidence is the probability of the predicted class, in 15 bins of equal width.
    """
    bins, gaps = found.gaps
    weights = np.ones(len(gaps)) if counts is None else counts
    return float(np.abs(np.bincount(bins, gaps * weights)).sum() / weights.sum())


METRICS: Mapping[str, Callable[[Classified, Counts], float]] = {
    "error_rate": error_rate,
    "balanced_error_rate": balanced_error_rate,
    "log_loss": log_loss,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "auroc": auroc,
    "auprc": auprc,
    "calibration_error": calibration_error,
}
"""All metrics by the name that records and `lnncmp.records.class_metrics` give them."""


def class_metrics(found: Classified, counts: Counts = None) -> dict[str, float]:
    """Return all metrics by name, without those that are not defined on these cells."""
    values = {name: metric(found, counts) for name, metric in METRICS.items()}
    return {name: value for name, value in values.items() if not np.isnan(value)}


def by_class(found: Classified) -> dict[str, Floats]:
    """Return "share" of the cells, "recall" and "f1" of each class (K,); NaN where a class has no cells."""
    matrix = _matrix(found, None)
    share = divide(matrix.sum(axis=1), matrix.sum(axis=(0, 1)))
    return {"share": share, "recall": of_counts.recalls(matrix), "f1": of_counts.f1s(matrix)}


def resampled_metrics(found: Classified, group: Labels, weights: Floats) -> dict[str, list[float]]:
    """Return the metrics by name over bootstrap samples of groups of cells; group (M,), weights (R, G).

    Samples on which a metric is not defined, say without a cell of the class, are left out: the same ones for every
    predictor. A metric that is not defined on half of them has none.
    """
    groups = weights.shape[1]
    by_group = confusion_by_group(found.labels, found.predicted, found.classes, group, groups)
    matrix = weighted(weights, by_group)
    cells = matrix.sum(axis=(1, 2))
    losses: Floats = np.bincount(group, found.losses, groups).astype(np.float64)
    bins, gaps = found.gaps
    by_bin = np.bincount(group * (BINS + 1) + bins, gaps, groups * (BINS + 1)).reshape(groups, BINS + 1)
    accuracies, balanced = of_counts.accuracy(matrix), of_counts.balanced_accuracy(matrix)
    auroc, auprc = _resampled_areas(found, group, weights)
    values = {
        "error_rate": 1 - accuracies,
        "balanced_error_rate": 1 - balanced,
        "log_loss": divide(weighted(weights, losses), cells),
        "accuracy": accuracies,
        "balanced_accuracy": balanced,
        "f1": of_counts.f1(matrix),
        "auroc": auroc,
        "auprc": auprc,
        "calibration_error": divide(np.abs(weights @ by_bin).sum(axis=1), cells),
    }
    defined = {name: given[~np.isnan(given)] for name, given in values.items()}
    return {name: given.tolist() for name, given in defined.items() if 2 * len(given) >= len(weights)}


def _resampled_areas(found: Classified, group: Labels, weights: Floats) -> Floats:
    """Return both areas over bootstrap samples (2, R), as `areas` does."""
    made = [[ranking.areas(counts[ordered]) for counts in weights] for ranking, ordered in _ordered(found, group)]
    return mean_known(np.moveaxis(np.array(made), 0, -1)).T


def _ordered(found: Classified, group: Labels) -> list[tuple[Ranking, Labels]]:
    return [(ranking, group[ranking.order]) for ranking in found.rankings]


def _matrix(found: Classified, counts: Counts) -> Floats:
    return confusion(found.labels, found.predicted, found.classes, counts)


def _log_odds(log_p: Floats) -> Floats:
    """Return log(p / (1 - p)) of each class (M, K), exact also where p is nearly 1.

    Rounded, so that cells are tied which differ in the order of sums alone.
    """
    with np.errstate(divide="ignore"):
        odds = log_p - np.log1p(-np.exp(log_p))
    rows, top = np.arange(len(log_p)), log_p.argmax(axis=1)
    others = log_p.copy()
    others[rows, top] = -np.inf
    odds[rows, top] = log_p[rows, top] - logsumexp(others, axis=1)
    return np.round(odds, _DECIMALS)
