"""The table of verdicts for a paper: LaTeX and CSV."""

import csv
import io

from lnncmp.claims.verdict import ClaimsTable, Verdict
from lnncmp.report import latex
from lnncmp.report.grid import Column, Grid
from lnncmp.report.numbers import UNKNOWN, interval, signed, significant
from lnncmp.report.words import MATCHED


def claims_grid(claims: ClaimsTable) -> Grid:
    """Return one row a claim: verdict, effect, p, seeds, how sizes were matched."""
    rows = claims.rows
    columns = (
        Column("case", tuple(row.case for row in rows)),
        Column("verdict", tuple(row.verdict for row in rows)),
        Column("effect [95%]", tuple(_effect(row) for row in rows)),
        Column("p", tuple(significant(row.p_holm, 2) for row in rows)),
        Column("seeds", tuple(str(row.n_seeds) if row.n_seeds else UNKNOWN for row in rows)),
        Column("matched", tuple(MATCHED.get(row.matched, UNKNOWN) for row in rows)),
    )
    title = "Verdicts on the claims (effects above zero speak for the claim; p after Holm)"
    return Grid(title, "claim", tuple(row.id for row in rows), columns, (len(rows),))


def claims_latex(claims: ClaimsTable) -> str:
    """Return the table of verdicts; needs the package booktabs."""
    return latex.render_grids([claims_grid(claims)])


def claims_csv(claims: ClaimsTable) -> str:
    """Return one line a claim and, after it, one for each further verdict on it, in full precision."""
    stream = io.StringIO()
    rows = [_line(verdict) for row in claims.rows for verdict in (row, *row.also)]
    writer = csv.DictWriter(stream, list(rows[0]) if rows else ["id"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _effect(row: Verdict) -> str:
    return " ".join(filter(None, [signed(row.effect), interval(row.ci95, 3)]))


def _line(row: Verdict) -> dict[str, object]:
    low, high = row.ci95 or (None, None)
    names = ("id", "claim", "where", "case", "measure", "unit", "direction", "conditions", "matched", "data", "verdict")
    return {
        **{name: getattr(row, name) for name in names},
        "models": " against ".join(row.models),
        "effect": row.effect,
        "effect_kind": row.effect_kind,
        "effect_low": low,
        "effect_high": high,
        "p": row.p,
        "p_holm": row.p_holm,
        "seeds": row.n_seeds,
        "seeds_needed": row.seeds_needed,
        "smallest_difference": row.smallest_difference,
        "probability_of_improvement": row.probability_of_improvement,
        "reason": row.reason,
    }
