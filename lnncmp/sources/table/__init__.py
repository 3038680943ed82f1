"""Own tables."""
