"""Counts of true against predicted classes, and the metrics that follow from them; several samples at once.

Legend of shapes: M cells, G groups, K classes; ... any leading axes, such as those of bootstrap samples. The last
column of a confusion matrix (..., K, K + 1) counts cells without a usable prediction: wrong, whatever the truth.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.resampling import divide, mean_known

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


def confusion(labels: Labels, predicted: Labels, classes: int, counts: Floats | None = None) -> Floats:
    """Return the confusion matrix (K, K + 1), rows by true class; counts (M,): how often each cell counts, None = once.

    labels, predicted (M,): from 0 on, `predicted` K where there is no usable prediction.
    """
    one_group = confusion_by_group(labels, predicted, classes, np.zeros_like(labels), 1, counts)
    return np.asarray(one_group[0])


def confusion_by_group(
    labels: Labels, predicted: Labels, classes: int, group: Labels, groups: int, counts: Floats | None = None
) -> Floats:
    """Return one confusion matrix for each group (G, K, K + 1); group (M,) counts from 0."""
    shape = (groups, classes, classes + 1)
    cells = np.ravel_multi_index((group, labels, predicted), shape)
    return np.bincount(cells, counts, int(np.prod(shape))).reshape(shape).astype(np.float64)


def accuracy(matrix: Floats) -> Floats:
    """Return the share of cells whose class was predicted (...,)."""
    return divide(_right(matrix).sum(axis=-1), matrix.sum(axis=(-2, -1)))


def recalls(matrix: Floats) -> Floats:
    """Return for each class the share of its cells that were predicted (..., K), NaN for a class without cells."""
    return divide(_right(matrix), matrix.sum(axis=-1))


def f1s(matrix: Floats) -> Floats:
    """Return 2 right / (true + predicted) of each class (..., K), NaN for a class without cells, 0 if never right.

    A cell without a usable prediction counts as predicted for every class but its own: any other answer does less harm.
    """
    broken = matrix[..., -1]
    truth = matrix.sum(axis=-1)
    predicted = matrix[..., :-1].sum(axis=-2) + broken.sum(axis=-1, keepdims=True) - broken
    return np.where(truth > 0, divide(2 * _right(matrix), truth + predicted), np.nan)


def balanced_accuracy(matrix: Floats) -> Floats:
    """Return the mean recall of the classes that have cells (...,)."""
    return mean_known(recalls(matrix))


def f1(matrix: Floats) -> Floats:
    """Return (...,) the F1 of the last of two classes, the mean F1 of more than two over those that have cells."""
    found = f1s(matrix)
    return np.asarray(found[..., 1]) if found.shape[-1] == 2 else mean_known(found)


def _right(matrix: Floats) -> Floats:
    return np.diagonal(matrix[..., :-1], axis1=-2, axis2=-1)
