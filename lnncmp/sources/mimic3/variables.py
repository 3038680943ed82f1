"""The variables of an intensive care stay, in the order in which every source delivers them.

Ranges are those outside of which a value is an artefact: chosen between mimic-code, ricu and mimic3-benchmarks.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One measured quantity: name, words, unit, least and greatest plausible value, how an hour is summed up.

    combine: "mean" of the hour's values, their "sum", or the "last" one.
    """

    name: str
    words: str
    unit: str
    low: float
    high: float
    combine: str = "mean"


CORE: tuple[Variable, ...] = (
    Variable("hr", "heart rate", "bpm", 10.0, 300.0),
    Variable("sbp", "systolic blood pressure", "mmHg", 20.0, 300.0),
    Variable("dbp", "diastolic blood pressure", "mmHg", 5.0, 225.0),
    Variable("map", "mean arterial pressure", "mmHg", 14.0, 330.0),
    Variable("rr", "respiratory rate", "/min", 1.0, 80.0),
    Variable("spo2", "oxygen saturation", "%", 30.0, 100.0),
    Variable("temp", "temperature", "C", 26.0, 45.0),
)
"""The state that is predicted."""

CONTEXT: tuple[Variable, ...] = (
    Variable("glucose", "blood glucose", "mg/dL", 20.0, 2000.0),
    Variable("gcs_eye", "Glasgow coma scale, eyes", "points", 1.0, 4.0, "last"),
    Variable("gcs_motor", "Glasgow coma scale, motor", "points", 1.0, 6.0, "last"),
    Variable("fio2", "inspired oxygen", "fraction", 0.2, 1.0),
    Variable("urine", "urine output", "mL/h", 0.0, 5000.0, "sum"),
)
"""Variables that a recipe may add to the inputs; they are never predicted."""

VARIABLES = CORE + CONTEXT
"""All columns of a recording, core first."""

NAMES = tuple(variable.name for variable in VARIABLES)
