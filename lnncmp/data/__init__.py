"""Recordings, windows and splits: what stands between a source of data and a model."""
