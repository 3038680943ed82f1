"""The pictures that the records of one comparison allow: name, words, and how to draw each. Imports matplotlib."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from lnncmp.cases.base import case_of, load_case
from lnncmp.comparison.budget import budget_curves
from lnncmp.comparison.studies import Study, slug
from lnncmp.report.build.forecasts import course_of, postures_of, windows
from lnncmp.report.build.waves import wave_fits
from lnncmp.report.build.wirings import Drawn, drawn_wiring
from lnncmp.report.figures import (
    budget,
    course,
    fits,
    free_running,
    pareto,
    postures,
    ranked,
    robustness,
    style,
    training,
    wiring,
)


@dataclass(frozen=True)
class Picture:
    """One picture. kind: what it is about; name: of its files; subject: what it shows, for titles; alt: in words.

    draw: to be called under `style.fixed_style`. same: what it shows, so that a page needs only one of those that show
    the same; None where it is about its comparison.
    """

    kind: str
    name: str
    subject: str
    alt: str
    draw: Callable[[], Figure]
    same: Hashable = None


@dataclass(frozen=True)
class PictureSet:
    """What the pictures of one study are drawn from. looks: of the models; thin: of the baselines."""

    study: Study
    caption: style.Caption
    looks: Mapping[str, style.Look]
    thin: Mapping[str, style.Look]


def picture_set(study: Study, looks: Mapping[str, style.Look]) -> PictureSet:
    """Return what to draw of one study. looks: of every row, the same in all pictures of a report."""
    table = study.table
    origin = ", ".join(filter(None, [table.source, table.conditions]))
    seeds = len({run.seeds.root for run in study.group.runs})
    title = load_case(table.case).title
    caption = style.Caption(title, origin, table.preset, seeds, study.group.protocol_id[:8], _unit(study))
    return PictureSet(study, caption, looks, style.baseline_looks([row.name for row in table.baselines]))


def _unit(study: Study) -> str:
    """Return the unit of a mean squared error; other errors have none."""
    units = {target.unit for target in case_of(study.table.case, study.group.first.recipe.data).targets}
    if study.table.error.name != "mse" or units <= {"", "1"}:
        return ""
    unit = units.pop()
    return "mixed squared units" if units else f"({unit})²" if re.search(r"\W", unit) else f"{unit}²"


def pictures(drawn: PictureSet, baselines: Sequence[str] | None = None) -> Iterator[Picture]:
    """Yield the pictures that the records of one comparison allow, waves last.

    baselines: which are in the pictures of waves; None is all but `waves.NOT_IN_FITS`.
    """
    table, runs, caption = drawn.study.table, drawn.study.runs, drawn.caption
    looks, thin = drawn.looks, drawn.thin
    if ranked.drawable(table):
        draw = partial(ranked.draw, table, caption, thin)
        yield Picture("ranked", "ranked", ranked.SUBJECT, ranked.alt_text(table, caption), draw)
    if free_running.drawable(table):
        draw = partial(free_running.draw, table, caption, looks, thin)
        alt = free_running.alt_text(table, caption)
        yield Picture("free_running", "free_running", free_running.SUBJECT, alt, draw)
    if robustness.groups(table):
        draw = partial(robustness.draw, table, caption, looks, thin)
        yield Picture("robustness", "robustness", robustness.SUBJECT, robustness.alt_text(table, caption), draw)
    if pareto.costs(table):
        draw = partial(pareto.draw, table, caption, looks, thin)
        yield Picture("cost", "accuracy_cost", pareto.SUBJECT, pareto.alt_text(table, caption), draw)
    if training.drawable(runs):
        draw = partial(training.draw, table, runs, caption, looks)
        yield Picture("training", "training", training.SUBJECT, training.alt_text(table, runs, caption), draw)
    curves = budget_curves(runs)
    if budget.drawable(curves):
        draw = partial(budget.draw, curves, caption, looks)
        yield Picture("training", "budget", budget.SUBJECT, budget.alt_text(curves, caption), draw)
    yield from _forecasts(drawn)
    yield from _wirings(drawn)
    yield from _waves(drawn, baselines)


def _forecasts(drawn: PictureSet) -> Iterator[Picture]:
    """Yield each window of which free-running forecasts were kept: as its case draws them, else as curves."""
    outline = load_case(drawn.study.table.case).outline
    for window in windows(drawn.study):
        name = slug(f"forecast-{window.first.name}")
        if outline is None:
            curves = course_of(window)
            alt = course.alt_text(curves, drawn.caption)
            draw = partial(course.draw, curves, drawn.caption, {**drawn.thin, **drawn.looks})
            yield Picture("forecast", name, f"{course.SUBJECT} '{curves.name}'", alt, draw)
        else:
            shown = postures_of(window, outline)
            alt = postures.alt_text(shown, drawn.caption)
            draw = partial(postures.draw, shown, drawn.caption)
            yield Picture("forecast", name, f"{postures.SUBJECT} '{shown.name}'", alt, draw)


def _wirings(drawn: PictureSet) -> Iterator[Picture]:
    """Yield the wiring of each sparsely wired model, as its first seed drew it; one that several share only once."""
    shared: dict[Drawn, list[str]] = {}
    for row, group in drawn.study.runs.items():
        found = drawn_wiring(group[0])
        if found is not None:
            shared.setdefault(found, []).append(row)
    for found, rows in shared.items():
        groups = [drawn.study.runs[row] for row in rows]
        seeds = len({run.wiring_seed for group in groups for run in group})
        models = ", ".join(rows)
        diagram = wiring.Diagram(models, groups[0][0].seeds.root, found.layers, found.synapses, seeds > 1)
        alt = wiring.alt_text(diagram, drawn.caption)
        draw = partial(wiring.draw, diagram, drawn.caption)
        same = (found, diagram.seed, diagram.several)
        yield Picture("wiring", slug(f"wiring-{rows[0]}"), wiring.subject(diagram), alt, draw, same)


def _waves(drawn: PictureSet, baselines: Sequence[str] | None) -> Iterator[Picture]:
    names: set[str] = set()
    for fit in wave_fits(drawn.study, baselines):
        name = slug(f"fit-{fit.name}")
        while name in names:
            name += "-again"
        names.add(name)
        alt = fits.alt_text(fit, drawn.caption)
        yield Picture("fit", name, f"{fits.SUBJECT} '{fit.name}'", alt, partial(fits.draw, fit, drawn.caption))
