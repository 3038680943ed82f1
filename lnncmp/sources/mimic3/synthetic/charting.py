"""When nurses write something down, and what they read: rounds on the hour, gaps, bursts, measurement noise.

All times are seconds since 1970, all stays are named by their index.
"""

from dataclasses import dataclass

import numpy as np

from lnncmp.sources.mimic3.synthetic.cohort import HOUR, Cohort, Flags, Ints
from lnncmp.sources.mimic3.synthetic.physiology import STEP_HOURS, Course, Floats

# Probability of a reading at a round on the hour.
_CHARTED = {"hr": 0.993, "pressure": 0.965, "rr": 0.976, "spo2": 0.964}
NOISE = {"hr": 4.5, "sbp": 9.5, "dbp": 6.5, "map": 8.5, "rr": 3.3, "spo2": 1.8, "temp": 0.3}
"""Standard deviation of what is written down around the true value, independent from reading to reading."""


@dataclass(frozen=True, eq=False)
class Rounds:
    """Visits to patients (R): index of the stay, time, clock hour, whether it is an extra visit in a burst."""

    stay: Ints
    time: Ints
    burst: Flags

    def take(self, which: Flags) -> "Rounds":
        """Return the visits where `which` (R,) is true."""
        return Rounds(self.stay[which], self.time[which], self.burst[which])

    def regular(self, rng: np.random.Generator, every: int, on: float, off: float) -> Flags:
        """Choose visits: each `every` hours, counted from an hour of the stay's own, with probability `on`, else `off`.

        Extra visits are never chosen.
        """
        phase = rng.integers(0, every, int(self.stay.max(initial=0)) + 1)[self.stay]
        due = (self.time // HOUR + phase) % every == 0
        return np.asarray((rng.random(len(self.stay)) < np.where(due, on, off)) & ~self.burst)


@dataclass(frozen=True, eq=False)
class Readings:
    """What was read (N): stay, time, value, and how: `way` 0 is the usual one, 1 the other (cuff; other item)."""

    stay: Ints
    time: Ints
    value: Floats
    way: Ints


def make_rounds(rng: np.random.Generator, cohort: Cohort, course: Course) -> Rounds:
    """Return all visits, ordered by stay; more frequent where illness is severe, none while patients are away."""
    late = np.where(cohort.metavision, rng.exponential(0.9, len(cohort.stay)), rng.exponential(0.25, len(cohort.stay)))
    early = rng.exponential(1.6, len(cohort.stay))
    begin = -(-(cohort.arrival + late * HOUR) // HOUR)
    end = (cohort.departure - early * HOUR) // HOUR
    count = np.where(cohort.silent, 0, np.maximum(end - begin + 1, 0)).astype(np.int64)
    stay = np.repeat(np.arange(len(count)), count)
    hour = (
        np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count).astype(np.int64)
    )
    stay, hour = _without_absences(rng, stay, hour)
    minutes = np.where(rng.random(len(stay)) < 0.10, rng.integers(-25, 26, len(stay)), 0)
    whole = Rounds(stay, hour * HOUR + 60 * minutes, np.zeros(len(stay), bool))
    acute = at(course["shock"] + course["lung"], whole, cohort) > 0.6
    busy = rng.random(len(stay)) < np.where(acute, 0.15, 0.005)
    extra = [(busy & (rng.random(len(stay)) < 0.7), 60 * minute) for minute in (15, 30, 45)]
    stay = np.concatenate([whole.stay, *(whole.stay[chosen] for chosen, _ in extra)])
    time = np.concatenate([whole.time, *(whole.time[chosen] + later for chosen, later in extra)])
    order = np.lexsort((time, stay))
    return Rounds(stay[order], time[order], (np.arange(len(stay)) >= len(whole.stay))[order])


def _without_absences(rng: np.random.Generator, stay: Ints, hour: Ints) -> tuple[Ints, Ints]:
    """Drop single hours (0.5 %) and absences of one to three hours (beginning at 0.6 % of the hours)."""
    number = np.arange(len(stay))
    until = np.where(rng.random(len(stay)) < 0.006, number + rng.integers(1, 4, len(stay)), 0)
    here = (number >= np.maximum.accumulate(until)) & (rng.random(len(stay)) >= 0.005)
    return stay[here], hour[here]


def at(values: Floats, rounds: Rounds, cohort: Cohort) -> Floats:
    """Return `values` (T, S) at the step in which each visit lies (R,)."""
    step = (rounds.time - cohort.arrival[rounds.stay]) / (HOUR * STEP_HOURS)
    return np.asarray(values[np.clip(step, 0, len(values) - 1).astype(np.int64), rounds.stay])


def _noisy(rng: np.random.Generator, name: str, rounds: Rounds, course: Course, cohort: Cohort) -> Floats:
    return at(course[name], rounds, cohort) + NOISE[name] * rng.standard_normal(len(rounds.stay))


def read_simple(rng: np.random.Generator, rounds: Rounds, course: Course, cohort: Cohort) -> dict[str, Readings]:
    """Return heart rate, breaths and saturation, in whole numbers; saturation is at most 100."""
    found = {}
    for name in ("hr", "rr", "spo2"):
        seen = rounds.take(rng.random(len(rounds.stay)) < _CHARTED[name])
        value = np.round(_noisy(rng, name, seen, course, cohort))
        value = np.minimum(value, 100) if name == "spo2" else np.maximum(value, 3)
        found[name] = Readings(seen.stay, seen.time, value, np.zeros(len(value), np.int64))
    return found


def read_pressures(rng: np.random.Generator, rounds: Rounds, course: Course, cohort: Cohort) -> dict[str, Readings]:
    """Return sbp, dbp and map: by an arterial line (way 0) or a cuff (way 1), now and then both in one visit.

    Two in five stays have a line for a part of their time. A line reads the mean 2 mmHg higher, a cuff 2 lower, on
    average; the same visit's three readings share half of their noise.
    """
    stays = len(cohort.stay)
    lined = np.where(rng.random(stays) < 0.42, rng.uniform(0.4, 1.0, stays), 0.0)
    seen = rounds.take(rng.random(len(rounds.stay)) < _CHARTED["pressure"])
    part = (seen.time - cohort.arrival[seen.stay]) / (cohort.departure - cohort.arrival)[seen.stay]
    line = part < lined[seen.stay]
    also = line & (rng.random(len(line)) < 0.1)
    which = np.concatenate([np.flatnonzero(np.ones(len(line), bool)), np.flatnonzero(also)])
    way = np.concatenate([np.where(line, 0, 1), np.ones(also.sum(), np.int64)])
    both = Rounds(seen.stay[which], seen.time[which], seen.burst[which])
    shared = rng.standard_normal(len(which))
    found = {}
    for name, shift in (("sbp", -1.0), ("dbp", 0.5), ("map", 2.0)):
        own = rng.standard_normal(len(which))
        value = at(course[name], both, cohort) + NOISE[name] * (0.7 * shared + 0.714 * own)
        value = np.maximum(np.round(value + np.where(way == 0, shift, -shift)), 8)
        found[name] = Readings(both.stay, both.time, value, way.astype(np.int64))
    return found


def read_rest(
    rng: np.random.Generator, rounds: Rounds, course: Course, cohort: Cohort, supported: Flags
) -> dict[str, Readings]:
    """Return temp (C), glucose, fio2 (fraction) and urine (mL since the last visit), each at its own times.

    Way 1: temp is written down in Celsius rather than Fahrenheit, glucose and fio2 under another item.
    """
    stays = len(cohort.stay)
    drip, catheter = rng.random(stays) < 0.35, rng.random(stays) < 0.88
    times = {
        "temp": rounds.regular(rng, 4, 0.95, 0.105),
        "glucose": np.where(drip[rounds.stay], rounds.regular(rng, 2, 0.85, 0.12), rounds.regular(rng, 6, 0.75, 0.03)),
        "fio2": rounds.regular(rng, 3, 0.8, 0.09) & supported[rounds.stay],
        "urine": np.where(catheter[rounds.stay], rounds.regular(rng, 1, 0.78, 0.0), rounds.regular(rng, 5, 0.7, 0.03)),
    }
    other = {name: rng.random(stays) < share for name, share in (("temp", 0.25), ("glucose", 0.3), ("fio2", 0.4))}
    found = {}
    for name, chosen in times.items():
        seen = rounds.take(np.asarray(chosen, dtype=bool))
        value = at(course[name], seen, cohort)
        if name == "temp":
            value = value + NOISE["temp"] * rng.standard_normal(len(value))
        if name in ("glucose", "urine"):
            value = np.round(value * np.exp(0.22 * rng.standard_normal(len(value))))
        if name == "fio2":
            value = np.round(20 * value) / 20
        way = other[name][seen.stay].astype(np.int64) if name in other else (rng.random(len(value)) < 0.04).astype(int)
        found[name] = Readings(seen.stay, seen.time, value, way)
    return found


# Cumulative cuts of the alertness score: below the first cut the scale reads 1, below the second 2, and so on.
_CUTS = {"eyes": (-0.84, -0.47, 0.05), "words": (0.0, 0.1, 0.2, 0.45), "motor": (-1.04, -0.95, -0.84, -0.44, -0.10)}


def read_coma(rng: np.random.Generator, rounds: Rounds, course: Course, cohort: Cohort) -> dict[str, Readings]:
    """Return the parts of the Glasgow coma scale: eyes 1-4, words 1-5, motor 1-6, of one alertness score."""
    seen = rounds.take(rounds.regular(rng, 4, 0.92, 0.07))
    score = at(course["alertness"], seen, cohort) + 0.3 * rng.standard_normal(len(seen.stay))
    way = np.zeros(len(score), np.int64)
    return {
        name: Readings(seen.stay, seen.time, np.searchsorted(np.array(cuts), score).astype(np.float64) + 1, way)
        for name, cuts in _CUTS.items()
    }
