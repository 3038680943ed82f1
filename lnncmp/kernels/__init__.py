"""Fused sequence kernels for the CPU, compiled by Numba; the plain layers in lnncmp.layers are their reference."""
