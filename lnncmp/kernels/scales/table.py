"""The time scales of a CT-GRU; see lnncmp.layers.ct_gru."""

import math

LARGEST = 1e9
"""Bound of a gate's argument, so that its square is finite in float32; gates are shut or open long before."""


def log_scales(scales: int) -> list[float]:
    """Return ln tau_m of each scale, tau_m = 10^(m/2)."""
    return [0.5 * m * math.log(10.0) for m in range(scales)]


def decay_rates(scales: int, as_coded: bool) -> list[float]:
    """Return 1 / tau_m of each scale, or 1 / ln tau_m if `as_coded`."""
    logs = log_scales(scales)
    return [1.0 / log if log else math.inf for log in logs] if as_coded else [math.exp(-log) for log in logs]
