"""`lnncmp bench`: time and memory of the models here beside those of ncps.torch and torch.nn, on this machine."""
