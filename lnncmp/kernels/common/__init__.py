"""What all kernels are made of: compilation, vectors, small products, tiles, threads."""
