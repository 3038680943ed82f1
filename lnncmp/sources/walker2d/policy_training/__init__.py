"""Training of the walking policies."""
