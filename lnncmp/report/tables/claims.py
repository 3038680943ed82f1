"""Verdicts as tables: for a terminal, as Markdown, LaTeX, CSV and JSON. Formats only."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence

from lnncmp.claims.schema import ClaimsTable, Verdict
from lnncmp.report.tables import console, latex, markdown
from lnncmp.report.tables.grid import Column, Grid
from lnncmp.report.tables.numbers import UNKNOWN, significant

_DIGITS = 3
_TITLE = "Claims, judged on these records (effect: in the claim's favour above x 1)"


def render(table: ClaimsTable, width: int = 100, color: bool = False) -> str:
    """Return the table, the sentence behind each verdict, and the notes, at most `width` characters wide."""
    lists = {"Verdicts": [_told(row) for row in table.rows]}
    if table.notes:
        lists["Notes"] = table.notes
    return console.render_grids([claims_grid(table)], lists, width, color)


def claims_grid(table: ClaimsTable) -> Grid:
    """Return one row a claim, and under it one for each other matching or data that gives another verdict."""
    shown = [(row, "") for row in table.rows]
    rows = [pair for row, _ in shown for pair in [(row, row.id), *((other, _other(other)) for other in changed(row))]]
    columns = {
        "verdict": [_verdict(row) for row, _ in rows],
        "effect\n[95%]": [effect_cell(row) for row, _ in rows],
        "p\n(Holm)": [_p(row) for row, _ in rows],
        "seeds": [str(row.n_seeds) for row, _ in rows],
        "matched,\ndata": [_basis(row) for row, _ in rows],
    }
    return Grid(
        title=_TITLE,
        corner="claim",
        labels=tuple(label for _, label in rows),
        columns=tuple(Column(heading, tuple(cells)) for heading, cells in columns.items()),
        sections=_sections([row.case for row, _ in rows]),
    )


def changed(row: Verdict) -> list[Verdict]:
    """Return where the same claim gets another verdict."""
    return [other for other in row.also if other.verdict not in (row.verdict, "not testable here")]


def effect_cell(row: Verdict) -> str:
    """Return effect and interval: a ratio as "x1.15" (above 1 is in the claim's favour), a difference with its sign."""
    if row.effect is None:
        return UNKNOWN
    low_high = "" if row.ci95 is None else f"\n[{_number(row, row.ci95[0])}, {_number(row, row.ci95[1])}]"
    if row.effect_kind == "log ratio":
        return f"x {_number(row, row.effect)}{low_high}"
    return f"{'+' if row.effect >= 0 else ''}{_number(row, row.effect)}{low_high}"


def _number(row: Verdict, value: float) -> str:
    return significant(math.exp(value) if row.effect_kind == "log ratio" else value, _DIGITS)


def _verdict(row: Verdict) -> str:
    return "not testable\nhere" if row.verdict == "not testable here" else row.verdict


def _p(row: Verdict) -> str:
    if row.p_holm is None:
        return UNKNOWN
    return "< 0.001" if row.p_holm < 0.001 else f"{row.p_holm:.2g}"


def _basis(row: Verdict) -> str:
    if row.data == "-":
        return UNKNOWN
    source, _, data = row.data.rpartition(" ")
    return f"{row.matched}\n{source}\n{data}"


def _other(row: Verdict) -> str:
    return "  matched by " + row.matched if row.matched != "own" else "  own sizes"


def _sections(cases: Sequence[str]) -> tuple[int, ...]:
    """Return the lengths of the runs of equal cases."""
    lengths: list[int] = []
    for number, case in enumerate(cases):
        if number and case == cases[number - 1]:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return tuple(lengths)


def _told(row: Verdict) -> str:
    return f"{row.id}: {row.claim} ({row.where}). {row.verdict.capitalize()}: {row.reason}"


def _as_json(table: ClaimsTable) -> str:
    return table.model_dump_json(indent=2) + "\n"


def _as_markdown(table: ClaimsTable) -> str:
    grid = claims_grid(table)
    lists = [_told(row) for row in table.rows], table.notes
    blocks = [f"### {grid.title}", markdown.table(grid)]
    blocks += ["\n".join(f"- {markdown.escaped(text)}" for text in texts) for texts in lists if texts]
    return "\n\n".join(blocks) + "\n"


def _as_latex(table: ClaimsTable) -> str:
    texts = [*(_told(row) for row in table.rows), *table.notes]
    blocks = ["% needs \\usepackage{booktabs}", latex.table(claims_grid(table)), latex.sentences(texts)]
    return "\n\n".join(blocks) + "\n"


def _as_csv(table: ClaimsTable) -> str:
    """Return one line a verdict, those under other matchings or on other data after the first; full precision."""
    stream = io.StringIO()
    rows = [_flat(one) for row in table.rows for one in (row, *row.also)]
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _flat(row: Verdict) -> dict[str, object]:
    low, high = row.ci95 or (None, None)
    plain = row.model_dump(exclude={"ci95", "ci95_bca", "runs", "also", "iqm", "run_ids"})
    values = {name: "; ".join(map(str, value)) if isinstance(value, list) else value for name, value in plain.items()}
    values |= {"ci95_low": low, "ci95_high": high}
    return {name: "" if value is None else value for name, value in values.items()}


CLAIM_FORMATS: Mapping[str, Callable[[ClaimsTable, int, bool], str]] = {
    "table": render,
    "json": lambda table, width, color: _as_json(table),
    "md": lambda table, width, color: _as_markdown(table),
    "csv": lambda table, width, color: _as_csv(table),
    "latex": lambda table, width, color: _as_latex(table),
}
"""The formats by name, as those of comparisons."""
