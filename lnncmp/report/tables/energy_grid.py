"""The table of operations and energy of a step."""

from collections.abc import Callable

from lnncmp.comparison.table import ComparisonTable
from lnncmp.records.operations import OperationCounts
from lnncmp.report.tables.document import Column, Grid
from lnncmp.report.tables.numbers import joules


def energy_grid(comparison: ComparisonTable) -> Grid | None:
    """Return operations of one step and what they cost by published figures; None where no run has them."""
    rows = [row for row in comparison.rows if row.operations is not None]
    if not rows:
        return None

    def column(heading: str, words: Callable[[float], str], value: Callable[[OperationCounts], float]) -> Column:
        values = [value(row.operations) for row in rows if row.operations is not None]
        return Column(heading, tuple(map(words, values)), tuple(values))

    return Grid(
        title="Operations and energy of one step (arithmetic alone, by published figures)",
        corner="model",
        labels=tuple(row.model for row in rows),
        columns=(
            column("multiply-\nadds", _count, lambda own: own.multiply_adds),
            column("exponen-\ntials", _count, lambda own: own.exponentials),
            column("other", _count, lambda own: own.multiplications + own.additions + own.divisions),
            column("32-bit floats,\n45 nm", joules, lambda own: own.energy),
            column("active\nsources", lambda share: f"{share:.0%}", lambda own: own.active_share),
            column("synaptic\nevents", _count, lambda own: own.events),
            column("on Loihi\n(uncertain)", joules, lambda own: own.event_energy),
            Column("measured,\na window", tuple(joules(row.joules_per_window) for row in rows)),
        ),
        sections=(len(rows),),
    )


def _count(value: float) -> str:
    return f"{value:,.0f}"
