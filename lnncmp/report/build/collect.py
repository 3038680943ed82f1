"""What a report says of each comparison and of the machines, taken from the records as they are."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lnncmp.cases.base import load_case, load_source
from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.commands import commands
from lnncmp.comparison.rows import error_of, outcome
from lnncmp.comparison.studies import Study, in_words
from lnncmp.errors import LnncmpError
from lnncmp.records.schema import Provenance, RunRecord
from lnncmp.report.answers.comparison import answers
from lnncmp.report.page.content import Assumption, Machine, ReportFigure, ReportStudy, RunLine

_FACTS = {
    "cpu": "Processor",
    "cores": "Cores of the machine",
    "threads": "Threads of each run",
    "jobs": "Runs at once",
    "device": "Device",
    "system": "System",
    "python": "Python",
    "lnncmp": "lnncmp",
}


def study_content(study: Study, figures: Sequence[ReportFigure], tables: Sequence[str]) -> ReportStudy:
    """Return what the report shows of one comparison."""
    table = study.table
    lines = [_line(row, run) for row, group in study.runs.items() for run in group]
    return ReportStudy(
        anchor=study.anchor,
        folder=study.folder,
        heading=table.heading,
        comparison=table,
        answers=answers(table),
        figures=figures,
        runs=lines,
        missing=_missing(study),
        commands=commands(study.runs),
        assumptions=_assumptions(study),
        tables=tables,
        data=_data(study),
    )


def _data(study: Study) -> str:
    """Return what the source of the data is; "" for a case or a source of a package that is not here."""
    try:
        return load_source(load_case(study.table.case), study.table.source).summary.rstrip(".")
    except LnncmpError:
        return ""


def _line(row: str, run: RunRecord) -> RunLine:
    status = outcome(run)
    return RunLine(
        model=row,
        seed=run.seeds.root,
        status=status,
        best_epoch=run.best_epoch,
        stopped_epoch=run.stopped_epoch,
        error=error_of(run.scores) if status == "ok" else None,
        reason=run.reason or "",
        run_id=run.run_id,
    )


def _missing(study: Study) -> list[str]:
    """Return which runs are not there: of seeds that other models have, and of what the preset asks for."""
    seeds = {row: {run.seeds.root for run in group} for row, group in study.runs.items()}
    every = set().union(*seeds.values())
    said = [f"{row} lacks {_seeds(every - own)} that other models have." for row, own in seeds.items() if every - own]
    if study.recipe is None:
        return said
    labels = {group[0].recipe.model.label for group in study.runs.values()}
    absent = [label for label in study.recipe.models if label not in labels]
    wanted = set(study.recipe.seeds) - every
    preset = f"The preset {study.table.preset}"
    if absent:
        said.append(f"{preset} also asks for {', '.join(absent)}; there are no runs of {_it(absent)} here.")
    if wanted:
        said.append(f"{preset} also asks for {_seeds(wanted)}.")
    return said


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _seeds(seeds: set[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, sorted(seeds)))}"


def _assumptions(study: Study) -> list[Assumption]:
    """Return what the recipe calls an assumption, with the value that these runs have."""
    if study.recipe is None:
        return []
    flat = [run.recipe.flat() for group in study.runs.values() for run in group]
    seeds = sorted({run.seeds.root for group in study.runs.values() for run in group})
    special: dict[str, Any] = {"seeds": ", ".join(map(str, seeds)), "hidden": _hidden(study)}
    made = []
    for key, why in study.recipe.assumptions.items():
        values = [special[key]] if key in special else [recipe[key] for recipe in flat if key in recipe]
        words = [words for value in values if (words := in_words(value))]
        made.append(Assumption(key, ", ".join(dict.fromkeys(words)) or "-", why))
    return made


def _hidden(study: Study) -> str:
    """Return the hidden units of the models; those of each where they differ."""
    found = {}
    for row, group in study.runs.items():
        if "hidden" in group[0].recipe.model.arguments:
            found[row] = group[0].recipe.model.arguments["hidden"]
    if len(set(found.values())) == 1:
        return str(next(iter(found.values())))
    return ", ".join(f"{row} {hidden}" for row, hidden in found.items())


def machines(studies: Sequence[Study]) -> list[Machine]:
    """Return the machines and versions that made the runs, those with most runs first."""
    runs = [run for study in studies for group in study.runs.values() for run in group]
    counts = Counter(tuple(_facts(run.provenance)) for run in runs)
    return [Machine(count, facts) for facts, count in counts.most_common()]


def _facts(provenance: Provenance) -> list[tuple[str, str]]:
    facts = provenance.model_dump(include=set(_FACTS))
    known = [(words, str(facts[key])) for key, words in _FACTS.items() if facts[key] is not None]
    known += [(name, version) for name, version in provenance.packages.items() if version is not None]
    return known or [("Machine", "not known")]


def protocol_differences(studies: Sequence[Study], claims: ClaimsTable) -> list[str]:
    """Return each difference of protocol once and what it concerns: claims, then published numbers."""
    concerned: dict[str, list[str]] = {}
    for claim in claims.rows:
        for item in claim.differences_of_protocol:
            concerned.setdefault(item, []).append(claim.id)
    found = [f"{item} ({', '.join(ids)})" for item, ids in concerned.items()]
    for study in studies:
        for row in study.table.rows:
            if row.published is not None:
                found += [f"{row.model} ({row.published.source}): {item}" for item in row.published.differences]
    return list(dict.fromkeys(found))
