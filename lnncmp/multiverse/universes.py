"""The universes of a file of choices, the most informative first: the default, one departure at a time, a fraction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from lnncmp.multiverse.choices import Alternative, Choices
from lnncmp.multiverse.fraction import balanced_fraction

ALL = 20_000
"""The largest number of combinations that is written out; of more a fraction is drawn from the alternatives."""


@dataclass(frozen=True)
class Universe:
    """One reading of the study. levels: the number of the alternative of each choice, 0 the default."""

    choices: Choices
    levels: tuple[int, ...]

    @property
    def alternatives(self) -> list[Alternative]:
        """The alternative of each choice."""
        return [choice.alternative[level] for choice, level in zip(self.choices.choice, self.levels, strict=True)]

    @property
    def named(self) -> dict[str, str]:
        """Choice -> alternative."""
        return {c.name: one.name for c, one in zip(self.choices.choice, self.alternatives, strict=True)}

    @property
    def departures(self) -> list[str]:
        """The choices that are not the default."""
        return [choice.name for choice, level in zip(self.choices.choice, self.levels, strict=True) if level]

    @property
    def words(self) -> str:
        """What differs from the default, in words."""
        return ", ".join(f"{name}={self.named[name]}" for name in self.departures) or "default"

    def player(self, side: str) -> str:
        """Return the model that takes a side of the claims."""
        for one in self.alternatives:
            if side in one.plays:
                return one.plays[side]
        return side

    def changes(self, variant: str) -> list[str]:
        """Return what this universe changes in the recipe of a variant."""
        return [
            change for one in self.alternatives if not one.variants or variant in one.variants for change in one.set
        ]


def all_universes(choices: Choices, count: int | None = None) -> list[Universe]:
    """Return the universes to run, the most informative first: at most `count`, as many as the file says if None.

    First the default; then, choice by choice, each other alternative alone, which tells what a verdict hangs on; then a
    fraction that is balanced in each choice and nearly so in each pair, or all that is left where there are no more.
    Within the fraction each universe is the one farthest from all before it, so that what comes first is spread out.
    """
    wanted = choices.universes if count is None else count
    sizes = [len(choice.alternative) for choice in choices.choice]
    first = [tuple(0 for _ in sizes), *_one_at_a_time(sizes)]
    if choices.possible <= min(wanted, ALL):
        rest: Iterable[tuple[int, ...]] = product(*map(range, sizes))
    else:
        rest = balanced_fraction(sizes, max(choices.universes, wanted))
    levels = [*first, *_spread(first, sorted(set(rest) - set(first)))]
    return [Universe(choices, one) for one in levels[:wanted]]


def _one_at_a_time(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    made = []
    for place, size in enumerate(sizes):
        made += [tuple(level if n == place else 0 for n in range(len(sizes))) for level in range(1, size)]
    return made


def _spread(taken: Sequence[tuple[int, ...]], rest: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return `rest` so that each is as far as possible from all before it (greedy maximin over differing choices)."""
    nearest = {one: min(_differing(one, other) for other in taken) for one in rest}
    ordered = []
    while nearest:
        chosen = max(nearest, key=lambda one: (nearest[one], [-level for level in one]))
        del nearest[chosen]
        ordered.append(chosen)
        nearest = {one: min(distance, _differing(one, chosen)) for one, distance in nearest.items()}
    return ordered


def _differing(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
