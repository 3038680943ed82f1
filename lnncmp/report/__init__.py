"""Format comparisons: console, JSON, Markdown, LaTeX, CSV. Formats only; every number is computed before."""

from lnncmp.report.tables.formats import FORMATS, render, render_all

__all__ = ["FORMATS", "render", "render_all"]
