"""The contrasts of two folders of records, and of the groups of runs within one folder.

Each measure on one data set is a family of its own for Holm's correction, over its models. A model of several
comparisons has one more row, the mean of its changes of test error in each: errors themselves are never pooled.
"""

import math
from collections.abc import Sequence

from lnncmp import stats
from lnncmp.cases.base import case_of
from lnncmp.comparison.contrasts.changes import Changes, changes_of
from lnncmp.comparison.contrasts.pairing import Pair, counterpart, differences, pairs_of, unpaired
from lnncmp.comparison.contrasts.schema import Contrast, Contrasts, Finding
from lnncmp.comparison.differences import shown, shown_interval
from lnncmp.comparison.groups import MATCHINGS, ComparisonGroup, groups_of, place
from lnncmp.comparison.run_metrics import FACTS, in_words
from lnncmp.errors import DataError
from lnncmp.records.read import Records

_NOTABLE = math.log(1.02)
"""Smallest change of a count or a time that is called one: 2%."""

_COSTS = ("active_parameters",)
"""Costs that are known at every seed. Times of training are not: they are shares of a stack, on a busy machine."""


def contrast_folders(left: Records, right: Records) -> Contrasts:
    """Return how the models of two folders differ. Raises DataError if they have no model on equal data in common."""
    names = (str(left.folder), str(right.folder))
    ours, theirs = groups_of(left.runs), groups_of(right.runs)
    groups = [pairs for group in ours if (pairs := pairs_of(group, counterpart(group, theirs)))]
    not_compared = unpaired(ours, theirs)
    if not groups:
        raise DataError(
            f"nothing in {names[0]} can be compared with {names[1]}: no model ended well on equal data in both",
            " ".join(not_compared) or "Name two folders with runs of the same case.",
        )
    rows = [row for pairs in groups for row in _rows(pairs, names)] + _overall(groups, names)
    notes = [note for pairs in groups for note in differences(pairs)]
    notes += [*not_compared, *left.notes, *right.notes]
    return Contrasts(names=names, rows=rows, notes=list(dict.fromkeys(notes)))


def contrast_groups(records: Records) -> list[Contrasts]:
    """Return how the groups of one folder that share data differ, each against the first."""
    found: dict[tuple[str, ...], list[ComparisonGroup]] = {}
    for group in groups_of(records.runs):
        first = group.first
        found.setdefault((first.case, first.source, first.conditions, first.data_hash), []).append(group)
    made = []
    for unordered in found.values():
        first_group, *others = sorted(unordered, key=lambda group: place(MATCHINGS, group.match))
        for other in others:
            pairs, names = pairs_of(first_group, other), (_name(first_group), _name(other))
            if pairs:
                made.append(Contrasts(names=names, rows=_rows(pairs, names), notes=differences(pairs)))
    return made


def _name(group: ComparisonGroup) -> str:
    return f"{group.match} {group.protocol_id[:8]}"


def _rows(pairs: Sequence[Pair], names: tuple[str, str]) -> list[Contrast]:
    """Return the rows of one data set, measure by measure."""
    first = pairs[0].groups[0].first
    case = case_of(first.case, first.recipe.data)
    own = [measure.name for measure in case.metrics if measure.compared and not measure.detail]
    made = []
    for measure in (_main(pairs[0]), *own, *_COSTS):
        words, unit = in_words(measure, case.metrics)
        rows = []
        for pair in pairs:
            changes = changes_of(pair, measure)
            if changes is not None:
                matched = "/".join(dict.fromkeys(group.match for group in pair.groups))
                shared = {"matched": matched, "model": pair.model, "left_name": names[0], "right_name": names[1]}
                rows.append(_row(pair.groups[0], changes, {**shared, "measure": words, "unit": unit}))
        made += _adjusted(rows)
    return made


def _main(pair: Pair) -> str:
    """Return the name of the main error of the runs of a pair."""
    return next((run.scores.main for group in pair.groups for run in group.runs if run.scores is not None), "mse")


def _adjusted(rows: Sequence[Contrast]) -> list[Contrast]:
    """Return the rows with p adjusted over all of them, and what follows."""
    adjusted = stats.holm([row.p for row in rows])
    return [
        row.model_copy(update={"p_holm": p, "finding": _finding(row, p)}) for row, p in zip(rows, adjusted, strict=True)
    ]


def _row(group: ComparisonGroup, changes: Changes, named: dict[str, str]) -> Contrast:
    mean = changes.mean
    pairs = len(changes.values)
    p = None if changes.measure in FACTS or mean is None else mean.p_differs()
    return Contrast(
        **named,
        case=group.first.case,
        data=group.data,
        conditions=group.conditions,
        pairs=pairs,
        lost=changes.lost,
        left=stats.mean([left for left, _ in changes.values.values()]),
        right=stats.mean([right for _, right in changes.values.values()]),
        kind="ratio" if changes.ratio else "difference",
        change=shown(stats.mean(changes.changes), changes.ratio),
        ci95=shown_interval(mean.interval() if mean else None, changes.ratio),
        p=p if pairs >= stats.MIN_SEEDS and not changes.equal else None,
        finding=_at_first(changes),
    )


def _at_first(changes: Changes) -> Finding:
    """Return the finding before any test; counts and times have none, and must differ one way at every seed."""
    if not changes.values:
        return "not paired"
    if changes.equal:
        return "equal"
    if changes.measure in FACTS and changes.ratio:
        if min(changes.changes) > _NOTABLE:
            return "higher"
        if max(changes.changes) < -_NOTABLE:
            return "lower"
    return "no difference shown"


def _overall(groups: Sequence[Sequence[Pair]], names: tuple[str, str]) -> list[Contrast]:
    """Return for each model of several comparisons its change of test error over all, each counting the same.

    Interval and p are of the mean over just these comparisons, with the error over the pairs of each.
    """
    found: dict[str, list[Changes]] = {}
    for pairs in groups:
        for pair in pairs:
            changes = changes_of(pair, _main(pair))
            if changes is not None and changes.ratio and len(changes.values) >= 2:
                found.setdefault(pair.model, []).append(changes)
    rows = [_overall_row(model, strata, names) for model, strata in found.items() if len(strata) > 1]
    return _adjusted(rows)


def _overall_row(model: str, strata: Sequence[Changes], names: tuple[str, str]) -> Contrast:
    changes = [one.changes for one in strata]
    equal = all(one.equal for one in strata)
    over_all = stats.pooled([one.mean for one in strata if one.mean is not None])
    fewest = min(map(len, changes))
    return Contrast(
        case="all",
        data="each comparison counting the same",
        model=model,
        left_name=names[0],
        right_name=names[1],
        measure="main one-step test error over all comparisons",
        pairs=fewest,
        lost=(sum(one.lost[0] for one in strata), sum(one.lost[1] for one in strata)),
        change=shown(stats.mean([math.fsum(values) / len(values) for values in changes]), True),
        ci95=shown_interval(over_all.interval() if over_all else None, True),
        p=over_all.p_differs() if over_all and fewest >= stats.MIN_SEEDS and not equal else None,
        finding="equal" if equal else "no difference shown",
    )


def _finding(row: Contrast, p: float | None) -> Finding:
    if row.finding in ("equal", "not paired"):
        return row.finding
    if row.pairs < stats.MIN_SEEDS:
        return "too few seeds (n < 6)"
    if row.finding in ("lower", "higher"):
        return row.finding
    if p is None or p > stats.SIGNIFICANCE or row.change is None:
        return "no difference shown"
    return "lower" if row.change < (1 if row.kind == "ratio" else 0) else "higher"
