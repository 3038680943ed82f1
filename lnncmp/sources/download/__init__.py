"""The only part that touches the network."""
