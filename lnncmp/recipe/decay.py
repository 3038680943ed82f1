"""The decay of the learning rate in a recipe: a factor per epoch, or the share that is left at the end.

`train.rate_left` is the share of the learning rate that is left after the last epoch. Unlike `train.decay` it means the
same schedule at any number of epochs. A recipe has one of the two; records hold the factor per epoch.
"""

import math
from collections.abc import Mapping
from typing import Any

from lnncmp.errors import UsageError

DECAY, RATE_LEFT = "decay", "rate_left"
OTHER = {DECAY: RATE_LEFT, RATE_LEFT: DECAY}
"""Each of the two names of the same setting, and the other one."""
_DIGITS = 9
"""Decimals of a factor made of a share: all machines make the same one, whatever their last bits."""


def put(table: dict[str, Any], key: str, value: Any) -> None:
    """Set a value of a table; of decay and the share left, the one set last counts."""
    table[key] = value
    if key in OTHER:
        table.pop(OTHER[key], None)


def joined(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training settings of all models with a model's own ones, which count."""
    table = dict(shared)
    for key in own:
        table.pop(OTHER.get(key, key), None)
    return {**table, **own}


def decay_of(rate_left: float, epochs: int) -> float:
    """Return the factor per epoch that leaves this share of the learning rate after all epochs.

    >>> decay_of(0.25, 2)
    0.5
    """
    return round(float(rate_left ** (1 / epochs)), _DIGITS)


def rate_left_of(decay: float, epochs: int) -> float:
    """Return the share of the learning rate that a factor per epoch leaves after all epochs."""
    return float(f"{decay**epochs:.12g}")


def per_epoch(table: Mapping[str, Any], epochs: int, where: str) -> dict[str, Any]:
    """Return training settings with `rate_left` turned into `decay`.

    Raises UsageError if both are given or the share is not above 0 and at most 1.
    """
    if RATE_LEFT not in table:
        return dict(table)
    share = table[RATE_LEFT]
    if DECAY in table:
        raise UsageError(f"recipe keys '{where}.decay' and '{where}.rate_left' are one setting", "Give one of the two.")
    if isinstance(share, bool) or not isinstance(share, int | float) or not (0 < share <= 1 and math.isfinite(share)):
        raise UsageError(f"recipe key '{where}.rate_left' is {share!r}: it should be above 0 and at most 1")
    rest = {key: value for key, value in table.items() if key != RATE_LEFT}
    return {**rest, DECAY: decay_of(share, epochs)}
