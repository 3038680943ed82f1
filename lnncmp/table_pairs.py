"""Which paired comparisons of a table belong together: those on one metric, by model."""

from collections.abc import Iterable

from lnncmp.table import PairedComparison

TEST_MSE = "test_mse"
"""The metric of the main table."""


def pairs_on(comparisons: Iterable[PairedComparison], metric: str = TEST_MSE) -> dict[str, PairedComparison]:
    """Return the comparisons on `metric` by model, in the order given; the reference has none."""
    return {pair.model: pair for pair in comparisons if pair.metric == metric}


def differs(pair: PairedComparison | None) -> bool:
    """Tell whether the difference is significant after Holm's correction."""
    return pair is not None and pair.verdict.startswith("significantly")
