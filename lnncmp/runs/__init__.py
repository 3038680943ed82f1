"""From a recipe to stored records: plans, run identities, worker processes, execution."""
