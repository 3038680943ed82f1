"""From the records of a case to pictures in files: which comparisons there are, what can be drawn of each. No torch.

The pictures of one comparison lie in OUT/figures/<case>-<preset>[-<conditions>]-<first 8 of its id>/. Importing this
module imports matplotlib.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnncmp.atomic import write_bytes
from lnncmp.baselines import BASELINES_VERSION
from lnncmp.cases.base import load_case
from lnncmp.compare import compare
from lnncmp.data.cache import content_key
from lnncmp.errors import DataError, LnncmpError, UsageError, unknown_name
from lnncmp.report.figures import fits, free_running, robustness, style, training
from lnncmp.report.figures.files import FORMATS, content
from lnncmp.runs.record import BaselineRecord, Example, RunRecord
from lnncmp.runs.store import Store
from lnncmp.table import Comparison
from lnncmp.table_rows import ok_scores

NOT_IN_FITS = ("persistence", "mean", "train_mean")
"""Baselines whose prediction of a wave is no news."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Written:
    """One picture: its name, title and description in words, and the files that hold it."""

    name: str
    title: str
    alt: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class _Picture:
    name: str
    subject: str
    alt: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class _Set:
    """What the pictures of one comparison are drawn from. runs: by model, as shown."""

    comparison: Comparison
    runs: Mapping[str, list[RunRecord]]
    baselines: Sequence[BaselineRecord]
    caption: style.Caption
    looks: Mapping[str, style.Look]
    thin: Mapping[str, style.Look]


def draw_figures(
    case: str,
    out: Path,
    models: Sequence[str] | None = None,
    formats: Sequence[str] = FORMATS,
    warn: Callable[[str], None] = lambda message: None,
    baselines: Sequence[str] | None = None,
) -> list[Written]:
    """Draw every comparison of `case` that has records in the folder `out`, and return what was written.

    models: only these, all if None. formats: of `FORMATS`. warn: hears of records that cannot be used.
    baselines: which stand in the pictures of waves; None is all but `NOT_IN_FITS`.
    Raises UsageError for an unknown case, model or format, DataError if there is no record or `out` cannot be written.
    """
    title = load_case(case).title
    for format in formats:
        if format not in FORMATS:
            raise unknown_name("format", format, FORMATS)
    if not formats or (models is not None and not models):
        what = "--models needs the name of a model" if formats else "--format needs one of " + ", ".join(FORMATS)
        raise UsageError(f"{what}, got none")
    store = Store(out, warn, read_only=True)
    store.check()
    recorded = [run for run in store.runs() if run.case == case]
    if not recorded:
        raise DataError(f"no records of {case} in {out}", f"Make them with: lnncmp {case} --out {out}")
    known = sorted({run.model for run in recorded})
    for model in models or ():
        if model not in known:
            raise unknown_name("model of these records", model, known)
    written = []
    for drawn in _sets(title, recorded, _baselines(store), models):
        folder = out / "figures" / _folder(drawn)
        written += [_write(picture, drawn.caption, folder, formats) for picture in _pictures(drawn, baselines)]
    if not written:
        raise DataError(
            f"the records of {case} in {out} hold nothing to draw: no run came as far as one epoch",
            f"See why with: lnncmp {case} --out {out}",
        )
    return written


def _write(picture: _Picture, caption: style.Caption, folder: Path, formats: Sequence[str]) -> Written:
    title = caption.heading(picture.subject)
    paths = tuple(folder / f"{picture.name}.{format}" for format in formats)
    with style.fixed_style():
        figure = picture.draw()
        style.lay_out(figure)
        for path, format in zip(paths, formats, strict=True):
            write_bytes(path, content(figure, format, title, picture.alt))
    return Written(picture.name, title, picture.alt, paths)


def _pictures(drawn: _Set, baselines: Sequence[str] | None) -> Iterator[_Picture]:
    """Yield the pictures that the records of one comparison allow."""
    table, caption = drawn.comparison, drawn.caption
    names: set[str] = set()
    for fit in _fits(drawn, baselines):
        name = _slug(f"fit-{fit.name}")
        while name in names:
            name += "-again"
        names.add(name)
        subject = f"{fits.SUBJECT} '{fit.name}'"
        yield _Picture(name, subject, fits.alt_text(fit, caption), partial(fits.draw, fit, caption))
    if robustness.groups(table):
        yield _Picture(
            "robustness",
            robustness.SUBJECT,
            robustness.alt_text(table, caption),
            partial(robustness.draw, table, caption, drawn.looks, drawn.thin),
        )
    if free_running.drawable(table):
        yield _Picture(
            "free_running",
            free_running.SUBJECT,
            free_running.alt_text(table, caption),
            partial(free_running.draw, table, caption, drawn.looks, drawn.thin),
        )
    if training.drawable(drawn.runs):
        yield _Picture(
            "training",
            training.SUBJECT,
            training.alt_text(table, drawn.runs, caption),
            partial(training.draw, table, drawn.runs, caption, drawn.looks),
        )


