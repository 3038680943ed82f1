"""How work is cut, in one table: sizes chosen by what `python tests/tile_sweep.py` measured (docs/kernels.md)."""

TILE = 16
"""Rows of a full tile: enough for the weights to be read from cache once for many rows, few enough for two threads."""
BLOCK = 32
"""Rows of a tile of a CfC at most: weights are read again for each tile, states should stay in the cache."""
SMALL_BLOCK = 16
"""Rows from which on a batch of a CfC is worth two tiles."""
CHUNK = 96
"""Rows of gradients that are gathered before they are multiplied into those of the weights."""
ROWS = 256
"""Rows of a tile where steps need not come one after the other: of affine maps and what is elementwise."""
GROUP_BYTES = 1 << 20
"""What the buffers of the copies may take that go forward and back together."""
