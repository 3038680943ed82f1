"""The formats that a network can be exported to: one file each, defining one `FORMAT`."""
