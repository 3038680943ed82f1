"""The table of single targets, or of single classes."""

from collections.abc import Mapping

from lnncmp.comparison.by_target import PerTarget
from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.tables.document import Column, Grid
from lnncmp.report.tables.numbers import UNKNOWN, significant

_DIGITS = 3


def target_grid(comparison: ComparisonTable) -> Grid | None:
    """Return targets, or classes, (rows) against models, then baselines; None for a single target.

    Of values: the NMSE, and the share of the MSE that a target makes. Of classes: recall and F1.
    """
    found = {row.model: row.per_target for row in comparison.rows}
    found |= {row.name: row.per_target for row in comparison.baselines}
    known = [one for one in found.values() if one]
    if not known:
        return None
    classes = "recall" in known[0]
    names = list(known[0]["recall" if classes else "nmse"])
    shares = known[0]["share"] if classes else {}
    cell = _of_class if classes else _of_value
    return Grid(
        title="By class: recall / F1" if classes else "By target: NMSE (share of the MSE)",
        corner="class (labels)" if classes else "target",
        labels=tuple(f"{name} ({_percent(shares[name])})" if shares else name for name in names),
        columns=tuple(Column(label, tuple(cell(one, name) for name in names)) for label, one in found.items()),
        sections=(len(names),),
    )


def _of_value(found: PerTarget, target: str) -> str:
    error, share = (_known(found, metric).get(target) for metric in ("nmse", "share"))
    return UNKNOWN if error is None else f"{significant(error, _DIGITS)} ({_percent(share)})"


def _of_class(found: PerTarget, name: str) -> str:
    recall, f1 = (_known(found, metric).get(name) for metric in ("recall", "f1"))
    return UNKNOWN if recall is None else f"{recall:.2f} / {UNKNOWN if f1 is None else f'{f1:.2f}'}"


def _known(found: PerTarget, metric: str) -> Mapping[str, float | None]:
    return found.get(metric, {})


def _percent(share: float | None) -> str:
    if share is None:
        return UNKNOWN
    return "< 1%" if 0 < share < 0.01 else f"{share:.0%}"
