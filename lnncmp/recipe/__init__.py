"""Recipes: all settings that can change a number, from TOML file to typed object."""
