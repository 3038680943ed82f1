"""The comparison as one JSON document: numbers as numbers, unknown or infinite values as null."""

from lnncmp.table import Comparison


def render(comparison: Comparison) -> str:
    """Return the JSON document (indented by two spaces, UTF-8). Its keys are the fields of `Comparison`."""
    return comparison.model_dump_json(indent=2) + "\n"
