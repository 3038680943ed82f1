"""The choices that a study left open, spanned: every reading of it is a universe of its own (Steegen et al. 2016)."""
