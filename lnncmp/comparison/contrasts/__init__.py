"""Two sets of records of the same models, made by two machines, versions or recipes: which differences are real.

Paired by seed, on equal data only: records whose data hashes differ are neither pooled nor compared.
"""
