"""What a report says first: its answer in a few sentences, what that rests on, and the claims that it is about."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lnncmp.cases.base import case_names
from lnncmp.claims.schema import ClaimsTable
from lnncmp.common.code_version import short
from lnncmp.comparison.studies import Study
from lnncmp.report.answers.comparison import answers
from lnncmp.report.answers.study import study_answers
from lnncmp.report.page.content import Machine
from lnncmp.stats import MIN_SEEDS

_AT_MOST = 5
"""Sentences of an answer."""
_NAMED = 3


def claims_here(table: ClaimsTable, studies: Sequence[Study]) -> tuple[ClaimsTable, str]:
    """Return the claims without those about cases of which there is no record, and a sentence on those."""
    absent = set(case_names()) - {study.table.case for study in studies}
    without = [row for row in table.rows if row.case in absent and row.obstacle and row.found is None]
    if not without:
        return table, ""
    kept = [row for row in table.rows if row not in without]
    cases = ", ".join(dict.fromkeys(row.case for row in without))
    said = f"{len(without)} claim{'' if len(without) == 1 else 's'} about other cases ({cases}): no records here."
    return table.model_copy(update={"rows": kept, "notes": table.notes if kept else []}), said


def first_answers(claims: ClaimsTable, studies: Sequence[Study]) -> list[str]:
    """Return at most five sentences: the claims by subject and the baselines; without claims what the tables say."""
    tables = [study.table for study in studies]
    if claims.rows:
        return study_answers(claims, tables)
    if len(tables) == 1:
        return answers(tables[0])
    firsts = [(table.heading, said[0]) for table in tables if (said := answers(table))]
    return [f"{heading}: {sentence}" for heading, sentence in firsts][:_AT_MOST]


def facts(out: Path, studies: Sequence[Study], machines: Sequence[Machine], version: str) -> list[tuple[str, str]]:
    """Return what the numbers rest on, as (name, value): seeds, data, newest record, machine, versions."""
    runs = [run for study in studies for group in study.runs.values() for run in group]
    counts = [len({run.seeds.root for run in group}) for study in studies for group in study.runs.values()]
    made_by = sorted({run.provenance.lnncmp for run in runs if run.provenance.lnncmp})
    code = [version for version, _ in Counter(run.provenance.code for run in runs if run.provenance.code).most_common()]
    found = [
        ("Runs", f"{len(runs):,} in {len(studies)} comparison{'' if len(studies) == 1 else 's'}"),
        ("Seeds", _seeds(min(counts), max(counts))),
        ("Data", _some(_data(studies))),
        ("Newest record", _newest(out)),
        ("Machine", _some([_machine(one) for one in machines])),
        ("Code", _some([short(version) for version in code])),
        ("lnncmp", f"page {version}" + (f", runs {', '.join(made_by)}" if made_by else "")),
    ]
    return [(name, value) for name, value in found if value]


def _seeds(least: int, most: int) -> str:
    few = f" (a verdict on errors needs {MIN_SEEDS})" if most < MIN_SEEDS else ""
    return (f"{least}" if least == most else f"{least} to {most}") + few


def _data(studies: Sequence[Study]) -> list[str]:
    """Return case and source of all data, with the hash of one data set, or the number of several."""
    hashes: dict[str, list[str]] = {}
    for study in studies:
        hashes.setdefault(f"{study.table.case} {study.table.source}", []).append(study.table.data_hash[:8])
    sets = {name: list(dict.fromkeys(own)) for name, own in hashes.items()}
    return [f"{name} ({own[0] if len(own) == 1 else f'{len(own)} data sets'})" for name, own in sets.items()]


def _machine(machine: Machine) -> str:
    known = dict(machine.facts)
    cores = known.get("Cores of the machine")
    return ", ".join(filter(None, [known.get("Processor"), cores and f"{cores} cores", known.get("System")]))


def _newest(out: Path) -> str:
    """Return the day on which the newest record was written; records themselves hold no date."""
    times = [path.stat().st_mtime for path in (out / "records").glob("*.json")]
    return datetime.fromtimestamp(max(times), UTC).strftime("%Y-%m-%d") if times else ""


def _some(texts: Sequence[str]) -> str:
    """Return different texts one by one, of many the first and how many more."""
    own = list(dict.fromkeys(filter(None, texts)))
    more = f" and {len(own) - _NAMED} more" if len(own) > _NAMED else ""
    return ", ".join(own[:_NAMED]) + more
