"""Verdicts on claims as a document."""

import math
from itertools import groupby

from lnncmp.claims.schema import ClaimsTable, Verdict
from lnncmp.report.tables.document import Document, Grid, Row, Section, columns, ends
from lnncmp.report.tables.numbers import UNKNOWN, significant

_DIGITS = 3
_TITLE = "Claims, judged on these records (effect: in the claim's favour above x 1)"


def document_of_claims(table: ClaimsTable) -> Document:
    """Return the table, the sentence behind each verdict, and the notes; as rows all verdicts, also the other ones."""
    sentences = [f"{row.id}: {row.claim} ({row.where}). {row.verdict.capitalize()}: {row.reason}" for row in table.rows]
    section = Section(_TITLE, [_grid(table)], notes={"Verdicts": sentences, "Notes": table.notes})
    return Document([section], [row_of(one) for row in table.rows for one in (row, *row.also)], table)


def _grid(table: ClaimsTable) -> Grid:
    """Return a row for each claim, and under it one for each other matching or data that gives another verdict."""
    pairs = [
        pair for row in table.rows for pair in [(row, row.id), *((other, _other(other)) for other in changed(row))]
    ]
    rows = [row for row, _ in pairs]
    return Grid(
        title=_TITLE,
        corner="claim",
        labels=tuple(label for _, label in pairs),
        columns=columns(
            {
                "verdict": [_verdict(row) for row in rows],
                "effect\n[95%]": [effect_cell(row) for row in rows],
                "p\n(Holm)": [_p(row) for row in rows],
                "seeds": [str(row.n_seeds) for row in rows],
                "matched,\ndata": [_basis(row) for row in rows],
            }
        ),
        sections=tuple(len(list(group)) for _, group in groupby(row.case for row in rows)),
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


def row_of(row: Verdict) -> Row:
    """Return a verdict as one line, its lists as texts."""
    plain = row.model_dump(exclude={"ci95", "ci95_bca", "runs", "also", "iqm", "run_ids"})
    values = {name: "; ".join(map(str, value)) if isinstance(value, list) else value for name, value in plain.items()}
    return {**values, **ends("ci95", row.ci95)}
