"""The whole simulation: settings in, the bytes of four tables out."""

import numpy as np

from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.mimic3.synthetic import tables
from lnncmp.sources.mimic3.synthetic.charting import make_rounds, read_coma, read_pressures, read_rest, read_simple
from lnncmp.sources.mimic3.synthetic.cohort import HOUR, Cohort, make_cohort
from lnncmp.sources.mimic3.synthetic.defects import corrupt
from lnncmp.sources.mimic3.synthetic.physiology import Course, simulate_course
from lnncmp.sources.mimic3.synthetic.rows import chart_rows
from lnncmp.sources.mimic3.synthetic.settings import Settings, stream

DESCRIPTION = "Simulating intensive care stays"
_SUPPORTED = 0.58


def simulate_bodies(settings: Settings) -> tuple[Cohort, Course, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the cohort, the true course of each stay, and who (S,) gets oxygen from the start."""
    cohort = make_cohort(settings)
    rng = stream(settings, "physiology")
    supported = rng.random(len(cohort.stay)) < _SUPPORTED
    clock = cohort.arrival % (24 * HOUR) / HOUR
    return cohort, simulate_course(rng, cohort.hours, clock, supported), supported


def simulate_tables(settings: Settings, progress: Progress = no_progress) -> dict[str, bytes]:
    """Return the content of CHARTEVENTS.csv, ICUSTAYS.csv, PATIENTS.csv and OUTPUTEVENTS.csv by file name."""
    progress(DESCRIPTION, 0, 3)
    cohort, course, supported = simulate_bodies(settings)
    progress(DESCRIPTION, 1, 3)
    rng = stream(settings, "charting")
    rounds = make_rounds(rng, cohort, course)
    readings = {
        **read_simple(rng, rounds, course, cohort),
        **read_pressures(rng, rounds, course, cohort),
        **read_rest(rng, rounds, course, cohort, supported),
        **read_coma(rng, rounds, course, cohort),
    }
    rows = corrupt(stream(settings, "traps"), chart_rows(readings, cohort.metavision), cohort)
    progress(DESCRIPTION, 2, 3)
    output = stream(settings, "output")
    made = {
        "CHARTEVENTS.csv": tables.chartevents(output, cohort, rows),
        "ICUSTAYS.csv": tables.icustays(output, cohort),
        "PATIENTS.csv": tables.patients(cohort),
        "OUTPUTEVENTS.csv": tables.outputevents(output, cohort, readings["urine"]),
    }
    progress(DESCRIPTION, 3, 3)
    return made
