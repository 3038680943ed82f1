"""Two sets of records of the same models, made by two machines, versions or recipes: which differences are real.

Paired by seed, on equal data only: records whose data hashes differ are never pooled, nor held against each other.
Each measure on one data set is a family of Holm's correction, over its models.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lnncmp import stats
from lnncmp.cases.base import load_case
from lnncmp.claims.arms import Arm, Setting, arms_of, settings_of
from lnncmp.claims.measures import in_words, value_of
from lnncmp.claims.protocol import flat_differences
from lnncmp.errors import DataError
from lnncmp.records import Records
from lnncmp.runs.record import RunRecord
from lnncmp.table_contrasts import Contrast, Contrasts, Finding

EQUAL = 1e-6
"""Largest relative difference at which two values count as the same."""

_COSTS = ("epoch_seconds", "active_parameters")


@dataclass(frozen=True)
class _Pair:
    """One model in two settings."""

    model: str
    settings: tuple[Setting, Setting]
    arms: tuple[Arm, Arm]


def contrast_folders(left: Records, right: Records) -> Contrasts:
    """Return how the models of two folders differ. Raises DataError if they have no model on equal data in common."""
    names = (str(left.folder), str(right.folder))
    settings = (settings_of(left.runs), settings_of(right.runs))
    pairs = [pair for setting in settings[0] for pair in _pairs(setting, _counterpart(setting, settings[1]))]
    apart = _apart(*settings)
    if not pairs:
        raise DataError(
            f"nothing in {names[0]} can be compared with {names[1]}: no model of both ran on equal data",
            " ".join(apart) or "Name two folders with runs of the same case.",
        )
    notes = [*_notes(pairs), *apart, *left.notes, *right.notes]
    return Contrasts(names=names, rows=_rows(pairs, names), notes=list(dict.fromkeys(notes)))


def contrast_settings(records: Records) -> list[Contrasts]:
    """Return how the settings of one folder differ that share data, each later one against the first."""
    found: dict[tuple[str, str, str, str], list[Setting]] = {}
    for setting in settings_of(records.runs):
        key = (setting.case, setting.source, setting.conditions, setting.data_hash)
        found.setdefault(key, []).append(setting)
    made = []
    for group in found.values():
        for other in group[1:]:
            pairs = _pairs(group[0], other)
            if pairs:
                names = (_name(group[0]), _name(other))
                made.append(Contrasts(names=names, rows=_rows(pairs, names), notes=_notes(pairs)))
    return made


def _name(setting: Setting) -> str:
    return f"{setting.match} {setting.comparison[:8]}"


def _same_data(one: Setting, other: Setting) -> bool:
    return (one.case, one.conditions, one.data_hash) == (other.case, other.conditions, other.data_hash)


def _counterpart(setting: Setting, others: Sequence[Setting]) -> Setting | None:
    """Return the setting on equal data that is most like this one: same protocol, else same matching, else the first."""
    fitting = [other for other in others if _same_data(setting, other)]
    return max(
        fitting,
        key=lambda other: (other.comparison == setting.comparison, other.match == setting.match, -others.index(other)),
        default=None,
    )


def _pairs(left: Setting, right: Setting | None) -> list[_Pair]:
    """Return the models of both settings; of one that ran with several arguments, those with most seeds."""
    if right is None:
        return []
    arms = [{arm.label: arm for arm in sorted(arms_of(s), key=lambda arm: len(arm.by_seed))} for s in (left, right)]
    return [_Pair(m, (left, right), (arms[0][m], arms[1][m])) for m in _in_order(left) if m in arms[0] and m in arms[1]]


def _in_order(setting: Setting) -> list[str]:
    return list(dict.fromkeys(run.model for run in setting.runs))


def _rows(pairs: Sequence[_Pair], names: tuple[str, str]) -> list[Contrast]:
    made = []
    groups: dict[tuple[str, ...], list[_Pair]] = {}
    for pair in pairs:
        groups.setdefault(tuple(setting.comparison for setting in pair.settings), []).append(pair)
    for group in groups.values():
        for measure in _measures(group[0].settings[0].case):
            rows = [row for pair in group if (row := _contrast(pair, measure, names)) is not None]
            adjusted = stats.holm([row.p for row in rows])
            made += [
                row.model_copy(update={"p_holm": p, "finding": _finding(row, p)})
                for row, p in zip(rows, adjusted, strict=True)
            ]
    return made


def _measures(case: str) -> list[str]:
    own = [measure.name for measure in load_case(case).measures if measure.compared and not measure.detail]
    return ["mse", *own, *_COSTS]


def _contrast(pair: _Pair, measure: str, names: tuple[str, str]) -> Contrast | None:
    """Return one measure of one model; None if no run of either holds it."""
    values = [_by_seed(arm, measure) for arm in pair.arms]
    seeds = sorted(values[0].keys() & values[1].keys())
    if not values[0] or not values[1]:
        return None
    both = [(values[0][seed], values[1][seed]) for seed in seeds]
    lost = (sum(math.isinf(a) for a, _ in both), sum(math.isinf(b) for _, b in both))
    whole = [(a, b) for a, b in both if math.isfinite(a) and math.isfinite(b)]
    ratio = all(a > 0 and b > 0 for a, b in whole)
    changes = [math.log(b / a) if ratio else b - a for a, b in whole]
    ends = stats.mean_interval(changes)
    p = stats.sign_flip_p(changes) if len(changes) >= stats.MIN_PAIRS and not _equal(whole) else None
    words, unit = in_words(measure, load_case(pair.settings[0].case).measures)
    setting = pair.settings[0]
    return Contrast(
        case=setting.case,
        data=setting.data,
        conditions=setting.in_words,
        model=pair.model,
        left_name=names[0],
        right_name=names[1],
        measure=words,
        unit=unit,
        pairs=len(whole),
        lost=lost,
        left=stats.mean([a for a, _ in whole]),
        right=stats.mean([b for _, b in whole]),
        kind="ratio" if ratio else "difference",
        change=_shown(stats.mean(changes), ratio),
        ci95=None if ends is None else (_end(ends[0], ratio), _end(ends[1], ratio)),
        p=p,
        finding="equal" if whole and _equal(whole) else "not paired" if not whole else "no difference shown",
    )


def _by_seed(arm: Arm, measure: str) -> Mapping[int, float]:
    """Return one measure by seed, infinite where the run was lost; without seeds whose record lacks it."""
    found = {seed: _value(run, measure) for seed, run in arm.by_seed.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def _value(run: RunRecord, measure: str) -> float | None:
    if measure in _COSTS:
        return value_of(run, measure, ((), ())) or None
    if run.status != "ok":
        return math.inf
    value = value_of(run, measure, ((), ()))
    return value if value is None or math.isfinite(value) else math.inf


def _equal(both: Sequence[tuple[float, float]]) -> bool:
    return all(abs(a - b) <= EQUAL * max(abs(a), abs(b)) for a, b in both)


def _shown(value: float | None, ratio: bool) -> float | None:
    return None if value is None else _end(value, ratio)


def _end(value: float, ratio: bool) -> float:
    return math.exp(value) if ratio else value


def _finding(row: Contrast, p: float | None) -> Finding:
    if row.finding in ("equal", "not paired"):
        return row.finding
    if row.pairs < stats.MIN_PAIRS:
        return "too few seeds (n < 6)"
    if p is None or p > stats.SIGNIFICANCE or row.change is None:
        return "no difference shown"
    return "lower" if row.change < (1 if row.kind == "ratio" else 0) else "higher"


def _notes(pairs: Sequence[_Pair]) -> list[str]:
    """Return in what the two sets were made otherwise, and which runs were lost."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        for difference in flat_differences(pair.arms[0].sample, pair.arms[1].sample):
            found.setdefault(difference, []).append(pair.model)
    models = {pair.model for pair in pairs}
    return [
        f"{difference} ({'all models' if set(named) == models else ', '.join(dict.fromkeys(named))})."
        for difference, named in found.items()
    ]


def _apart(left: Sequence[Setting], right: Sequence[Setting]) -> list[str]:
    """Return which cases are in both folders on different data, which are not compared."""
    found = []
    for one in left:
        others = [other for other in right if (other.case, other.conditions) == (one.case, one.conditions)]
        if others and not any(_same_data(one, other) for other in others):
            what = f"{one.case}{f' ({one.conditions})' if one.conditions else ''}"
            hashes = ", ".join(dict.fromkeys(other.data for other in others))
            found.append(f"Not compared: {what}, whose data differ ({one.data}; {hashes}).")
    return found
