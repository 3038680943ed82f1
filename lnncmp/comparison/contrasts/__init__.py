"""Two sets of records of the same models, made by two machines, versions or recipes: which differences are real.

Paired by seed, because the two runs of a pair share model, seed and data. On equal data only: records whose data hashes
differ are neither pooled nor compared.
"""
