"""The interface that evaluation knows networks and baselines by."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.windows import Futures, Windows

Floats = NDArray[np.float32]


class Predictor(Protocol):
    """Interface of networks and baselines for evaluation, in scaled units; of classes it predicts logits.

    Legend of shapes: N windows, T steps, O targets, or as many classes, K steps of a future.
    """

    def predict(self, windows: Windows) -> Floats:
        """Return one-step predictions (N, T, O)."""

    def roll_out(self, futures: Futures) -> Floats:
        """Return free-running predictions (N, K, O): each is fed back as the next input."""
