"""A network as one self-contained file of C99: for microcontrollers, without allocation, needing only expf."""
