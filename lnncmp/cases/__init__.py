"""The case studies: one file each, defining one `CASE`. Importing them needs neither torch nor a simulator."""
