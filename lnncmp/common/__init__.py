"""Ground floor: files, the cache folder, the registry of members, seeds, provenance."""
