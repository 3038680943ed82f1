"""Fused sequence kernels for the CPU, compiled by Numba; the plain layers in lnncmp.cells are their reference."""
