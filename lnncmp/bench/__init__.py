"""`lnncmp bench`: time and memory of these models compared with ncps.torch and torch.nn, on this machine."""
