"""The errors of single targets, or classes, of a predictor: means over its seeds, and shares of the whole error."""

import math
from collections.abc import Iterable, Mapping, Sequence

from lnncmp import stats
from lnncmp.comparison.table import ModelRow
from lnncmp.records.metric import Metric
from lnncmp.records.schema import Scores

PerTarget = dict[str, dict[str, float | None]]
"""metric -> target, or class, -> value; None where it is not known or not finite."""
_LARGEST_SHARE = 0.5
"""A target with a larger share of the MSE stands for it alone."""


def by_target(scores: Iterable[Scores]) -> PerTarget:
    """Return the means over seeds of what scores hold by target; of values also "share", that of the MSE.

    Of classes "share" is in the scores, that of the labels. Empty for a single target.
    """
    found = [score.per_target for score in scores]
    names = {metric: dict.fromkeys(target for one in found for target in one.get(metric, {})) for metric in _all(found)}
    if all(len(targets) < 2 for targets in names.values()):
        return {}
    made = {metric: _means(metric, list(targets), found) for metric, targets in names.items()}
    if "mse" in made and "share" not in made:
        made["share"] = _shares(made["mse"])
    return made


def _means(
    metric: str, targets: Sequence[str], found: Sequence[Mapping[str, Mapping[str, float]]]
) -> dict[str, float | None]:
    holding = [one[metric] for one in found if metric in one]
    return dict(zip(targets, stats.means([[one[target] for one in holding] for target in targets]), strict=True))


def _all(found: Sequence[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(metric for one in found for metric in one))


def _shares(errors: Mapping[str, float | None]) -> dict[str, float | None]:
    whole = math.fsum(error for error in errors.values() if error is not None)
    return {target: error / whole if error is not None and whole > 0 else None for target, error in errors.items()}


def largest_share(rows: Sequence[ModelRow], main: Metric) -> tuple[str, str, float] | None:
    """Return (target, model, share) where one target makes more than half of a model's MSE, if that ranks the models.

    Of several models the one with the largest share.
    """
    if main.name != "mse":
        return None
    shares = [
        (share, row.model, target)
        for row in rows
        for target, share in row.per_target.get("share", {}).items()
        if share is not None and share > _LARGEST_SHARE
    ]
    if not shares:
        return None
    share, model, target = max(shares)
    return target, model, share


def target_notes(rows: Sequence[ModelRow], main: Metric) -> list[str]:
    """Return a sentence on a target that makes most of the error, if there is one."""
    found = largest_share(rows, main)
    if found is None:
        return []
    target, model, share = found
    return [
        f"{target} alone makes up to {100 * share:.0f}% of the MSE ({model}), which says little of the other targets: "
        "see the NMSE by target."
    ]
