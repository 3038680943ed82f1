"""Which choices matter: share of the variance of effects that each accounts for, and under which the effect turns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.claims.readings import Flip, Influence, Reading
from lnncmp.stats.intervals import RANDOM_SEED

_RESAMPLES = 400
_FEWEST = 4
_FAR_OUT = 1.5
"""Interquartile ranges beyond the quartiles from which on an effect is an outlier (Tukey 1977)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Design:
    """Marks of levels: an intercept, then the levels of each choice but the first. parts: columns of each choice."""

    marks: Floats
    parts: dict[str, list[int]]


def influences(readings: Sequence[Reading], choices: Sequence[str]) -> tuple[list[Influence], float | None]:
    """Return the influence of each choice, the largest first, and the share that none of them accounts for.

    Main effects of all choices are fitted to the effects by least squares. The share of a choice is what the fit loses
    without it, less what a choice without influence would lose by chance (omega squared: df times the mean squared
    residual), over the variance of the effects, not below 0. The interval is a percentile bootstrap over readings.
    Outliers count as if they were at the fence (Tukey 1977): a network that did not train may have a ratio
    of any size, and one such reading must not decide what matters. None where the fit leaves no reading to spare.
    Nothing with fewer than four results, or if all are equal.
    """
    known = [one for one in readings if one.effect is not None]
    effects = _within_reach(np.array([one.effect for one in known], np.float64))
    if len(known) < _FEWEST or np.ptp(effects) == 0:
        return [], None
    design = _design(known, choices)
    if not design.parts:
        return [], None
    shares = _shares(design, effects, np.ones(len(effects)))
    rng = np.random.default_rng(RANDOM_SEED)
    drawn = []
    for _ in range(_RESAMPLES):
        weights = np.bincount(rng.integers(len(effects), size=len(effects)), minlength=len(effects)).astype(np.float64)
        one = _shares(design, effects, weights)
        if one is not None:
            drawn.append(one)
    if shares is None:
        return [], None
    spare = len(effects) > np.linalg.matrix_rank(design.marks)  # else the fit is exact, whatever is drawn
    ends = np.percentile(drawn, [2.5, 97.5], axis=0) if spare and len(drawn) > _RESAMPLES / 2 else None
    found = [
        Influence(
            choice=name,
            share=float(shares[number]),
            ci95=None if ends is None else (float(ends[0, number]), float(ends[1, number])),
        )
        for number, name in enumerate(design.parts)
    ]
    rest = max(0.0, 1.0 - float(sum(shares)))
    return sorted(found, key=lambda one: -one.share), rest


def _within_reach(effects: Floats) -> Floats:
    """Return the effects, outliers moved to the fence; unchanged where half of them are equal."""
    if not len(effects):
        return effects
    low, high = np.percentile(effects, [25, 75])
    reach = _FAR_OUT * (high - low)
    return np.clip(effects, low - reach, high + reach) if reach > 0 else effects


def _design(readings: Sequence[Reading], choices: Sequence[str]) -> _Design:
    columns, parts = [np.ones(len(readings))], {}
    for choice in choices:
        given = [one.alternatives[choice] for one in readings]
        levels = list(dict.fromkeys(given))
        if len(levels) < 2:
            continue
        parts[choice] = list(range(len(columns), len(columns) + len(levels) - 1))
        columns += [np.array([float(name == level) for name in given]) for level in levels[1:]]
    return _Design(np.stack(columns, axis=1), parts)


def _shares(design: _Design, effects: Floats, weights: Floats) -> Floats | None:
    """Return the share of each choice, readings counted `weights` times; None where the effects do not vary."""
    total = _lost(np.ones((len(effects), 1)), effects, weights)
    if not total > 1e-12 * float(weights @ effects**2):
        return None
    full = _lost(design.marks, effects, weights)
    distinct = int((weights > 0).sum())
    left = distinct - int(np.linalg.matrix_rank(design.marks[weights > 0]))
    # Readings that were drawn twice tell nothing new: the residual variance is that of the distinct ones.
    noise = full / weights.sum() * distinct / left if left > 0 else 0.0
    shares = []
    for columns in design.parts.values():
        others = np.delete(design.marks, columns, axis=1)
        gain = _lost(others, effects, weights) - full - len(columns) * noise
        shares.append(min(1.0, max(0.0, gain / total)))
    return np.array(shares)


def _lost(marks: Floats, effects: Floats, weights: Floats) -> float:
    """Return the weighted sum of squared residuals of the least-squares fit."""
    root = np.sqrt(weights)
    fitted = np.linalg.lstsq(marks * root[:, None], effects * root, rcond=None)[0]
    return float(weights @ (effects - marks @ fitted) ** 2)


def flips(readings: Sequence[Reading], choices: Sequence[str]) -> list[Flip]:
    """Return the alternatives under which the effect points the other way than in the default reading.

    Alone: the alternative is the only departure from the default, and verdicts of opposite direction are shown on
    both sides. In the middle: the median effect over all readings with it has the opposite sign of the median of all.
    readings: that of the default first.
    """
    known = [one for one in readings if one.effect is not None]
    if not known:
        return []
    return [*_alone(known, choices), *_in_the_middle(known, choices)]


def _alone(known: Sequence[Reading], choices: Sequence[str]) -> list[Flip]:
    first = known[0]
    contrary = {"supports": "opposite", "opposite": "supports"}.get(first.outcome)
    found = []
    for one in known[1:]:
        departures = [name for name in choices if one.alternatives[name] != first.alternatives[name]]
        if len(departures) == 1 and one.outcome == contrary and one.effect is not None:
            (name,) = departures
            found.append(Flip(choice=name, alternative=one.alternatives[name], alone=True, effect=one.effect))
    return found


def _in_the_middle(known: Sequence[Reading], choices: Sequence[str]) -> list[Flip]:
    overall = _median(known)
    found = []
    for name in choices:
        for level in dict.fromkeys(one.alternatives[name] for one in known):
            middle = _median([one for one in known if one.alternatives[name] == level])
            if middle * overall < 0:
                found.append(Flip(choice=name, alternative=level, alone=False, effect=middle))
    return found


def _median(readings: Sequence[Reading]) -> float:
    return float(np.median([one.effect for one in readings if one.effect is not None]))
