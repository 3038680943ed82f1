"""The pictures that the records of one comparison allow: name, words, and how to draw each. Imports matplotlib."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from lnncmp.cases.base import load_case
from lnncmp.report.figures import budget, fits, free_running, pareto, robustness, style, training, wiring
from lnncmp.comparison.budget import budget_curves
from lnncmp.comparison.studies import Study, slug
from lnncmp.report.build.waves import wave_fits
from lnncmp.report.build.wirings import Drawn, drawn_wiring


@dataclass(frozen=True)
class Picture:
    """One picture. kind: what it is about; name: of its files; subject: what it shows, for titles; alt: in words.

    draw: to be called under `style.fixed_style`.
    """

    kind: str
    name: str
    subject: str
    alt: str
    draw: Callable[[], Figure]


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
    caption = style.Caption(title, origin, table.preset, seeds, study.group.protocol_id[:8])
    return PictureSet(study, caption, looks, style.baseline_looks([row.name for row in table.baselines]))


def pictures(drawn: PictureSet, baselines: Sequence[str] | None = None) -> Iterator[Picture]:
    """Yield the pictures that the records of one comparison allow, waves last.

    baselines: which are in the pictures of waves; None is all but `waves.NOT_IN_FITS`.
    """
    table, runs, caption = drawn.study.table, drawn.study.runs, drawn.caption
    looks, thin = drawn.looks, drawn.thin
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
    yield from _wirings(drawn)
    yield from _waves(drawn, baselines)


def _wirings(drawn: PictureSet) -> Iterator[Picture]:
    """Yield the wiring of each sparsely wired model, as its first seed drew it; models with the same one share it."""
    alike: dict[Drawn, list[str]] = {}
    for row, group in drawn.study.runs.items():
        if (found := drawn_wiring(group[0])) is not None:
            alike.setdefault(found, []).append(row)
    for wired, rows in alike.items():
        group = drawn.study.runs[rows[0]]
        seeds = len({run.wiring_seed for run in group})
        diagram = wiring.Diagram(", ".join(rows), group[0].seeds.root, wired.layers, wired.synapses, seeds > 1)
        alt = wiring.alt_text(diagram, drawn.caption)
        draw = partial(wiring.draw, diagram, drawn.caption)
        yield Picture("wiring", slug(f"wiring-{rows[0]}"), wiring.subject(diagram), alt, draw)


def _waves(drawn: PictureSet, baselines: Sequence[str] | None) -> Iterator[Picture]:
    names: set[str] = set()
    for fit in wave_fits(drawn.study, baselines):
        name = slug(f"fit-{fit.name}")
        while name in names:
            name += "-again"
        names.add(name)
        alt = fits.alt_text(fit, drawn.caption)
        yield Picture("fit", name, f"{fits.SUBJECT} '{fit.name}'", alt, partial(fits.draw, fit, drawn.caption))
