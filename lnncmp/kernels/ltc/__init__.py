"""The fused LTC: lists of synapses, semi-implicit solver."""
