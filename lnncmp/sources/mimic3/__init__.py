"""MIMIC-III clinical tables (v1.4 or its demo) made into one recording per stay in intensive care."""
