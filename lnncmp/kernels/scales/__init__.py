"""CT-GRU: a gated recurrent unit with traces at several time scales."""
