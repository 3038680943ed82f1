"""Which runs stand against which: records grouped by what they share, and in each group the two models of a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lnncmp.cases.base import load_case
from lnncmp.claims.claim import Claim
from lnncmp.comparison.groups import Arm, Setting, _place, find_arm, matching_place


@dataclass(frozen=True)
class Sides:
    """The two arms of a claim in one setting."""

    setting: Setting
    left: Arm
    right: Arm

    @property
    def seeds(self) -> list[int]:
        """The seeds of both."""
        return sorted(self.left.by_seed.keys() & self.right.by_seed.keys())


def sides_of(claim: Claim, settings: Sequence[Setting]) -> list[Sides]:
    """Return the settings in which both models of the claim ran, the one to judge it on first.

    First is the study's way to match sizes (hidden units), then most seeds of both, then the source that the case
    prefers, then most runs in all: an ablation has fewer.
    """
    found = []
    for setting in settings:
        if setting.case == claim.case and fnmatchcase(setting.conditions, claim.conditions):
            left = find_arm(setting, claim.left, claim.left_arguments)
            right = find_arm(setting, claim.right, claim.right_arguments)
            if left is not None and right is not None:
                found.append(Sides(setting, left, right))
    return sorted(found, key=_rank)


def _rank(sides: Sides) -> tuple[int, int, int, int, str]:
    setting = sides.setting
    sources = list(load_case(setting.case).sources)
    source = _place(sources, setting.source)
    return matching_place(setting), -len(sides.seeds), source, -len(setting.runs), setting.comparison
