"""From a recipe to stored records: plan, identity, record, store, execution."""
