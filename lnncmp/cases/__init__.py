"""The case studies: one file each, defining one `CASE`. Importing them needs neither torch nor a simulator."""

RESERVED = (
    *("bench", "claims", "compare", "data", "doctor", "export", "figures", "models", "multiverse"),
    *("plan", "predict", "recipes", "report", "reproduce-all", "runs", "tune"),
)
"""Names of commands, which no case can have."""
