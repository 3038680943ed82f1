"""Student's t distribution, one number at a time: tables ask for hundreds of thousands of them."""

from functools import lru_cache


@lru_cache(maxsize=100_000)
def t_quantile(level: float, freedom: float) -> float:
    """Return the value below which a share `level` of Student's t distribution lies. freedom: above 0, maybe infinite.

    Example: the 97.5% quantile of two degrees of freedom is 4.3027.
    """
    from scipy import special  # the functions behind scipy.stats.t, whose checks take twenty times as long

    return float(special.stdtrit(freedom, level))


def t_above(value: float, freedom: float) -> float:
    """Return the share of Student's t distribution above `value`. freedom: above 0, maybe infinite."""
    from scipy import special

    return float(special.stdtr(freedom, -value))
