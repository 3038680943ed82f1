"""In what the two models of a claim were not treated alike, as far as their records tell."""

from typing import Any

from lnncmp.claims.sides import Sides
from lnncmp.comparison.groups import Arm
from lnncmp.comparison.protocol import _leaves

_PROTOCOL = ("data", "train", "evaluate", "dt_as_input", "device", "threads", "deterministic")


def differences_of(sides: Sides) -> list[str]:
    """Return one phrase for each setting, implementation or machine that differs between the two models."""
    left, right = sides.left, sides.right
    found = []
    theirs = _settings(right)
    for name, value in _settings(left).items():
        if name in theirs and theirs[name] != value:
            found.append(f"{name} is {value} for {left.label} and {theirs[name]} for {right.label}")
    implementations = [_implementations(arm) for arm in (left, right)]
    if implementations[0] != implementations[1]:
        found.append(f"implemented as {implementations[0]} for {left.label}, {implementations[1]} for {right.label}")
    for name in ("cpu", "lnncmp"):
        values = sorted({str(run.provenance.get(name)) for arm in (left, right) for run in arm.by_seed.values()})
        if len(values) > 1:
            found.append(f"runs of several {'machines' if name == 'cpu' else 'versions'}: {', '.join(values)}")
    return found


def _implementations(arm: Arm) -> str:
    return "+".join(sorted({run.implementation for run in arm.by_seed.values()}))


def _settings(arm: Arm) -> dict[str, Any]:
    recipe = arm.sample.recipe
    return {name: leaf for table in _PROTOCOL for name, leaf in _leaves(recipe.get(table), table)}
