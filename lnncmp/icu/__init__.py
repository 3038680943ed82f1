"""Intensive care: the variables of a patient's state, and what was lost on the way from tables to windows."""
