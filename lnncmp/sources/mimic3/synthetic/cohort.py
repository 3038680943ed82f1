"""Who is simulated: subjects, their admissions and intensive care stays, with the odd dates of MIMIC-III.

Identifiers have six digits from 900001, beyond any identifier of MIMIC-III, so that the two cannot be confused.
Dates are seconds since 1970 (int64): birth dates 300 years back do not fit nanoseconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.mimic3.synthetic.settings import Settings, stream

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FIRST_SUBJECT, FIRST_ADMISSION, FIRST_STAY = 900_001, 910_001, 950_001
HOUR, DAY = 3600, 86_400
_YEAR = 365.2425 * DAY
_MEDIAN_HOURS, _SPREAD = 57.0, 1.05
_LEAST_HOURS, _MOST_HOURS = 3.0, 600.0


@dataclass(frozen=True, eq=False)
class Cohort:
    """Subjects (n,) and stays (S,), stays sorted by subject and time.

    subject, female, birth: of each subject; birth in seconds since 1970.
    owner: index of the subject of each stay; admission, stay: identifiers of each stay.
    metavision: the stay was charted in MetaVision, else in CareVue. silent: it has no charted rows.
    arrival, departure: INTIME and OUTTIME in seconds; open_ended: OUTTIME is not recorded.
    neonate: of each subject.
    """

    subject: Ints
    female: Flags
    birth: Ints
    neonate: Flags
    owner: Ints
    admission: Ints
    stay: Ints
    metavision: Flags
    silent: Flags
    open_ended: Flags
    arrival: Ints
    departure: Ints

    @property
    def hours(self) -> NDArray[np.float64]:
        """Length of each stay (S,) in hours."""
        return (self.departure - self.arrival) / HOUR


def make_cohort(settings: Settings) -> Cohort:
    """Return subjects and stays: a fifth of the subjects has more than one stay, lengths are log-normal."""
    rng = stream(settings, "cohort")
    people = settings.subjects
    stays = 1 + np.where(rng.random(people) < 0.2, rng.geometric(0.65, people), 0)
    owner = np.repeat(np.arange(people), stays)
    total = len(owner)
    first = np.r_[True, owner[1:] != owner[:-1]]
    lengths = np.clip(_MEDIAN_HOURS * np.exp(_SPREAD * rng.standard_normal(total)), _LEAST_HOURS, _MOST_HOURS)
    seconds = np.round(lengths * HOUR).astype(np.int64)
    same_admission = ~first & (rng.random(total) < 0.3)
    pause = np.where(same_admission, rng.uniform(0.2, 3, total), rng.uniform(20, 400, total)) * DAY
    begin = rng.uniform(132 * _YEAR, 225 * _YEAR, people)  # the years 2102 to 2195
    arrival = _arrivals(owner, first, begin, seconds, pause.astype(np.int64))
    neonate = np.arange(people) % 50 == 17
    return Cohort(
        subject=FIRST_SUBJECT + np.arange(people),
        female=rng.random(people) < 0.45,
        birth=_births(rng, arrival[first], neonate),
        neonate=neonate,
        owner=owner,
        admission=FIRST_ADMISSION + np.cumsum(~same_admission) - 1,
        stay=FIRST_STAY + np.arange(total),
        metavision=(rng.random(people) < 0.57)[owner] & ~neonate[owner],
        silent=rng.random(total) < 0.02,
        open_ended=np.arange(total) == total - 1,
        arrival=arrival,
        departure=arrival + seconds,
    )


def _arrivals(owner: Ints, first: Flags, begin: NDArray[np.float64], seconds: Ints, pause: Ints) -> Ints:
    """Return INTIME (S,): a subject's stays follow each other with pauses, none overlaps another."""
    step = np.where(first, 0, np.r_[0, seconds[:-1]] + pause)
    elapsed = np.cumsum(step)
    return np.asarray(begin.astype(np.int64)[owner] + elapsed - elapsed[first][owner], dtype=np.int64)


def _births(rng: np.random.Generator, arrival: Ints, neonate: Flags) -> Ints:
    """Return midnights of birth (n,): adults of 17 to 89 years; the oldest 7 % are dated back 300 years."""
    people = len(arrival)
    age = np.clip(rng.normal(66, 16, people), 17.2, 89)
    age = np.where(rng.random(people) < 0.07, 300.0, age)
    age = np.where(neonate, 0.0, age)
    return np.asarray((arrival - age * _YEAR).astype(np.int64) // DAY * DAY)
