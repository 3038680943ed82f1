"""What a report says of each comparison and of the machines, taken from the records as they are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lnncmp.claims.schema import ClaimsTable
from lnncmp.report.page.content import Assumption, Machine, ReportFigure, ReportStudy, RunLine
from lnncmp.report.page.words import MATCHED
from lnncmp.records.schema import RunRecord
from lnncmp.comparison.commands import commands, label_of, settings
from lnncmp.comparison.studies import Study, folder_name
from lnncmp.comparison.rows import error_of, outcome

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


_SHARED = ("match", "dt_as_input", "deterministic", "device", "threads", "data", "evaluate", "train")


def headings(studies: Sequence[Study]) -> list[str]:
    """Return a heading for each comparison; those that would share one say in which settings they differ."""
    short = [study.comparison.title.removesuffix(": one-step test error") for study in studies]
    shared = [_shared(study) for study in studies]
    made = []
    for own, title in zip(shared, short, strict=True):
        others = [other for other, name in zip(shared, short, strict=True) if name == title and other is not own]
        keys = [key for key in own if any(other.get(key) != own[key] for other in others)]
        words = [MATCHED.get(str(own[key]), "") if key == "match" else f"{key}={_words(own[key])}" for key in keys]
        known = [word for word in words if word] or ["another set of options"] * bool(others)
        made.append(", ".join([title, *known]))
    return made


def _shared(study: Study) -> dict[str, Any]:
    """Return the settings that all models of a comparison have in common."""
    flat = [settings({key: run.recipe.get(key) for key in _SHARED}) for group in study.runs.values() for run in group]
    return {key: value for key, value in flat[0].items() if all(one.get(key) == value for one in flat)}


def study_content(study: Study, heading: str, figures: Sequence[ReportFigure], tables: Sequence[str]) -> ReportStudy:
    """Return what the report shows of one comparison."""
    table = study.comparison
    lines = [_line(row, run) for row, group in study.runs.items() for run in group]
    return ReportStudy(
        anchor=folder_name(table, study.key).replace(".", "-"),
        heading=heading,
        comparison=table,
        figures=figures,
        runs=lines,
        missing=_missing(study),
        commands=commands(study.runs),
        assumptions=_assumptions(study),
        tables=tables,
    )


def _line(row: str, run: RunRecord) -> RunLine:
    status = outcome(run)
    return RunLine(
        model=row,
        seed=run.seeds.root,
        status=status,
        best_epoch=run.best_epoch,
        stopped_epoch=run.stopped_epoch,
        error=error_of(run.scores, "mse") if status == "ok" else None,
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
    labels = {label_of(group[0]) for group in study.runs.values()}
    absent = [label for label in study.recipe.models if label not in labels]
    wanted = set(study.recipe.seeds) - every
    preset = f"The preset {study.comparison.preset}"
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
    flat = [settings(run.recipe) for group in study.runs.values() for run in group]
    seeds = sorted({run.seeds.root for group in study.runs.values() for run in group})
    special: dict[str, Any] = {"seeds": ", ".join(map(str, seeds)), "hidden": _hidden(study)}
    made = []
    for key, why in study.recipe.assumptions.items():
        values = [special[key]] if key in special else [recipe[key] for recipe in flat if key in recipe]
        words = [words for value in values if (words := _words(value))]
        made.append(Assumption(key, ", ".join(dict.fromkeys(words)) or "-", why))
    return made


def _hidden(study: Study) -> str:
    """Return the hidden units of the models; those of each where they differ."""
    found = {}
    for row, group in study.runs.items():
        model = group[0].recipe.get("model")
        arguments = model.get("arguments") if isinstance(model, Mapping) else None
        if isinstance(arguments, Mapping) and "hidden" in arguments:
            found[row] = arguments["hidden"]
    if len(set(found.values())) == 1:
        return str(next(iter(found.values())))
    return ", ".join(f"{row} {hidden}" for row, hidden in found.items())


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_words, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def machines(studies: Sequence[Study]) -> list[Machine]:
    """Return the machines and versions that made the runs, those with most runs first."""
    runs = [run for study in studies for group in study.runs.values() for run in group]
    counts = Counter(tuple(_facts(run.provenance)) for run in runs)
    return [Machine(count, facts) for facts, count in counts.most_common()]


def _facts(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = [(words, str(provenance[key])) for key, words in _FACTS.items() if provenance.get(key) is not None]
    packages = provenance.get("packages")
    if isinstance(packages, Mapping):
        known += [(str(name), str(version)) for name, version in packages.items() if version is not None]
    return known or [("Machine", "not known")]


def protocol_differences(studies: Sequence[Study], claims: ClaimsTable) -> list[str]:
    """Return each difference of protocol once and what it concerns: claims, then published numbers."""
    concerned: dict[str, list[str]] = {}
    for claim in claims.rows:
        for item in claim.differences_of_protocol:
            concerned.setdefault(item, []).append(claim.id)
    found = [f"{item} ({', '.join(ids)})" for item, ids in concerned.items()]
    for study in studies:
        for row in study.comparison.rows:
            if row.published is not None:
                found += [f"{row.model} ({row.published.source}): {item}" for item in row.published.differences]
    return list(dict.fromkeys(found))
