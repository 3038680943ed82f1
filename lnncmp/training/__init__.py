"""Building, size matching and training of models, alone or stacked."""
