"""The band that a picture shows of a model that predicts with a spread: over its seeds, that of the middle."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lnncmp.records.band import Band
from lnncmp.report.figures.bands import SampleBand


def shown_band(bands: Sequence[Band | None]) -> SampleBand | None:
    """Return the median over seeds of lower and of upper ends; None unless every seed has a band of one kind."""
    known = [band for band in bands if band is not None]
    kinds = {band.words for band in known}
    if not known or len(known) < len(bands) or len(kinds) > 1:
        return None
    low, high = _middle([band.lower for band in known]), _middle([band.upper for band in known])
    words = known[0].words + (", median over seeds" if len(known) > 1 else "")
    return SampleBand(low.T.tolist(), high.T.tolist(), words)


def _middle(ends: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.float64]:
    values = np.array(ends, np.float64)
    return np.asarray(np.median(np.where(np.isfinite(values), values, np.nan), axis=0))
