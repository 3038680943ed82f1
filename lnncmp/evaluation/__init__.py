"""Scores of trained models and of baselines, and what models cost."""
