"""Which models of two sets of records belong together, what else differs between them, what has no counterpart."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.comparison.groups import Arm, Setting, arms_of
from lnncmp.comparison.protocol import flat_differences


@dataclass(frozen=True)
class Pair:
    """One model in two settings on equal data."""

    model: str
    settings: tuple[Setting, Setting]
    arms: tuple[Arm, Arm]


def same_data(one: Setting, other: Setting) -> bool:
    """Tell whether two settings have case, conditions and data in common."""
    return (one.case, one.conditions, one.data_hash) == (other.case, other.conditions, other.data_hash)


def counterpart(setting: Setting, others: Sequence[Setting]) -> Setting | None:
    """Return the setting on equal data most like this one: of the same protocol, else matching, else the first."""
    fitting = [other for other in others if same_data(setting, other)]
    return max(
        fitting,
        key=lambda other: (other.comparison == setting.comparison, other.match == setting.match, -others.index(other)),
        default=None,
    )


def pairs_of(left: Setting, right: Setting | None) -> list[Pair]:
    """Return the models of both settings; of one that ran with several arguments, those with most seeds."""
    if right is None:
        return []
    arms = [{arm.label: arm for arm in sorted(arms_of(s), key=lambda arm: len(arm.by_seed))} for s in (left, right)]
    names = dict.fromkeys(run.model for run in left.runs)
    return [Pair(name, (left, right), (arms[0][name], arms[1][name])) for name in names if all(name in a for a in arms)]


def differences(pairs: Sequence[Pair]) -> list[str]:
    """Return one sentence for each setting or circumstance that differs between the two sets, with the models."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        for difference in flat_differences(pair.arms[0].sample, pair.arms[1].sample):
            found.setdefault(difference, []).append(pair.model)
    models = {pair.model for pair in pairs}
    return [
        f"{difference} ({'all models' if set(named) == models else ', '.join(dict.fromkeys(named))})."
        for difference, named in found.items()
    ]


def apart(left: Sequence[Setting], right: Sequence[Setting]) -> list[str]:
    """Return one sentence for each case that is in both sets on different data only, and so is not compared."""
    found = []
    for one in left:
        others = [other for other in right if (other.case, other.conditions) == (one.case, one.conditions)]
        if others and not any(same_data(one, other) for other in others):
            what = f"{one.case}{f' ({one.conditions})' if one.conditions else ''}"
            hashes = ", ".join(dict.fromkeys(other.data for other in others))
            found.append(f"Not compared: {what}, whose data differ ({one.data}; {hashes}).")
    return found
