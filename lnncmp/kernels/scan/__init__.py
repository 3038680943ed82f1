"""Fused recurrences of elementwise factors, h' = a h + b, real and complex."""
