"""Trained networks that are kept: their files, loading them, and their predictions in raw units."""
