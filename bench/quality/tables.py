"""Realistic tables: columns with different units, a yes-or-no column, large offsets."""
from __future__ import annotations

import math

import numpy as np

from data_set import DataSet, Modes, Rows


def people() -> DataSet:
    """Age in years, yearly income, whether the person smokes, and body-mass index, which depend on each other."""
    def draw(random: np.random.Generator, count: int) -> Rows:
        age = 18 + 67 * random.beta(2, 2.5, count)
        smokes = random.uniform(size=count) < 0.3
        log_income = 10.3 + 0.8 * (age - 18) / 67 - 0.15 * smokes + 0.45 * random.standard_normal(count)
        index = 22 + 0.08 * (age - 18) - 1.2 * smokes + 2.8 * random.standard_normal(count)
        return np.stack([np.round(age, 2), np.round(np.exp(log_income), 2), smokes, np.round(index, 2)], axis=1)

    smoking = Modes(np.array([0.7, 0.3]), None, lambda rows: (rows[:, 2] > 0.5).astype(int))
    return DataSet("people", "table (CSV): age, income, smoker (0 or 1), body-mass index", draw, modes=smoking,
                   dtype="float64", header=("age", "income", "smoker", "bmi"))


def julian_days() -> DataSet:
    """The fraction of a day with an offset so large that float32 would lose it, and the pressure in pascals at that time."""
    day, shape = 2459000.5, (2.0, 3.0)
    log_beta = math.lgamma(shape[0]) + math.lgamma(shape[1]) - math.lgamma(sum(shape))
    noise = 150.0

    def pressure(u: np.ndarray) -> np.ndarray:
        return 101325 + 500 * np.sin(2 * math.pi * u)

    def draw(random: np.random.Generator, count: int) -> Rows:
        u = random.beta(*shape, count)
        return np.stack([day + u, pressure(u) + noise * random.standard_normal(count)], axis=1)

    def log_density(rows: Rows) -> np.ndarray:
        u = rows[:, 0] - day
        z = (rows[:, 1] - pressure(u)) / noise
        of_day = (shape[0] - 1) * np.log(u) + (shape[1] - 1) * np.log1p(-u) - log_beta
        return of_day - z**2 / 2 - math.log(noise * math.sqrt(2 * math.pi))

    return DataSet("julian-days", "Julian days and pressure (float64)", draw, log_density=log_density, dtype="float64")
