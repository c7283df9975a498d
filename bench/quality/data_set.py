"""A data set: a distribution that rows are drawn from, and what is known about it."""
from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Rows = np.ndarray  # [N, d]
Draw = Callable[[np.random.Generator, int], Rows]


@dataclass(frozen=True)
class Modes:
    """The modes of a distribution. A model must find each with the right weight and spread."""
    weights: np.ndarray  # [modes], sum 1
    spreads: np.ndarray | None  # [modes], standard deviation of the local coordinates; None: not compared
    assign: Callable[[Rows], np.ndarray]  # [N, d] -> [N], the mode of each row
    local: Callable[[Rows, np.ndarray], Rows] | None = None  # rows and their modes -> [N, c]; None: the rows


@dataclass(frozen=True)
class DataSet:
    name: str
    title: str  # for the page
    draw: Draw  # fresh rows of the true distribution
    training_rows: int = 4000
    training: Callable[[], Rows] | None = None  # a training set that is not drawn at random
    log_density: Callable[[Rows], np.ndarray] | None = None  # [N, d] -> [N] in nats
    modes: Modes | None = None
    dtype: str = "float32"  # of the training file
    header: tuple[str, ...] | None = None  # column names: the training file is CSV
    few: bool = False  # too few rows to fix weights, spreads and the density: see criteria.py
    blocks: int = 20  # of 4,000 samples, of fresh rows and of resampled rows, for the distances
    likelihood_rows: int = 2000

    def generator(self, seed: int, purpose: str) -> np.random.Generator:
        """Separate random streams for each data set, seed and purpose."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode()), zlib.crc32(purpose.encode())])

    def training_set(self, seed: int) -> Rows:
        rows = self.training() if self.training else self.draw(self.generator(seed, "training"), self.training_rows)
        return rows.astype(self.dtype)

    def fresh(self, seed: int, count: int) -> Rows:
        """Rows that are in no training set, in the precision of the training file."""
        return self.draw(self.generator(seed, "fresh"), count).astype(self.dtype).astype(np.float64)

    def extension(self) -> str:
        return "csv" if self.header else "npy"

    def write(self, path: Path, rows: Rows) -> None:
        if not self.header:
            np.save(path, rows.astype(self.dtype))
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(",".join(self.header) + "\n")
            file.writelines(",".join(repr(float(value)) for value in row) + "\n" for row in rows)


def nearest(centers: Rows) -> Callable[[Rows], np.ndarray]:
    """Assigns each row to the nearest center. @param centers [modes, d]"""
    def assign(rows: Rows) -> np.ndarray:
        return np.argmin(((rows[:, None, :] - centers[None]) ** 2).sum(-1), axis=1)
    return assign


def log_sum_exp(values: np.ndarray, axis: int) -> np.ndarray:
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))
