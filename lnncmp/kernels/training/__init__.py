"""What training does between the kernels of two batches: gathering windows, readout, loss, optimiser."""
