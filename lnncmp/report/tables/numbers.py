"""How numbers look in tables: four significant digits for errors, units for bytes and seconds, "-" for unknown."""

import math

UNKNOWN = "-"


def significant(value: float | None, digits: int = 4) -> str:
    """Return `value` with this many significant digits: 0.8534, 12,350, 1.496e-05. "-" if unknown."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if not -4 <= exponent < 6:
        return f"{value:.{digits - 1}e}"
    return f"{rounded:,.{max(0, digits - 1 - exponent)}f}"


def interval(ends: tuple[float, float] | None, digits: int = 4) -> str:
    """Return "[low, high]" with this many significant digits, or the empty text if there is none."""
    return "" if ends is None else f"[{significant(ends[0], digits)}, {significant(ends[1], digits)}]"


def signed(value: float | None) -> str:
    """Return a difference with its sign and three significant digits: "+0.0123"."""
    if value is None:
        return UNKNOWN
    return significant(value, 3) if value < 0 else f"+{significant(value, 3)}"


def change(value: float | None, kind: str, digits: int = 3) -> str:
    """Return a change of this kind: "x 0.887" for a ratio, a signed difference otherwise."""
    if value is None or kind != "ratio":
        return signed(value)
    return f"x {significant(value, digits)}"


def p_value(p: float | None) -> str:
    """Return "p = 0.031" or "p < 0.001"."""
    if p is None:
        return UNKNOWN
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def size(count: int | None) -> str:
    """Return bytes in decimal units: "512 B", "84.5 KB", "12.3 MB", "1.20 GB"."""
    if count is None:
        return UNKNOWN
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if abs(count) >= scale:
            return f"{significant(count / scale, 3)} {unit}"
    return f"{count} B"


def joules(value: float | None) -> str:
    """Return an energy with its unit: "1.23 J", "45.6 mJ", "12.3 uJ", "1.9 nJ", "850 pJ"."""
    if value is None:
        return UNKNOWN
    for unit, scale in (("J", 1.0), ("mJ", 1e-3), ("uJ", 1e-6), ("nJ", 1e-9)):
        if value >= scale:
            return f"{significant(value / scale, 3)} {unit}"
    return f"{significant(value / 1e-12, 3)} pJ"


def seconds(value: float | None) -> str:
    """Return a time with its unit: "1.23 s", "45.6 ms", "12.3 us", "15.0 min" from ten minutes on."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0 s"
    if value >= 600:
        return f"{significant(value / 60, 3)} min"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{significant(value / scale, 3)} {unit}"
    return f"{significant(value / 1e-9, 3)} ns"
