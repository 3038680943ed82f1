"""Runs on other machines: what is sent there, what comes back, and who writes it down. Knows no cluster software."""
