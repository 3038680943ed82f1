"""Comparisons as one JSON document: numbers as numbers, unknown or infinite values as null."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.table import TABLE_SCHEMA_VERSION, ComparisonTable


class Comparisons(BaseModel):
    """The frame around several comparisons; `claims` are the verdicts on their records, where they were asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")

    schema_version: int = TABLE_SCHEMA_VERSION
    comparisons: list[ComparisonTable]
    claims: ClaimsTable | None = None


def render(comparison: ComparisonTable) -> str:
    """Return the JSON document (indented by two spaces, UTF-8). Its keys are the fields of `ComparisonTable`."""
    return comparison.model_dump_json(indent=2) + "\n"


def render_all(comparisons: Sequence[ComparisonTable], claims: ClaimsTable | None = None) -> str:
    """Return one JSON document with the key "comparisons", also of a single one, and "claims" if there are verdicts."""
    frame = Comparisons(comparisons=list(comparisons), claims=claims)
    return frame.model_dump_json(indent=2, exclude=None if claims else {"claims"}) + "\n"
