"""Where the runs of a study are carried out: one file each, defining one `EXECUTOR`. Importing them needs no torch."""
