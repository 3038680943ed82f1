"""What was lost on the way from raw tables to windows, step by step, so that nothing vanishes without a word."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class AttritionStep:
    """One step: what was done and why, and how many rows, recordings and groups are left after it.

    A count that does not apply is None. Counts only, never an identity or a value of a patient.
    """

    step: str
    reason: str
    rows: int | None = None
    recordings: int | None = None
    groups: int | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the step as a plain mapping."""
        return asdict(self)
