"""Scores of trained models and baselines, and the cost of models."""
