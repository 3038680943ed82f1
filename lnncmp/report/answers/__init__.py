"""The sentences that a reader needs first: what a comparison and the verdicts answer."""
