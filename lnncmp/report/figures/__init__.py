"""Pictures of a comparison: layout only, every number is computed before. Needs matplotlib; imported when drawing."""
