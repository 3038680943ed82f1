"""Building, matching and training models, alone or stacked."""
