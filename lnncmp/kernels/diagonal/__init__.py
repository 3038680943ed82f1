"""Fused diagonal state-space models: S4D, and the recurrence of Liquid-S4 on it."""
