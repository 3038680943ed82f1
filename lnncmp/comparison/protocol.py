"""In which settings two protocols differ."""

from collections.abc import Iterator, Mapping
from typing import Any

from lnncmp.records.schema import RunRecord


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


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and value of every leaf of nested tables."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
