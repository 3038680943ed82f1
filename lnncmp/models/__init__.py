"""What a comparison can name as a model: one file each, defining one `MODEL`. Importing them needs no torch."""