def _sets(
    title: str, recorded: Sequence[RunRecord], baselines: Sequence[BaselineRecord], models: Sequence[str] | None
) -> Iterator[_Set]:
    """Yield what to draw, one comparison after the other. A model looks the same in all of them."""
    groups: dict[str, list[RunRecord]] = {}
    for run in recorded:
        groups.setdefault(run.comparison, []).append(run)
    shown = {key: _told_apart([r for r in runs if models is None or r.model in models]) for key, runs in groups.items()}
    everything = [run for runs in groups.values() for run in _told_apart(runs)]
    looks = style.model_looks(sorted({run.model for run in everything}))
    for key, runs in sorted(shown.items(), key=lambda item: _order(item[1])):
        if not runs:
            continue
        data = [record for record in baselines if record.data_hash == runs[0].data_hash]
        steps = sorted({p.step for r in runs if r.scores for p in r.scores.horizons})
        comparison = compare(runs, [], data, reference=runs[0].model, horizons=steps)
        origin = ", ".join(filter(None, [comparison.source, comparison.conditions]))
        seeds = len({run.seeds.root for run in runs})
        caption = style.Caption(title, origin, comparison.preset, seeds, key[:8])
        by_model = {row.model: [run for run in runs if run.model == row.model] for row in comparison.rows}
        thin = style.baseline_looks([record.name for record in data])
        yield _Set(comparison, by_model, data, caption, looks, thin)


def _order(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    return (runs[0].source, runs[0].conditions, runs[0].preset, runs[0].comparison) if runs else ()


def _told_apart(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the runs sorted by model and seed, a model that ran with several settings under a name for each.

    Sizes and learning rates are a model's own: runs that differ in them share a comparison. "ltc" becomes
    "ltc (hidden=32)" and "ltc (hidden=64)".
    """
    settings = {run.run_id: _settings(run.recipe) for run in runs}
    renamed = []
    for run in runs:
        others = [settings[other.run_id] for other in runs if other.model == run.model]
        own = settings[run.run_id]
        keys = sorted(key for other in others for key in own.keys() | other.keys() if own.get(key) != other.get(key))
        words = [f"{key.rpartition('.')[2]}={own[key]}" for key in dict.fromkeys(keys) if key in own]
        renamed.append(run.model_copy(update={"model": f"{run.model} ({', '.join(words)})"}) if words else run)
    return sorted(renamed, key=lambda run: (run.model, run.seeds.root))


def _settings(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a resolved recipe without its seed as one flat table with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        if isinstance(value, dict):
            flat |= _settings(value, f"{prefix}{key}.")
        elif prefix + key != "seed":
            flat[prefix + key] = value
    return flat


def _baselines(store: Store) -> list[BaselineRecord]:
    """Return the stored baselines, of each name and data hash one: that of today's predictors if it is there."""
    found: dict[tuple[str, str], BaselineRecord] = {}
    for path in sorted((store.out / "baselines").glob("*.json")):
        record = store.baseline(path.stem)
        if record is None:
            continue
        content = {"baseline": record.name, "version": BASELINES_VERSION, "data_hash": record.data_hash}
        if (record.name, record.data_hash) not in found or record.baseline_id == content_key(content):
            found[record.name, record.data_hash] = record
    return [found[key] for key in sorted(found)]


def _fits(drawn: _Set, baselines: Sequence[str] | None) -> Iterator[fits.Fit]:
    """Yield each test wave of which predictions were kept, with a row for every predictor that has it."""
    predictors: list[tuple[str, str, list[Example]]] = []
    for row in drawn.comparison.rows:
        scores = ok_scores(drawn.runs[row.model])
        lost = style.lost_runs(row).replace(", ", "\n")
        note = "\n".join(filter(None, ["1 seed" if len(scores) == 1 else f"{len(scores)} seeds", lost]))
        predictors.append((row.model, note, [e for seed in sorted(scores) for e in scores[seed].examples]))
    for record in drawn.baselines:
        wanted = record.name not in NOT_IN_FITS if baselines is None else record.name in baselines
        if wanted:
            predictors.append((record.name, "", record.scores.examples))
    first = {example.name: example for _, _, examples in reversed(predictors) for example in reversed(examples)}
    for name in dict.fromkeys(example.name for _, _, examples in predictors for example in examples):
        chosen = first[name]
        rows = []
        for label, note, examples in predictors:
            same = [example for example in examples if example.name == name]
            if same:
                rows.append(_fit_row(label, note, same, chosen))
        shared = chosen.model_dump(include={"time_unit", "input_times", "inputs", "target_times", "truth"})
        yield fits.Fit(name=name, zooms=chosen.zooms, rows=rows, **shared)


def _fit_row(name: str, note: str, examples: Sequence[Example], chosen: Example) -> fits.FitRow:
    """Return median and range over seeds of the predictions of one wave, and the same less the truth."""
    for example in examples:
        alike = example.target_times == chosen.target_times and example.truth == chosen.truth
        if not alike or len(example.predicted) != len(chosen.truth):
            raise LnncmpError(
                f"records of one comparison must show the same window '{chosen.name}', those of {name} differ",
                "Run the models of the comparison again with --fresh.",
            )
    predicted = np.array([example.predicted for example in examples], np.float64)
    predicted[~np.isfinite(predicted)] = np.nan  # a gap in the line
    median, low, high = np.median(predicted, axis=0), predicted.min(axis=0), predicted.max(axis=0)
    truth = np.array(chosen.truth)
    return fits.FitRow(
        name,
        note,
        *(line.tolist() for line in (median, low, high, median - truth, low - truth, high - truth)),
    )


def _folder(drawn: _Set) -> str:
    table, key = drawn.comparison, drawn.caption.comparison
    return "-".join(filter(None, (_slug(part) for part in (table.case, table.preset, table.conditions, key))))


def _slug(text: str) -> str:
    """Return `text` as part of a file name: small letters, digits, hyphens, points before digits; never a folder."""
    return re.sub(r"([^a-z0-9_.]|\.(?!\d))+", "-", text.lower()).strip("-.")
