"""Networks and untrained baselines of a comparison in one ranking by the main error."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.comparison.table import BaselineRow, ComparisonTable, ModelRow


@dataclass(frozen=True)
class Place:
    """One line of a ranking. rank: from 1, of networks and baselines together; None without an error.

    beats_all: a baseline whose error is below that of every network.
    """

    rank: int | None
    name: str
    error: float | None
    row: ModelRow | BaselineRow
    beats_all: bool = False

    @property
    def trained(self) -> ModelRow | None:
        """The network, None of a baseline."""
        return self.row if isinstance(self.row, ModelRow) else None


def ranking(table: ComparisonTable) -> list[Place]:
    """Return all networks and baselines, the lowest main error first, those without one last."""
    found: list[tuple[str, float | None, ModelRow | BaselineRow]] = [
        *((row.model, row.metrics[table.main].mean, row) for row in table.rows),
        *((row.name, row.metrics.get(table.main), row) for row in table.baselines),
    ]
    found.sort(key=lambda one: (one[1] is None, one[1] or 0.0))
    best = lowest([row.metrics[table.main].mean for row in table.rows])
    return [
        Place(
            None if error is None else number,
            name,
            error,
            row,
            isinstance(row, BaselineRow) and error is not None and best is not None and error < best,
        )
        for number, (name, error, row) in enumerate(found, 1)
    ]


def lowest(values: Sequence[float | None]) -> float | None:
    """Return the lowest known value, None if none is known."""
    return min((value for value in values if value is not None), default=None)


def unconverged(row: ModelRow) -> bool:
    """Tell whether some run of a model had not converged when its training ended."""
    return row.last_gain is not None and row.n_converged < row.n_ok
