"""Everything that decides a simulated data set: the recipe, the changes of physics, and its content key."""

import dataclasses
from dataclasses import dataclass, field

from lnncmp.common.cache import content_key
from lnncmp.errors import UsageError

VERSION = 1
"""Raised whenever the code delivers other recordings for the same recipe."""

LONGEST = 1000
"""Most frames in a rollout, the first observation included (the time limit of Gym's Walker2d)."""

POLICIES = ("chatter-it080-g1.25", "chatter2-it020", "chatter2-it050", "chatter2-it110")
"""The four policies of the data set: bang-bang gaits, about as hard to predict as those of the original rollouts."""

OTHER_POLICIES = ("ppo0-it140", "ppo0-it220")
"""Earlier, smoother policies, for the shift to other policies."""


@dataclass(frozen=True)
class Physics:
    """Factors on the model: sliding friction, gravity, mass with inertia, joint damping, motor strength."""

    friction: float = 1.0
    gravity: float = 1.0
    mass: float = 1.0
    damping: float = 1.0
    motors: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """How rollouts are made.

    policies: names of the policies that walk.
    rollouts: rollouts per policy.
    frames: most frames in a rollout, 1 to 1000; a rollout of a smaller number is a prefix of the longer one.
    seed: root of all random streams.
    random_share: chance that a step begins a random action, uniform in [-1, 1] for each motor.
    hold: steps for which a random action is held.
    physics: changes of the model.
    stream: further words that set the random streams apart from those of another use; none for the data set itself.
    Raises UsageError on values out of range.
    """

    policies: tuple[str, ...] = POLICIES
    rollouts: int = 100
    frames: int = LONGEST
    seed: int = 0
    random_share: float = 0.01
    hold: int = 1
    physics: Physics = field(default_factory=Physics)
    stream: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.policies or self.rollouts < 1:
            raise UsageError(
                f"a walker recipe needs a policy and a rollout, got {len(self.policies)} and {self.rollouts}"
            )
        if not 1 <= self.frames <= LONGEST:
            raise UsageError(f"frames per rollout must be 1 to {LONGEST}, got {self.frames}")
        if self.seed < 0 or self.hold < 1 or not 0 <= self.random_share <= 1:
            raise UsageError(
                "a walker recipe needs seed >= 0, hold >= 1 and random_share in [0, 1], "
                f"got {self.seed}, {self.hold} and {self.random_share}"
            )

    def words(self, policy: int, rollout: int) -> list[int]:
        """Return the seed words of one rollout's random stream."""
        return [self.seed, policy, rollout, *self.stream]


def recipe_key(recipe: Recipe, policies: dict[str, str], model: str, frames: int = 0) -> str:
    """Return the content key of what `recipe` makes.

    policies: digest of each policy by name. model: SHA-256 of the model file. frames: total asked for, 0 if the
    recipe alone decides.
    """
    parts = {"recipe": dataclasses.asdict(recipe), "policies": policies, "model": model, "version": VERSION}
    return content_key(parts | {"frames": frames})
