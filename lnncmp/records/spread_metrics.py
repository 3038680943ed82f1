"""The measures of predictions that come with a spread, for models that give one; the records of others lack them."""

from lnncmp.records.metric import Metric

COVERAGE, CRPS, NLL = "coverage_90", "crps", "gaussian_nll"
LEVEL = 0.9
"""Probability of the interval whose coverage is told."""

_VARIANCE = (
    "the predictive distribution is Gaussian: its variance is that over the passes plus one noise variance for each "
    "target, the squared error on the validation windows beyond the variance there"
)

SPREAD_METRICS = (
    Metric(
        name=COVERAGE,
        heading="coverage of 90% intervals",
        unit="",
        better="ideal",
        ideal=LEVEL,
        formula=f"share of the test values within the central 90% interval of their prediction, mean over targets; "
        f"{_VARIANCE}",
        compared=False,
        detail=True,
    ),
    Metric(
        name=CRPS,
        heading="CRPS",
        unit="",
        better="lower",
        formula="continuous ranked probability score in units of the targets' training standard deviation, mean over "
        f"targets: the absolute error of a prediction without spread; {_VARIANCE}",
        compared=False,
        detail=True,
    ),
    Metric(
        name=NLL,
        heading="Gaussian NLL",
        unit="nats",
        better="lower",
        formula="mean of -log of the predictive density at the truth, targets in units of their training standard "
        f"deviation, mean over targets; {_VARIANCE}",
        compared=False,
        ratio=False,
        detail=True,
    ),
)
"""What `lnncmp compare` tells of such models in JSON and CSV, beside the metrics of the case."""
