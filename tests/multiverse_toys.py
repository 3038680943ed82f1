"""A toy file of open choices for damped sines, whose universes take a fraction of a second each."""

from pathlib import Path

from lnncmp.claims.readings import Reading

HEAD = """
case = "sine"
preset = "quick"
seeds = [0, 1]
variants = ["", "noise"]
sides = ["liquid_ncp", "gru"]
universes = 6
set = ["hidden=8", "data.waves=20", "data.validation_waves=6", "data.test_waves=8", "data.shifted_waves=4",
  "data.noise_levels=[0.0]", "train.epochs=2"]
"""

UNITS = """
[[choice]]
name = "units"
question = "How many?"
[[choice.alternative]]
name = "8"
why = "reported"
[[choice.alternative]]
name = "6"
why = "small"
set = ["hidden=6"]
"""

NOISE = """
[[choice]]
name = "noise"
question = "How strong?"
[[choice.alternative]]
name = "0.1"
why = "usual"
[[choice.alternative]]
name = "0.3"
why = "strong"
set = ["data.noise_std=0.3"]
variants = ["noise"]
"""

READING = """
[[choice]]
name = "reading"
question = "Which network?"
[[choice.alternative]]
name = "liquid"
why = "as published"
[[choice.alternative]]
name = "CfC"
why = "closed form"
plays = { liquid_ncp = "cfc" }
"""

DIVERGING = """
[[choice]]
name = "rate"
question = "How fast?"
[[choice.alternative]]
name = "usual"
why = "usual"
[[choice.alternative]]
name = "hopeless"
why = "for this test: whatever the loss, it counts as diverged"
set = ["train.diverged_loss=1e-12"]
"""

MODELS = """
[models.cfc]
train = { learning_rate = 0.01 }
"""


def written(folder: Path, *parts: str) -> Path:
    """Write a file of choices."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sine.toml"
    path.write_text("".join(parts), encoding="utf-8")
    return path


def reading(number: int, effect: float | None, outcome: str = "not shown", **alternatives: str) -> Reading:
    """A reading with this effect."""
    return Reading(
        universes=[number], alternatives=alternatives, models=["a", "b"], outcome=outcome, effect=effect, pairs=6
    )
