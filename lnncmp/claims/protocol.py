"""In what the two models of a claim were not treated alike, as far as their records tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from lnncmp.claims.arms import Arm, Sides
from lnncmp.runs.record import RunRecord

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


def flat_differences(left: RunRecord, right: RunRecord) -> list[str]:
    """Return one phrase for each setting and circumstance that differs between two runs of one model."""
    found = []
    for name in ("recipe", "provenance"):
        ours, theirs = (dict(_leaves(getattr(run, name), "")) for run in (left, right))
        for key in dict.fromkeys([*ours, *theirs]):
            if key != "seed" and ours.get(key) != theirs.get(key):
                found.append(f"{key} is {ours.get(key)} on the left and {theirs.get(key)} on the right")
    if left.stacked != right.stacked:
        found.append(f"runs trained {left.stacked} at a time on the left, {right.stacked} on the right")
    if left.implementation != right.implementation:
        found.append(f"implemented as {left.implementation} on the left, {right.implementation} on the right")
    return found


def _implementations(arm: Arm) -> str:
    return "+".join(sorted({run.implementation for run in arm.by_seed.values()}))


def _settings(arm: Arm) -> dict[str, Any]:
    recipe = arm.sample.recipe
    return {name: leaf for table in _PROTOCOL for name, leaf in _leaves(recipe.get(table), table)}


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and value of every leaf of nested tables."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
