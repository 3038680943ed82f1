"""The bodies of simulated patients: coupled equations for circulation, breathing and temperature, all stays at once.

One step is a quarter of an hour (explicit Euler). Illness comes in episodes, reflexes answer at once, treatment
answers with a delay, and all of it acts on quantities that also wander by themselves. The equations are stylized:
they were written to have the right signs and the measured spreads, not fitted to any patient.

Legend: M mean pressure (mmHg), P pulse pressure (mmHg), T temperature (C), S oxygen saturation (%); shock, lung:
severity of illness (0 = none); OU: Ornstein-Uhlenbeck process of unit variance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEP_HOURS = 0.25
WARM_UP = 96
"""Steps before arrival that are simulated and dropped, so that no stay begins in a state of rest."""

_FAST, _SLOW = 4.0, 30.0  # time constants of the two OU processes of each quantity, in hours
QUANTITIES = ("pressure", "pulse", "rate", "breathing", "desaturation", "warmth", "sugar", "alertness", "kidney")


@dataclass(frozen=True, eq=False)
class Course:
    """What happens in each stay (S) at each step (T), each (T, S).

    hr (bpm), sbp, dbp, mean pressure `map` (mmHg), rr (/min), spo2 (%), temp (C), glucose (mg/dL), fio2 (fraction),
    alertness (normal score), urine (mL/h); shock, lung: severity; pressor, volume: treatment (arbitrary units).
    """

    values: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        """Return the quantity `name` (T, S)."""
        return self.values[name]


class _Wander:
    """Unit-variance sums of a patient's constant, a slow and a fast OU process, for each quantity."""

    def __init__(self, rng: np.random.Generator, stays: int) -> None:
        size = (len(QUANTITIES), stays)
        self._rng, self._size = rng, size
        self._constant, self._slow, self._fast = (rng.standard_normal(size) for _ in range(3))

    def step(self) -> dict[str, Floats]:
        """Advance by one step and return the sum (S,) of each quantity: variance shares 0.64, 0.23 and 0.13."""
        for process, hours in ((self._slow, _SLOW), (self._fast, _FAST)):
            keep = float(np.exp(-STEP_HOURS / hours))
            process *= keep
            process += (1 - keep**2) ** 0.5 * self._rng.standard_normal(self._size)
        total = 0.80 * self._constant + 0.48 * self._slow + 0.36 * self._fast
        return dict(zip(QUANTITIES, total, strict=True))


class _Episodes:
    """An illness that strikes at random times: a drive for some hours, followed with a delay of 1.5 hours.

    Strikes come at 1/`every` per patient-hour, times a log-normal frailty of the patient.
    """

    def __init__(self, rng: np.random.Generator, stays: int, every: float) -> None:
        self._rng = rng
        self._rate = STEP_HOURS / every * np.exp(0.7 * rng.standard_normal(stays) - 0.25)
        self._drive, self._left = np.zeros(stays), np.zeros(stays)
        self.level = np.zeros(stays)

    def step(self) -> None:
        """Advance by one step; the severity is `level` (S,)."""
        stays = len(self.level)
        strikes = (self._rng.random(stays) < self._rate) & (self._left <= 0)
        self._drive = np.where(strikes, self._rng.uniform(0.8, 2.2, stays), self._drive)
        self._left = np.where(strikes, self._rng.uniform(3, 14, stays), self._left - STEP_HOURS)
        self.level += STEP_HOURS / 1.5 * (self._drive * (self._left > 0) - self.level)


