"""The formats that a folder of records can be exported to: one file each, defining one `FORMAT`."""
