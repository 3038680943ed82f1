"""Recordings, windows and splits: what is between a source of data and a model."""
