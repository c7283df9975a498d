"""Densities whose scores are known: Gaussians and mixtures of Gaussians."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Rows = np.ndarray[Any, Any]  # [n, d]


@dataclass(frozen=True)
class Density:
    """A mixture of round Gaussians of equal weights and one spread, mapped by `factor`."""
    name: str
    centers: Rows  # [modes, d], before the map
    spread: float
    factor: Rows  # [d, d]: x = factor z

    @property
    def dim(self) -> int:
        return int(self.centers.shape[1])

    def draw(self, random: np.random.Generator, count: int) -> Rows:
        modes = random.integers(len(self.centers), size=count)
        return (self.centers[modes] + self.spread * random.standard_normal((count, self.dim))) @ self.factor.T

    def score(self, x: Rows) -> Rows:
        """The gradient of ln p at the rows of x."""
        z = np.linalg.solve(self.factor, x.T).T
        square = self.spread**2
        exponent = (z @ self.centers.T - (self.centers**2).sum(1) / 2) / square
        weight = np.exp(exponent - exponent.max(1, keepdims=True))
        weight /= weight.sum(1, keepdims=True)
        return np.linalg.solve(self.factor.T, ((weight @ self.centers - z) / square).T).T


def gaussian(dim: int) -> Density:
    """Adjacent columns have the correlation 0.7."""
    columns = np.arange(dim)
    factor = np.linalg.cholesky(0.7 ** np.abs(columns[:, None] - columns[None]))
    return Density(f"gaussian-{dim}", np.zeros((1, dim)), 1.0, factor)


def mixture(dim: int) -> Density:
    """Four modes of spread 1, at places with 2.5 times that spread in random directions (in two dimensions, in a square)."""
    if dim == 2:
        centers = 1.8 * np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    else:
        frame = np.linalg.qr(np.random.default_rng(dim).standard_normal((dim, dim)))[0]
        centers = 1.8 * math.sqrt(2) * frame[:4]
        centers -= centers.mean(0)
    return Density(f"mixture-{dim}", centers, 1.0, np.eye(dim))
