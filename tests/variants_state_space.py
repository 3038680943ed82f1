"""Arguments that the conformance tests try state-space models with, by model."""

VARIANTS = {}
