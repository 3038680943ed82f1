"""What a whole folder of records answers in at most five sentences: the claims by their subject, and baselines."""

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from lnncmp.baselines.words import baseline_words
from lnncmp.claims.schema import UNTESTABLE, ClaimsTable, Judgement, Verdict
from lnncmp.comparison.run_metrics import COUNTS, MEMORY, RETOLD, SHIFTED, TIMES, TRAINED
from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.answers.ranking import ranking
from lnncmp.stats import MIN_SEEDS

_SUBJECTS = (
    ("Parameters and energy", tuple(COUNTS)),
    ("Time and memory", (*TIMES, *MEMORY, *TRAINED)),
    ("Noise and shifted data", (*SHIFTED, *RETOLD)),
)
_ACCURACY, _NOT_SHOWN = "Accuracy", "not shown"
_MAINLY = {
    "supported": "mostly as claimed",
    "opposite": "mostly the opposite of what is claimed",
    "not shown": "mostly not shown",
}
_ORDER = (_ACCURACY, "Noise and shifted data", "Parameters and energy", "Time and memory")


def study_answers(claims: ClaimsTable, tables: Sequence[ComparisonTable]) -> list[str]:
    """Return at most five sentences: a count of verdicts for each subject of the claims, and what baselines say."""
    judged = [row for row in claims.rows if row.verdict != UNTESTABLE]
    found = [_counted(name, [row for row in judged if subject(row) == name]) for name in _ORDER]
    return [sentence for sentence in (*found, _baselines(tables)) if sentence]


def subject(row: Verdict) -> str:
    """Return what a claim is about: accuracy, noise and shifted data, parameters and energy, time and memory."""
    return next((name for name, measures in _SUBJECTS if row.measure in measures), _ACCURACY)


def verdict_counts(rows: Sequence[Verdict]) -> list[tuple[Judgement, int]]:
    """Return how often each verdict was given, in their usual order, without those never given."""
    counts = Counter(row.verdict for row in rows)
    return [(word, counts[word]) for word in get_args(Judgement) if counts[word]]


def _counted(name: str, rows: Sequence[Verdict]) -> str:
    """Return what most verdicts on these claims are, and how often each was given."""
    if not rows:
        return ""
    counts = verdict_counts(rows)
    most, often = max(counts, key=lambda one: one[1])
    if len(rows) == 1:
        return f"{name}: the one claim judged is {most}."
    few = sum(row.verdict == _NOT_SHOWN and 0 < row.n_seeds < MIN_SEEDS for row in rows)
    if often == len(rows):
        return f"{name}: all {often} claims judged are {most}{_for_few_seeds(few, often)}."
    mainly = _MAINLY.get(most, most) if 2 * often > len(rows) else "mixed"
    words = [f"{n} {word}{_for_few_seeds(few, n) if word == _NOT_SHOWN else ''}" for word, n in counts]
    return f"{name}: {mainly} ({len(rows)} claims judged: {', '.join(words)})."


def _for_few_seeds(few: int, shown: int) -> str:
    """Return how many of the claims that are not shown have too few seeds for a verdict."""
    which = "" if few == shown else f", {few} of these"
    return f"{which} for too few seeds (under {MIN_SEEDS})" if few else ""


def _baselines(tables: Sequence[ComparisonTable]) -> str:
    """Return where an untrained baseline has a lower error than every network."""
    beaten: dict[str, list[str]] = {}
    compared = {}
    for table in tables:
        places = ranking(table)
        if any(place.trained is None and place.error is not None for place in places):
            where = f"{table.case} ({', '.join(filter(None, [table.source, table.conditions]))})"
            compared[where] = True
            for place in places[:1]:
                if place.beats_all:
                    beaten.setdefault(baseline_words(place.name), []).append(where)
    if not compared:
        return ""
    if not beaten:
        return "Baselines: on no data set does an untrained one beat every network."
    parts = [f"{words} on {', '.join(dict.fromkeys(places))}" for words, places in beaten.items()]
    return f"Baselines: every network is beaten by {'; by '.join(parts)}."
