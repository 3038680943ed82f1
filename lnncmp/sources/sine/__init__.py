"""Damped sine waves in closed form."""
