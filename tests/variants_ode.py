"""Arguments that the conformance tests try networks of ordinary differential equations with, by model."""

VARIANTS = {}
