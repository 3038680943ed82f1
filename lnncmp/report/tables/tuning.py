"""A search for settings as a document: one row for each model, then what each got."""

from typing import TYPE_CHECKING

from lnncmp.report.tables.document import Column, Document, Grid, Row, Section
from lnncmp.report.tables.numbers import significant

if TYPE_CHECKING:
    from lnncmp.tuning.table import TunedRow, TuningTable


def document_of_tuning(table: "TuningTable") -> Document:
    """Return the validation losses before and after, the best settings, how trials ended, and the notes."""
    section = Section(title=table.title, grids=[_grid(table)], notes={"Notes": table.notes})
    return Document([section], [_plain(table, row) for row in table.rows], table)


def _grid(table: "TuningTable") -> Grid:
    rows = table.rows
    losses = [(row.default.loss, row.best.loss if row.best else None) for row in rows]
    columns = (
        Column("loss\nuntuned", tuple(significant(loss) for loss, _ in losses), tuple(a for a, _ in losses)),
        Column("loss\ntuned", tuple(significant(loss) for _, loss in losses), tuple(b for _, b in losses)),
        Column("ratio", tuple(significant(row.ratio, 3) for row in rows), tuple(row.ratio for row in rows)),
        Column("learning\nrate", tuple(_best(row, "learning_rate") for row in rows)),
        Column("rate\nleft", tuple(_best(row, "rate_left") for row in rows)),
        Column("argument", tuple(_best(row, "argument") for row in rows)),
        Column("trials\nok/div.", tuple(_trials(row) for row in rows)),
        Column("minutes", tuple(significant(row.minutes, 2) for row in rows), tuple(row.minutes for row in rows)),
    )
    return Grid(table.title, "model", tuple(row.model for row in rows), columns, (len(rows),))


def _best(row: "TunedRow", name: str) -> str:
    """Return one of the best settings, and below it whether it lies at an edge of its range."""
    if row.best is None:
        return "-"
    if name == "argument":
        shown, name = f"{row.argument}\n{row.best.argument}", row.argument
    else:
        shown = significant({"learning_rate": row.best.learning_rate, "rate_left": row.best.rate_left}[name], 3)
    return shown + ("\n(edge)" if any(edge.split(" ")[0] == name for edge in row.edges) else "")


def _trials(row: "TunedRow") -> str:
    ok = len(row.trials) - row.n_diverged - row.n_failed
    return f"{ok}/{row.n_diverged}" + (f"\n{row.n_failed} failed" if row.n_failed else "")


def _plain(table: "TuningTable", row: "TunedRow") -> Row:
    best = row.best
    return {
        "case": table.case,
        "source": table.source,
        "preset": table.preset,
        "model": row.model,
        "default_loss": row.default.loss,
        "tuned_loss": best.loss if best else None,
        "learning_rate": best.learning_rate if best else None,
        "rate_left": best.rate_left if best else None,
        "argument": row.argument,
        "argument_value": best.argument if best else None,
        "edges": "; ".join(row.edges),
        "trials": len(row.trials),
        "n_diverged": row.n_diverged,
        "n_failed": row.n_failed,
        "minutes": row.minutes,
    }
