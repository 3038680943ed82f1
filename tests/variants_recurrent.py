"""Arguments that the conformance tests try recurrent networks with, by model."""

VARIANTS = {}
