"""Comparisons as text, as commands print them."""

from lnncmp.report.tables.comparison import document_of_comparison, document_of_comparisons
from lnncmp.report.tables.render import render as rendered


def render(comparison, format, width=100, color=False):
    return rendered(document_of_comparison(comparison), format, width, color)


def render_all(comparisons, format, width=100):
    return rendered(document_of_comparisons(comparisons), format, width)
