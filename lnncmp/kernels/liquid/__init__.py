"""The fused liquid layer with one gate for each neuron."""
