"""The metrics of predicted classes beside the main error, for every case that has classes."""

from collections.abc import Sequence

from lnncmp.records.metric import ERRORS, Metric

_OF_CLASSES = "mean over the classes that have test labels of the "


def class_metrics(main: str, classes: Sequence[str]) -> tuple[Metric, ...]:
    """Return what a case declares as its metrics (`Case.metrics`); main: the main error of its task.

    Of two classes the last is the one looked for. A rate that is one minus the main error is not tested once more.
    """
    binary = len(classes) == 2
    each, one = ("", f"'{classes[-1]}'") if binary else (_OF_CLASSES, "a class")
    others = "" if binary else " against all others"
    made = (
        _higher(
            "accuracy",
            "accuracy",
            "share of the test labels whose class was predicted",
            compared=main != "error_rate",
        ),
        _higher(
            "balanced_accuracy",
            "balanced accuracy",
            f"{_OF_CLASSES}share of a class's labels that were predicted (recall)",
            compared=main != "balanced_error_rate",
        ),
        _higher("f1", "F1", f"{each}F1 of {one}, the harmonic mean of precision and recall"),
        _higher(
            "auroc",
            "AUROC",
            f"{each}area under the receiver operating characteristic of {one}{others}: the probability that a label "
            "of it gets a higher score than one of another class, ties counting half",
            by_data_set=True,
        ),
        _higher(
            "auprc", "AUPRC", f"{each}area under the precision-recall curve of {one}{others}, as average precision"
        ),
        ERRORS["log_loss"],
        Metric(
            name="calibration_error",
            heading="calibration error",
            unit="",
            better="lower",
            formula="expected calibration error: the difference of mean confidence and accuracy in each of 15 bins of "
            "the probability of the predicted class, weighted by the labels in it",
        ),
    )
    return tuple(metric for metric in made if metric.name != main)


def _higher(name: str, heading: str, formula: str, compared: bool = True, by_data_set: bool = False) -> Metric:
    return Metric(
        name=name,
        heading=heading,
        unit="",
        better="higher",
        formula=formula,
        compared=compared,
        by_data_set=by_data_set,
        ratio=False,
    )
