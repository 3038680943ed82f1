"""The file format between producing numbers and comparing them."""
