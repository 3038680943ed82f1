"""Perturbed inputs of test pieces: noise, missing cells. Targets stay.

Legend of shapes: T rows, V input columns.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table.pieces import Piece

Perturbation = Callable[[Piece, np.random.Generator], Piece]


def noise(level: float, columns: NDArray[np.intp], std: NDArray[np.float64]) -> Perturbation:
    """Return Gaussian noise of `level` standard deviations `std` on the values of these columns."""

    def perturb(piece: Piece, rng: np.random.Generator) -> Piece:
        values = piece.values.copy()
        values[:, columns] += level * std * rng.standard_normal((len(piece), len(columns)))
        return replace(piece, values=values)

    return perturb


def missing(share: float, columns: NDArray[np.intp]) -> Perturbation:
    """Return a piece of which a share of the cells of these columns is missing, completely at random."""

    def perturb(piece: Piece, rng: np.random.Generator) -> Piece:
        values = piece.values.copy()
        values[:, columns] = np.where(rng.random((len(piece), len(columns))) < share, np.nan, values[:, columns])
        return replace(piece, values=values)

    return perturb
