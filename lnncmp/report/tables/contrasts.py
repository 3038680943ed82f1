"""Differences between two sets of records as a document."""

from collections.abc import Mapping, Sequence

from lnncmp.comparison.contrasts.schema import CONTRASTS_SCHEMA_VERSION, Contrast, Contrasts
from lnncmp.report.tables.brief import brief_section
from lnncmp.report.tables.comparison import Comparisons, section_of_comparison
from lnncmp.report.tables.comparison_rows import rows_of
from lnncmp.report.tables.document import Document, Grid, Row, Section, columns, ends
from lnncmp.report.tables.numbers import UNKNOWN, change, interval, significant

_DIGITS = 4
_FINDINGS: Mapping[str, str] = {
    "no difference shown": "no difference\nshown",
    "too few seeds (n < 6)": "too few seeds\n(n < 6)",
}


class Compared(Comparisons):
    """The result of `lnncmp compare`: tables of models, and contrasts of sets of records on equal data."""

    schema_version: int = CONTRASTS_SCHEMA_VERSION
    contrasts: list[Contrasts]


def document_of_compared(found: Compared) -> Document:
    """Return the tables of models, then the contrasts; as rows the models if there are any, else the contrasts."""
    models = [row for comparison in found.comparisons for row in rows_of(comparison)]
    return Document(
        [*map(section_of_comparison, found.comparisons), *(part for one in found.contrasts for part in _sections(one))],
        models or [_row(row) for one in found.contrasts for row in one.rows],
        found,
    )


def brief_of_compared(found: Compared, rest: Sequence[str]) -> Document:
    """Return a ranked table and sentences for each comparison, and no rows.

    rest: says where all tables and the contrasts are.
    """
    last = len(found.comparisons) - 1
    parts = [brief_section(one, rest if number == last else ()) for number, one in enumerate(found.comparisons)]
    return Document(parts, (), found)


def _sections(found: Contrasts) -> list[Section]:
    """Return a section for each data set and way of matching, and one of notes."""
    groups: dict[tuple[str, ...], list[Contrast]] = {}
    for row in found.rows:
        groups.setdefault((row.case, row.data, row.conditions, row.matched), []).append(row)
    grids = [_grid(", ".join(filter(None, key)), rows, found.names) for key, rows in groups.items()]
    parts = [Section(grid.title, [grid]) for grid in grids]
    return [*parts, Section(notes={"Notes": found.notes})] if found.notes else parts


def _grid(where: str, rows: Sequence[Contrast], names: tuple[str, str]) -> Grid:
    """Return metrics and models (rows) against both means, change, p and finding."""
    measures = [row.measure for row in rows]
    return Grid(
        title=f"{where}: left {names[0]}, right {names[1]}",
        corner="measure, model",
        labels=tuple(f"{_heading(row)}, {row.model}" for row in rows),
        columns=columns(
            {
                "left": [significant(row.left, _DIGITS) for row in rows],
                "right": [significant(row.right, _DIGITS) for row in rows],
                "change\n[95%]": [_change(row) for row in rows],
                "p\n(Holm)": [significant(row.p_holm, 2) for row in rows],
                "pairs": [_pairs(row) for row in rows],
                "right is": [_FINDINGS.get(row.finding, row.finding) for row in rows],
            }
        ),
        sections=tuple(measures.count(measure) for measure in dict.fromkeys(measures)),
    )


def _heading(row: Contrast) -> str:
    return f"{row.measure} [{row.unit}]" if row.unit else row.measure


def _change(row: Contrast) -> str:
    if row.change is None or row.finding == "equal":
        return UNKNOWN
    shown = change(row.change, row.kind, _DIGITS)
    return "\n".join(filter(None, [shown, interval(row.ci95, _DIGITS)]))


def _pairs(row: Contrast) -> str:
    lost = [f"{count} lost {side}" for count, side in zip(row.lost, ("left", "right"), strict=True) if count]
    return "\n".join([str(row.pairs), *lost])


def _row(row: Contrast) -> Row:
    lost = dict(zip(("lost_left", "lost_right"), row.lost, strict=True))
    return {**row.model_dump(exclude={"ci95", "lost"}), **ends("ci95", row.ci95), **lost}
