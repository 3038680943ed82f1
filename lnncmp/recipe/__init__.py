"""Recipes: everything that can change a number, from file to typed object."""
