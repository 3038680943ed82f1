"""Contrasts of two sets of records as tables, Markdown, LaTeX, CSV and JSON. Formats only."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from lnncmp.comparison.contrasts.schema import CONTRASTS_SCHEMA_VERSION, Contrast, Contrasts
from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.tables import console, formats, latex, markdown
from lnncmp.report.tables.grid import Column, Grid
from lnncmp.report.tables.numbers import UNKNOWN, interval, signed, significant

_DIGITS = 4
_FINDINGS: Mapping[str, str] = {
    "no difference shown": "no difference\nshown",
    "too few seeds (n < 6)": "too few seeds\n(n < 6)",
}


class Compared(BaseModel):
    """All that `lnncmp compare` has to say: tables of models, and contrasts of sets of records on equal data."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")

    schema_version: int = CONTRASTS_SCHEMA_VERSION
    comparisons: list[ComparisonTable]
    contrasts: list[Contrasts]


def contrast_grids(found: Contrasts) -> list[Grid]:
    """Return one table for each data set: measures and models (rows) against both means, change, p and finding."""
    groups: dict[tuple[str, ...], list[Contrast]] = {}
    for row in found.rows:
        groups.setdefault((row.case, row.data, row.conditions, row.matched), []).append(row)
    return [_grid(", ".join(filter(None, key)), rows, found.names) for key, rows in groups.items()]


def _grid(where: str, rows: Sequence[Contrast], names: tuple[str, str]) -> Grid:
    columns = {
        "left": [significant(row.left, _DIGITS) for row in rows],
        "right": [significant(row.right, _DIGITS) for row in rows],
        "change\n[95%]": [_change(row) for row in rows],
        "p\n(Holm)": [UNKNOWN if row.p_holm is None else significant(row.p_holm, 2) for row in rows],
        "pairs": [_pairs(row) for row in rows],
        "right is": [_FINDINGS.get(row.finding, row.finding) for row in rows],
    }
    measures = [row.measure for row in rows]
    return Grid(
        title=f"{where}: left {names[0]}, right {names[1]}",
        corner="measure, model",
        labels=tuple(f"{_heading(row)}, {row.model}" for row in rows),
        columns=tuple(Column(heading, tuple(cells)) for heading, cells in columns.items()),
        sections=tuple(measures.count(measure) for measure in dict.fromkeys(measures)),
    )


def _heading(row: Contrast) -> str:
    return f"{row.measure} [{row.unit}]" if row.unit else row.measure


def _change(row: Contrast) -> str:
    if row.change is None or row.finding == "equal":
        return UNKNOWN
    shown = f"x {significant(row.change, _DIGITS)}" if row.kind == "ratio" else signed(row.change)
    return "\n".join(filter(None, [shown, interval(row.ci95, _DIGITS)]))


def _pairs(row: Contrast) -> str:
    lost = [f"{count} lost {side}" for count, side in zip(row.lost, ("left", "right"), strict=True) if count]
    return "\n".join([str(row.pairs), *lost])


def _as_table(found: Compared, width: int, color: bool) -> str:
    parts = [formats.render_all(found.comparisons, "table", width, color)] if found.comparisons else []
    for one in found.contrasts:
        lists = {"Notes": one.notes} if one.notes else {}
        parts.append(console.render_grids(contrast_grids(one), lists, width, color))
    return "\n".join(parts)


def _as_markdown(found: Compared, width: int, color: bool) -> str:
    blocks = [formats.render_all(found.comparisons, "md").rstrip()] if found.comparisons else []
    for one in found.contrasts:
        for grid in contrast_grids(one):
            blocks += [f"### {markdown.escaped(grid.title)}", markdown.table(grid)]
        if one.notes:
            blocks.append("\n".join(f"- {markdown.escaped(note)}" for note in one.notes))
    return "\n\n".join(blocks) + "\n"


def _as_latex(found: Compared, width: int, color: bool) -> str:
    blocks = [formats.render_all(found.comparisons, "latex").rstrip()] if found.comparisons else []
    if not blocks:
        blocks.append("% needs \\usepackage{booktabs}")
    for one in found.contrasts:
        blocks += [latex.table(grid) for grid in contrast_grids(one)]
        if one.notes:
            blocks.append(latex.sentences(one.notes))
    return "\n\n".join(blocks) + "\n"


def _as_csv(found: Compared, width: int, color: bool) -> str:
    """Return the tables of models if there are any, else one line a contrast; full precision."""
    if found.comparisons:
        return formats.render_all(found.comparisons, "csv")
    stream = io.StringIO()
    rows = [_flat(row) for one in found.contrasts for row in one.rows]
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _flat(row: Contrast) -> dict[str, object]:
    low, high = row.ci95 or (None, None)
    plain = row.model_dump(exclude={"ci95", "lost"})
    plain |= {"ci95_low": low, "ci95_high": high, "lost_left": row.lost[0], "lost_right": row.lost[1]}
    return {name: "" if value is None else value for name, value in plain.items()}


COMPARED_FORMATS: Mapping[str, Callable[[Compared, int, bool], str]] = {
    "table": _as_table,
    "json": lambda found, width, color: found.model_dump_json(indent=2) + "\n",
    "md": _as_markdown,
    "csv": _as_csv,
    "latex": _as_latex,
}
"""The formats by name, as those of comparisons."""
