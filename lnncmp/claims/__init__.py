"""Claims as data, and what stored records say of each. Reads records only."""
