"""What a comparison shows by default: one ranked table that fits 80 columns, what it means, and where the rest lies."""

from collections.abc import Sequence

from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.convergence_notes import UNCONVERGED
from lnncmp.comparison.differences import differences_on, differs
from lnncmp.comparison.table import ComparisonTable, ModelDifference
from lnncmp.report.answers.comparison import answers
from lnncmp.report.answers.ranking import Place, ranking, unconverged
from lnncmp.report.answers.study import study_answers
from lnncmp.report.tables.claims import verdict_lists
from lnncmp.report.tables.document import MARK, Column, Grid, Section
from lnncmp.report.tables.numbers import UNKNOWN, change, interval, seconds, significant, size

_DIGITS = 3
_MOST = 14
"""Rows of the table: more would push the sentences off the screen."""
_BEATS = "untrained, beats all"


def brief_section(table: ComparisonTable, rest: Sequence[str] = ()) -> Section:
    """Return the ranked table, the legend of its marks, the sentences, and where the rest lies (`rest`)."""
    places = ranking(table)
    shown = _shown(table, places)
    left_out = len(places) - len(shown)
    more = [f"{left_out} more rows, of higher errors, with --details."] if left_out else []
    return Section(
        title=table.title,
        grids=[_grid(table, shown)],
        notes={
            "Marks": [*_legend(table, shown), *_lost(table)],
            "What it says": answers(table),
            "The rest": [*more, *rest],
        },
    )


def study_section(made: Sequence[ComparisonTable], claims: ClaimsTable, rest: Sequence[str]) -> Section:
    """Return what several comparisons say together: the answers, the verdicts, and where the rest lies.

    made: the first of each case has a table of its own elsewhere; of the others the first sentence is given.
    """
    cases = [table.case for table in made]
    others = [table for number, table in enumerate(made) if table.case in cases[:number]]
    also = [
        f"{table.heading}: {said[0].rstrip('.').partition(';')[0]}." for table in others if (said := answers(table))
    ]
    return Section(
        title="The study",
        notes={
            "Also": also,
            "What the study says": study_answers(claims, made),
            "Verdicts": verdict_lists(claims),
            "The rest": rest,
        },
    )


def _shown(table: ComparisonTable, places: Sequence[Place]) -> list[Place]:
    """Return the best rows, and the reference and the best baseline wherever they stand."""
    baselines = [place.name for place in places if place.trained is None]
    always = (table.reference, *baselines[:1])
    return [place for number, place in enumerate(places) if number < _MOST or place.name in always]


def _grid(table: ComparisonTable, places: Sequence[Place]) -> Grid:
    against = differences_on(table.comparisons, table.main)
    kind = next((one.kind for one in against.values()), "ratio")
    rows = [place.trained for place in places]
    error = f"test\n{' '.join(table.error.heading.split())}"
    names = [place.name for place in places]
    return Grid(
        title=table.title,
        corner="",
        labels=tuple(f"{UNKNOWN if place.rank is None else place.rank:>2} {place.name}" for place in places),
        columns=(
            Column(error, tuple(map(_error, places))),
            Column(f"{kind} to {table.reference}\n[95%]", tuple(_against(table, place, against) for place in places)),
            Column("active\nparameters", tuple("" if row is None else f"{row.params.active:,}" for row in rows)),
            Column("time per\nepoch", tuple("" if row is None else seconds(row.epoch_seconds) for row in rows)),
            Column("peak\nmemory", tuple("" if row is None else size(row.peak_memory_bytes) for row in rows)),
        ),
        sections=(len(places),),
        best=names.index(table.best) if table.best in names else None,
        best_heading=error,
    )


def _error(place: Place) -> str:
    mark = UNCONVERGED if place.trained is not None and unconverged(place.trained) else ""
    return f"{significant(place.error)} {mark}".strip()


def _against(table: ComparisonTable, place: Place, against: dict[str, ModelDifference]) -> str:
    if place.trained is None:
        return _BEATS if place.beats_all else "untrained"
    found = against.get(place.name)
    if found is None:
        return "reference" if place.name == table.reference else UNKNOWN
    shown = f"{change(found.change, found.kind)} {interval(found.ci95, _DIGITS)}".strip()
    return shown + MARK if differs(found) else shown


def _lost(table: ComparisonTable) -> list[str]:
    """Return for each network how many of its runs were lost, and that they are excluded from means."""
    found = []
    for row in table.rows:
        words = {"diverged": row.n_diverged, "failed": row.n_failed, "stopped before the end": row.n_stopped}
        lost = ", ".join(f"{count} {word}" for word, count in words.items() if count)
        runs = row.n_ok + sum(words.values())
        if lost:
            found.append(f"{row.model}: {lost} of {runs} runs; counted, but excluded from means and tests.")
    return found


def _legend(table: ComparisonTable, places: Sequence[Place]) -> list[str]:
    against = differences_on(table.comparisons, table.main)
    words = []
    if any(differs(against.get(place.name)) for place in places):
        words.append(f"{MARK.strip()} differs significantly from {table.reference} (Holm-corrected)")
    if any(place.trained is not None and unconverged(place.trained) for place in places):
        words.append(f"{UNCONVERGED} not converged")
    return ["; ".join(words) + "."] if words else []
