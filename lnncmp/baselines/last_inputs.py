"""The last inputs of every step, newest first, as the columns of a regression.

Legend of shapes: N windows, T steps, F inputs, C columns that are used.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.windows import Windows


def last_inputs(x: NDArray[np.floating], inputs: int, columns: int | None = None) -> NDArray[np.float64]:
    """Return (N, T - inputs + 1, inputs * C + 1): for each step of (N, T, F) that has them its last inputs, then 1.

    columns: the number C of input columns that are used, None = all.
    """
    steps = x.shape[1] - inputs + 1
    newest_first = [x[:, inputs - 1 - age : inputs - 1 - age + steps, :columns] for age in range(inputs)]
    newest_first.append(np.ones((len(x), steps, 1), x.dtype))
    return np.concatenate(newest_first, axis=2, dtype=np.float64)


def lengths(train: Windows, order: int) -> range:
    """Return 1 .. the number of last inputs that regressions use: `order`, but no more than any known target has."""
    known = np.flatnonzero((train.valid & train.target_mask.any(axis=-1)).any(axis=0))
    return range(1, min(order, int(known.max(initial=0)) + 1) + 1)
