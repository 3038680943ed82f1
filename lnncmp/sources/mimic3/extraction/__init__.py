"""From the tables of MIMIC-III to recordings, in a stream."""