class _Ward:
    """All patients at one moment; `step` advances them together."""

    def __init__(self, rng: np.random.Generator, clock: Floats, supported: NDArray[np.bool_]) -> None:
        stays = len(clock)
        self._rng, self._clock = rng, clock
        self._wander = _Wander(rng, stays)
        self._shock, self._lung = _Episodes(rng, stays, 90.0), _Episodes(rng, stays, 90.0)
        self._septic = rng.random(stays) < 0.6
        self._base_oxygen = np.where(supported, rng.uniform(0.35, 0.5, stays), 0.21)
        self.oxygen = self._base_oxygen.copy()
        self.pressure, self.saturation = np.full(stays, 77.0), np.full(stays, 97.0)
        self.tone, self.pressor, self.volume, self.infection = (np.zeros(stays) for _ in range(4))

    def step(self, hour: float) -> dict[str, Floats]:
        """Advance to `hour` hours after arrival and return every quantity (S,)."""
        now = self._wander.step()
        self._shock.step()
        self._lung.step()
        self._treat()
        self.infection += STEP_HOURS / 8 * (self._septic * self._shock.level - self.infection)
        evening = np.cos(2 * np.pi * (self._clock + hour - 17) / 24)
        return self._circulation(now, evening) | self._breathing(now) | self._rest(now)

    def _treat(self) -> None:
        """Vasopressors and fluids answer low pressure, oxygen answers low saturation; all are weaned slowly."""
        low, fine = np.clip((64 - self.pressure) / 8, 0, 2), np.clip((self.pressure - 70) / 8, 0, 1.5)
        self.pressor = np.clip(self.pressor + STEP_HOURS * (0.3 * low - 0.15 * fine), 0, 2.5)
        bolus = (low > 0) & (self._rng.random(len(low)) < 0.2)
        self.volume += 0.6 * bolus - STEP_HOURS / 8 * self.volume
        short = np.clip(92 - self.saturation, 0, 10)
        wean = STEP_HOURS / 6 * (self.oxygen - self._base_oxygen) * (self.saturation > 94)
        self.oxygen = np.clip(self.oxygen + STEP_HOURS * 0.06 * short - wean, 0.21, 1.0)

    def _circulation(self, now: dict[str, Floats], evening: Floats) -> dict[str, Floats]:
        shock = self._shock.level
        self.temp = 36.82 + 0.74 * now["warmth"] + 0.45 * self.infection + 0.15 * evening
        self.pressure = 75.0 + 16 * now["pressure"] - 14 * shock + 8 * self.pressor + 3 * self.volume + 1.0 * evening
        self.pressure = np.maximum(self.pressure, 25 + 0.2 * self.pressure)
        wanted = np.clip((72 - self.pressure) / 12, -0.4, 2.5)
        self.tone += STEP_HOURS / 0.5 * (wanted - self.tone)
        pulse = np.maximum(
            60.5 + 14 * now["pulse"] + 0.4 * (self.pressure - 77) - 4 * shock - 2 * self.tone.clip(0), 14
        )
        rate = 87.3 + 15.5 * now["rate"] + 2.5 * self.tone + 4 * shock + 5 * (self.temp - 36.8) + 1.5 * evening
        return {
            "map": self.pressure,
            "sbp": self.pressure + 0.7 * pulse,
            "dbp": self.pressure - 0.3 * pulse,
            "hr": np.clip(rate, 35, 190),
            "temp": self.temp,
        }

    def _breathing(self, now: dict[str, Floats]) -> dict[str, Floats]:
        lung = self._lung.level
        relief = 1 - 0.6 * (self.oxygen - 0.21) / 0.79
        self.saturation = np.clip(100 - np.exp(0.42 + 0.9 * now["desaturation"]) - 5 * lung * relief, 40, 100)
        hunger = np.clip(95 - self.saturation, 0, 12)
        fever = self.temp - 36.8
        rate = 19.8 + 5.3 * now["breathing"] + 2.5 * lung + 0.25 * hunger + 1.2 * fever + 1.0 * self._shock.level
        return {"spo2": self.saturation, "rr": np.clip(rate, 5, 55), "fio2": self.oxygen.copy()}

    def _rest(self, now: dict[str, Floats]) -> dict[str, Floats]:
        shock, lung = self._shock.level, self._lung.level
        flow = np.clip((self.pressure - 45) / 32, 0.05, 1.5)
        return {
            "glucose": np.exp(4.87 + 0.3 * now["sugar"] + 0.08 * shock),
            "alertness": now["alertness"] - 0.5 * shock,
            "urine": 80 * flow * np.exp(0.6 * now["kidney"]),
            "shock": shock.copy(),
            "lung": lung.copy(),
            "pressor": self.pressor.copy(),
            "volume": self.volume.copy(),
        }


def simulate_course(rng: np.random.Generator, hours: Floats, clock: Floats, supported: NDArray[np.bool_]) -> Course:
    """Return the course of stays of `hours` (S,), which begin at the hour of day `clock` (S,).

    supported: (S,) whether the patient gets oxygen from the start. Row t of the result is t * STEP_HOURS after
    arrival; all stays run as long as the longest.
    """
    steps = int(np.ceil(hours.max() / STEP_HOURS)) + 1
    ward = _Ward(rng, clock, supported)
    rows = [ward.step(STEP_HOURS * t) for t in range(-WARM_UP, steps)][WARM_UP:]
    return Course({name: np.stack([row[name] for row in rows]) for name in rows[0]})
