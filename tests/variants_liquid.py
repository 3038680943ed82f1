"""Arguments that the conformance tests try liquid networks with, by model."""

VARIANTS = {}
