"""GRU-D without torch: the decays, then the GRU."""
