"""Reports: tables, figures and pages of numbers that were computed before."""
