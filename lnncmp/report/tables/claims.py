"""Verdicts on claims as a document."""

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from string import ascii_lowercase

from lnncmp.claims.schema import UNTESTABLE, ClaimsTable, Verdict
from lnncmp.report.answers.study import verdict_counts
from lnncmp.report.tables.document import Document, Grid, Row, Section, columns, ends
from lnncmp.report.tables.numbers import UNKNOWN, significant

_DIGITS = 3
_WIDTH = 12
_BASES = "Basis"
_NOTHING = ("not shown", UNTESTABLE)
"""Verdicts that say nothing of a claim."""
_NAMED = 6
"""How many claims a list names one by one."""
_TITLE = "Claims, judged on these records (effect: in the claim's favour above x 1)"


def document_of_claims(table: ClaimsTable) -> Document:
    """Return the table, the sentence behind each verdict, and the notes; as rows all verdicts, also the other ones."""
    sentences = [f"{row.id}: {row.claim} ({row.where}). {capitalised(row.words)}: {row.reason}" for row in table.rows]
    bases = [f"{_mark(number)}: {text}" for number, text in enumerate(_bases(_shown(table)))]
    section = Section(_TITLE, [_grid(table)], notes={_BASES: bases, "Verdicts": sentences, "Notes": table.notes})
    return Document([section], [row_of(one) for row in table.rows for one in (row, *row.also)], table)


def brief_of_claims(table: ClaimsTable) -> Document:
    """Return the claims that these records judge, how often each verdict was given, and why the others are not tested.

    Rows and content are those of `document_of_claims`.
    """
    whole = document_of_claims(table)
    judged = [row for row in table.rows if row.verdict != UNTESTABLE or row.found is not None]
    counts = ", ".join(f"{count} {word}" for word, count in verdict_counts(table.rows)) or "none"
    waiting = Counter(row.obstacle for row in table.rows if row.verdict == UNTESTABLE)
    why = [f"Not testable here: {', '.join(f'{count} {word}' for word, count in waiting.items())}."] if waiting else []
    own = table.model_copy(update={"rows": judged})
    bases = [f"{_mark(number)}: {text}" for number, text in enumerate(_bases(_shown(own)))]
    rest = ["All claims, and the sentence behind each verdict: lnncmp claims --details; one: lnncmp claims show ID."]
    notes = {
        _BASES: bases,
        "Verdicts": [f"{len(table.rows)} claims: {counts}.", *why],
        "Notes": table.notes,
        "The rest": rest,
    }
    return Document([Section(_TITLE, [_grid(own)] if judged else [], notes=notes)], whole.rows, whole.content)


def verdict_lists(table: ClaimsTable) -> list[str]:
    """Return for each verdict that was given how often, and of which claims if it says something of them."""
    found = []
    for word, count in verdict_counts(table.rows):
        ids = [row.id for row in table.rows if row.verdict == word]
        said = ids[:_NAMED] + [f"{len(ids) - _NAMED} more"] * (len(ids) > _NAMED)
        found.append(f"{word}: {count}" if word in _NOTHING else f"{word}: {count} ({', '.join(said)})")
    return found


def _grid(table: ClaimsTable) -> Grid:
    """Return a row for each claim, and under it one for each other setting that gives another verdict.

    A column of its own is one more entry of the columns: heading -> one cell per verdict.
    """
    rows = _shown(table)
    first = {id(row) for row in table.rows}
    bases = _bases(rows)
    return Grid(
        title=_TITLE,
        corner="claim",
        labels=tuple(row.id if id(row) in first else _other(row) for row in rows),
        columns=columns(
            {
                "verdict": [_verdict(row) for row in rows],
                "effect\n[95%]": [effect_cell(row) for row in rows],
                **_readings(rows),
                "p\n(Holm)": [_p(row) for row in rows],
                "seeds,\nconverged": [_seeds(row) for row in rows],
                "basis": [_mark(bases.index(_basis(row))) if row.data != "-" else UNKNOWN for row in rows],
            }
        ),
        sections=tuple(len(list(group)) for _, group in groupby(row.case for row in rows)),
    )


def _readings(rows: Sequence[Verdict]) -> dict[str, list[str]]:
    """Return the column of readings in which claims hold; nothing without a multiverse."""
    if not any(row.readings for row in rows):
        return {}
    return {"holds in\nreadings": [row.readings or UNKNOWN for row in rows]}


def changed(row: Verdict) -> list[Verdict]:
    """Return where the same claim gets another verdict, and those on data that do not count."""
    return [
        other
        for other in row.also
        if other.found is not None and (other.found, other.obstacle) != (row.found, row.obstacle)
    ]


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


def capitalised(words: str) -> str:
    """Return the words with a capital first letter, the rest as it is."""
    return words[:1].upper() + words[1:]


def _verdict(row: Verdict) -> str:
    """Return the verdict; of too few seeds how many point the claim's way, of data that do not count what they say."""
    lines = ["not testable", row.obstacle] if row.obstacle else textwrap.wrap(row.words, _WIDTH)
    if row.obstacle and row.found is not None:
        lines += [f"({line}" if n == 0 else line for n, line in enumerate(textwrap.wrap(f"{row.found} there)", _WIDTH))]
    if row.verdict == "not shown" and row.in_favour is not None:
        lines.append(f"{row.in_favour}/{row.n_seeds} for it")
    return "\n".join(lines)


def _seeds(row: Verdict) -> str:
    """Return the number of seeds, and how many runs of the left and of the right model had converged if not all."""
    ended = [f"{one.converged}/{one.runs}" for one in row.convergence]
    if ended and not row.unconverged:
        ended = ["all"]
    return "\n".join([str(row.n_seeds or UNKNOWN), *ended])


def _p(row: Verdict) -> str:
    if row.p_holm is None:
        return UNKNOWN
    return "< 0.001" if row.p_holm < 0.001 else f"{row.p_holm:.2g}"


def _shown(table: ClaimsTable) -> list[Verdict]:
    """Return each verdict, and after it those of the same claim that other settings give."""
    return [one for row in table.rows for one in (row, *changed(row))]


def _bases(rows: Sequence[Verdict]) -> list[str]:
    """Return what verdicts rest on, each once, in the order of the rows."""
    return list(dict.fromkeys(_basis(row) for row in rows if row.data != "-"))


def _basis(row: Verdict) -> str:
    """Return how sizes were matched, on which data, with which budget."""
    return f"{row.case}, {row.data.rpartition(' ')[0]} data, matched by {row.matched}, {row.budget}"


def _mark(number: int) -> str:
    """Return what stands for a basis: a, b, ..., and numbers from 27 on."""
    return ascii_lowercase[number] if number < len(ascii_lowercase) else str(number + 1)


def _other(row: Verdict) -> str:
    return f"  other {', '.join(row.differs_in)}" if row.differs_in else "  other runs"


def row_of(row: Verdict) -> Row:
    """Return a verdict as one line, its lists as texts."""
    plain = row.model_dump(exclude={"ci95", "ci95_bca", "runs", "also", "iqm", "run_ids", "convergence"})
    values = {name: "; ".join(map(str, value)) if isinstance(value, list) else value for name, value in plain.items()}
    converged = {
        f"{side}_converged": f"{one.converged} of {one.runs}"
        for side, one in zip(("left", "right"), row.convergence, strict=False)
    }
    return {**values, **dict.fromkeys(("left_converged", "right_converged")), **converged, **ends("ci95", row.ci95)}
