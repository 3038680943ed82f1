"""The fused LRC: lists of synapses, explicit and hybrid steps."""
