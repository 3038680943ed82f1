"""Where recordings come from: one file (or folder) per source, each defining one `SOURCE`."""
