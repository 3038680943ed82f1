"""The fused LSTM and GRU."""
