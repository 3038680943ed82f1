"""Networks made of blocks, computed on arrays: an affine map, recurrences, and what is between them."""
