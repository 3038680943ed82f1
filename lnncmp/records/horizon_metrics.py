"""Free-running errors in a few numbers, for every case that predicts several steps ahead.

Whether errors accumulate is judged by the error itself: at the last step, over all steps, and against persistence. Its
growth from the first step to the last one says little: a model whose first step is bad has less to grow.
"""

import math
from collections.abc import Sequence

from lnncmp.records.metric import Metric

AREA, LAST, SKILL = "horizon_area", "horizon_nmse", "horizon_skill"
"""Names of the metrics over the whole horizon."""


def horizon_metrics(steps: Sequence[int]) -> tuple[Metric, ...]:
    """Return the metrics; steps: at which the skill is reported."""
    whole = (
        _metric(
            LAST, "NMSE at\nhorizon", "lower", "NMSE at the last free-running step, each prediction being fed back"
        ),
        _metric(
            AREA,
            "NMSE over\nhorizon",
            "lower",
            "mean over all free-running steps of the NMSE: the area under the error's curve over its length",
        ),
        _metric(
            SKILL,
            "Skill over\nhorizon",
            "higher",
            "mean over all free-running steps of 1 - NMSE / NMSE of persistence: 1 is no error, 0 as good as repeating "
            "the last value",
        ),
    )
    return (
        *whole,
        *(
            _metric(
                _skill(step),
                f"Skill\nat step {step}",
                "higher",
                f"1 - NMSE / NMSE of persistence, {step} step{'' if step == 1 else 's'} after the last true input",
                compared=False,
            )
            for step in steps
        ),
    )


def horizon_values(
    errors: Sequence[float], persistence: Sequence[float], steps: Sequence[int] = ()
) -> dict[str, float]:
    """Return the metrics by name from the NMSE of a predictor and of persistence at the free-running steps 1 .. K.

    Left out is what is not defined: all without a known error, skill where persistence has none or makes no error,
    steps beyond K. Steps without an observed target (NaN) do not count.
    """
    known = [error for error in errors if not math.isnan(error)]
    skills = {
        n: 1 - error / base for n, (error, base) in enumerate(zip(errors, persistence, strict=True), 1) if base > 0
    }
    skills = {n: skill for n, skill in skills.items() if not math.isnan(skill)}
    whole = {LAST: list(errors[-1:]), AREA: known, SKILL: list(skills.values())}
    found = {name: _mean(values) for name, values in whole.items() if values}
    found = {name: value for name, value in found.items() if not math.isnan(value)}
    return found | {_skill(step): skills[step] for step in steps if step in skills}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _skill(step: int) -> str:
    return f"skill_{step}"


def _metric(name: str, heading: str, better: str, formula: str, compared: bool = True) -> Metric:
    return Metric.model_validate(
        {"name": name, "heading": heading, "unit": "", "better": better, "formula": formula, "compared": compared}
    )
