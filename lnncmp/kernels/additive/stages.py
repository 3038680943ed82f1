"""What solvers of additive networks are made of; see lnncmp.layers.additive."""

STAGES = {"euler": ((1.0,), (0.0,)), "rk4": ((1 / 6, 1 / 3, 1 / 3, 1 / 6), (0.5, 0.5, 1.0, 0.0))}
"""b, then a, of the stages of a solver."""
MIN_RATE = 1e-9
"""Slower units are limited as if they had this rate, so that no elapsed time overflows."""
