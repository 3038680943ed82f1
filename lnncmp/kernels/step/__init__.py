"""One step of a network at a time, for streaming: a short program of operations on prepared numbers."""
