"""What training does between the kernels of two batches: readout, loss, optimiser."""
