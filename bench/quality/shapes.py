"""Shapes in the plane: rings, moons, a checkerboard, a pinwheel."""
from __future__ import annotations

import math

import numpy as np

from data_set import DataSet, Modes, Rows, log_sum_exp, nearest


def log_normal_density(values: np.ndarray, deviation: float) -> np.ndarray:
    return -(values / deviation) ** 2 / 2 - math.log(deviation * math.sqrt(2 * math.pi))


def circle() -> DataSet:
    """A curve without width has no density. The training set is that of the README. For fresh rows, t is uniform on its range of
    six and a half turns, so one half of the ring is slightly denser than the other."""
    def ring(t: np.ndarray) -> Rows:
        return 0.7 * np.stack([np.cos(t), np.sin(t)], axis=1)

    return DataSet("circle", "circle of radius 0.7, as in the README", lambda random, count: ring(random.uniform(0, 40.96, count)),
                   training=lambda: ring(np.arange(0, 40.96, 0.01)), training_rows=4096)


def rings() -> DataSet:
    radii, width = np.array([0.5, 1.5]), 0.04

    def draw(random: np.random.Generator, count: int) -> Rows:
        radius = random.choice(radii, count) + width * random.standard_normal(count)
        angle = random.uniform(0, 2 * math.pi, count)
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def log_density(rows: Rows) -> np.ndarray:
        radius = np.hypot(rows[:, 0], rows[:, 1])
        of_each = log_normal_density(radius[:, None] - radii, width) - math.log(2)
        return log_sum_exp(of_each, axis=1) - np.log(2 * math.pi * radius)

    def local(rows: Rows, _: np.ndarray) -> Rows:
        return np.hypot(rows[:, 0], rows[:, 1])[:, None]

    modes = Modes(np.full(2, 0.5), np.full(2, width), lambda rows: (local(rows, rows)[:, 0] > 1).astype(int), local)
    return DataSet("rings", "two rings of radius 0.5 and 1.5", draw, log_density=log_density, modes=modes)


def moons() -> DataSet:
    """Two interleaved half circles of radius 1, with Gaussian noise. The density is a fine sum of Gaussians along the arcs. The
    spread of a mode is that of the distance to the center of its arc; the sum gives it."""
    noise, centers = 0.1, np.array([[0.0, 0.0], [1.0, 0.5]])

    def arcs(angle: np.ndarray, label: np.ndarray) -> Rows:
        sign = 1 - 2 * label
        return np.stack([centers[label, 0] + sign * np.cos(angle), centers[label, 1] + sign * np.sin(angle)], axis=1)

    def draw(random: np.random.Generator, count: int) -> Rows:
        angle, label = random.uniform(0, math.pi, count), random.integers(0, 2, count)
        return arcs(angle, label) + noise * random.standard_normal((count, 2))

    places = (np.arange(400) + 0.5) * math.pi / 400
    nodes = np.concatenate([arcs(places, np.full(400, label)) for label in (0, 1)])

    def squares(rows: Rows) -> np.ndarray:
        return ((rows[:, None, :] - nodes[None]) ** 2).sum(-1)

    def log_density(rows: Rows) -> np.ndarray:
        of_each = -squares(rows) / (2 * noise**2) - math.log(2 * math.pi * noise**2 * len(nodes))
        return log_sum_exp(of_each, axis=1)

    def assign(rows: Rows) -> np.ndarray:
        """Returns the nearer arc. For a point beyond both ends of an arc, the distance is that to the nearer end."""
        distance = []
        for label, sign in ((0, 1), (1, -1)):
            x, y = sign * (rows[:, 0] - centers[label, 0]), sign * (rows[:, 1] - centers[label, 1])
            beside = np.abs(np.hypot(x, y) - 1)
            distance.append(np.where(y >= 0, beside, np.hypot(np.abs(x) - 1, y)))
        return np.argmin(distance, axis=0)

    def local(rows: Rows, labels: np.ndarray) -> Rows:
        return np.hypot(*(rows - centers[labels]).T)[:, None]

    return DataSet("moons", "two moons", draw, log_density=log_density,
                   modes=Modes(np.full(2, 0.5), np.full(2, noise), assign, local))


def checkerboard() -> DataSet:
    """Uniform on the eight dark squares of a 4 x 4 board of side 4."""
    def draw(random: np.random.Generator, count: int) -> Rows:
        row = random.integers(0, 4, count)
        column = 2 * random.integers(0, 2, count) + row % 2
        return np.stack([column, row], axis=1) - 2 + random.uniform(0, 1, (count, 2))

    def log_density(rows: Rows) -> np.ndarray:
        from_center = np.abs(rows - centers[nearest(centers)(rows)]).max(1)
        return np.where(from_center <= 0.5 + 1e-6, -math.log(8), -np.inf)  # rounding may have moved a row over the edge

    centers = np.array([[column, row] for row in range(4) for column in range(4) if (row + column) % 2 == 0]) - 1.5
    modes = Modes(np.full(8, 1 / 8), np.full(8, math.sqrt(1 / 12)), nearest(centers))
    return DataSet("checkerboard", "checkerboard", draw, log_density=log_density, modes=modes,
                   likelihood_rows=8000)  # near the edges, ln p varies by a nat from row to row


def pinwheel() -> DataSet:
    """Five arms: Gaussians of standard deviation 0.3 outward and 0.1 across, rotated by rate e^radius, with the parameters of
    FFJORD's pinwheel (Grathwohl et al. 2019). Rotation by a function of the radius preserves areas, so the density is that of the
    unrotated arms. At twice this rate, an arm at radius 2, beyond which some 15 of 4,000 rows are, is 0.013 thick."""
    arms, deviation, rate = 5, np.array([0.3, 0.1]), 0.25
    bases = 2 * math.pi * np.arange(arms) / arms

    def turned(rows: Rows, angle: np.ndarray) -> Rows:
        cos, sin = np.cos(angle), np.sin(angle)
        return np.stack([cos * rows[:, 0] - sin * rows[:, 1], sin * rows[:, 0] + cos * rows[:, 1]], axis=1)

    def twist(rows: Rows) -> np.ndarray:
        return rate * np.exp(np.hypot(rows[:, 0], rows[:, 1]))

    def draw(random: np.random.Generator, count: int) -> Rows:
        arm = random.standard_normal((count, 2)) * deviation + [1, 0]
        return turned(arm, bases[random.integers(0, arms, count)] + twist(arm))

    def log_density(rows: Rows) -> np.ndarray:
        of_each = [log_normal_density(arm[:, 0] - 1, deviation[0]) + log_normal_density(arm[:, 1], deviation[1])
                   for arm in (turned(rows, -twist(rows) - base) for base in bases)]
        return log_sum_exp(np.array(of_each) - math.log(arms), axis=0)

    def assign(rows: Rows) -> np.ndarray:
        straight = turned(rows, -twist(rows))
        angle = np.arctan2(straight[:, 1], straight[:, 0])
        return np.round(angle * arms / (2 * math.pi)).astype(int) % arms

    def local(rows: Rows, labels: np.ndarray) -> Rows:
        """Across the arm."""
        return turned(rows, -twist(rows) - bases[labels])[:, 1:]

    return DataSet("pinwheel", "pinwheel of five arms", draw, log_density=log_density,
                   modes=Modes(np.full(arms, 1 / arms), np.full(arms, deviation[1]), assign, local))
