"""The metrics of predicted classes, for every case that has classes: names, headings, formulas.

Which of them is the main error of a table is the task's choice; the others are declared as a case's own metrics.
"""

from collections.abc import Sequence

from lnncmp.records.metric import Metric

_OF_CLASSES = "mean over the classes that have test labels of the "


def main_metrics() -> dict[str, Metric]:
    """Return by name the metrics that can be the main error of classes: lower is better, 0 is no error."""
    made = (
        _lower("error_rate", "error rate", "share of the test labels whose class was not predicted"),
        _lower(
            "balanced_error_rate",
            "balanced error rate",
            f"{_OF_CLASSES}share of a class's labels that were not predicted",
        ),
        _lower("log_loss", "log loss", "mean of minus the natural logarithm of the probability of the true class"),
    )
    return {metric.name: metric for metric in made}


def class_metrics(main: str, classes: Sequence[str]) -> tuple[Metric, ...]:
    """Return the metrics to be shown with the main error `main`; of two classes the last is the one looked for.

    A rate that is one minus another is shown once, as the share that is right, and not tested again.
    """
    binary = len(classes) == 2
    each, one = ("", f"'{classes[-1]}'") if binary else (_OF_CLASSES, "a class")
    others = "" if binary else " against all others"
    rates = {
        name: metric.model_copy(update={"compared": False, "detail": True}) for name, metric in main_metrics().items()
    }
    loss = main_metrics()["log_loss"]
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
        ),
        _higher(
            "auprc", "AUPRC", f"{each}area under the precision-recall curve of {one}{others}, as average precision"
        ),
        loss,
        _lower(
            "calibration_error",
            "calibration error",
            "expected calibration error: the difference of mean confidence and accuracy in each of 15 bins of the "
            "probability of the predicted class, weighted by the labels in it",
        ),
        rates["error_rate"],
        rates["balanced_error_rate"],
    )
    return tuple(metric for metric in made if metric.name != main)


def _lower(name: str, heading: str, formula: str) -> Metric:
    return Metric(name=name, heading=heading, unit="", better="lower", formula=formula)


def _higher(name: str, heading: str, formula: str, compared: bool = True) -> Metric:
    return Metric(name=name, heading=heading, unit="", better="higher", formula=formula, compared=compared)
