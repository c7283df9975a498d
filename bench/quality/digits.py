"""Handwritten digits. Two thirds are for training; new digits are compared with the other third, in units of real digits.

The three statistics are those of tests/command/digits_test.cpp, which explains what each of them detects.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_set import Rows

TRAINING, HELD_OUT, SAMPLES = 1198, 599, 1000
DIRECTIONS, SPLITS = 500, 20
SIDE = 8  # pixels


@dataclass(frozen=True)
class Likeness:
    """Each relative to the same statistic of real digits."""
    wasserstein: float  # to the held-out digits
    to_held_out: float  # mean distance to the nearest held-out digit
    to_training: float  # and to the nearest training digit


def read(path: Path) -> Rows:
    digits = np.load(path)
    expected = (TRAINING + HELD_OUT, SIDE * SIDE)
    if digits.shape != expected:
        raise ValueError(f"{path}: expected shape {list(expected)}, got {list(digits.shape)}")
    return digits


def split(digits: Rows, seed: int, first: int, count: int) -> Rows:
    """`count` digits starting at `first`, in an order shuffled by `seed`."""
    return digits[np.random.default_rng([seed, 8]).permutation(len(digits))[first:first + count]].astype(np.float64)


def directions(dim: int) -> Rows:
    vectors = np.random.default_rng(2).standard_normal((DIRECTIONS, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sliced_w2(a: Rows, b: Rows) -> float:
    """The square root of the mean squared W2 between projections, over the directions. Exact for any two sizes, because the
    quantile functions are constant between multiples of 1/N and 1/M."""
    onto = directions(a.shape[1])
    ends = np.unique(np.concatenate([np.arange(1, len(a) + 1) * len(b), np.arange(1, len(b) + 1) * len(a)]))
    lengths = np.diff(ends, prepend=0)
    quantiles_a, quantiles_b = (np.sort(onto @ rows.T, axis=1)[:, (ends - 1) * len(rows) // ends[-1]] for rows in (a, b))
    squared = ((quantiles_a - quantiles_b) ** 2 * lengths).sum(axis=1) / ends[-1]
    return float(np.sqrt(squared.mean()))


def mean_nearest_distance(rows: Rows, to: Rows) -> float:
    squares = (rows**2).sum(1)[:, None] + (to**2).sum(1) - 2 * rows @ to.T
    return float(np.sqrt(np.maximum(squares.min(axis=1), 0)).mean())


def compare(digits: Rows, seed: int, samples: Rows) -> Likeness:
    """Compares samples of a model that was trained on the first TRAINING digits in the order of `seed`."""
    training, held_out = split(digits, seed, 0, TRAINING), split(digits, seed, TRAINING, HELD_OUT)
    real = np.zeros(2)
    for each in range(SPLITS):
        some = split(digits, 1000 + each, 0, SAMPLES)
        others = split(digits, 1000 + each, SAMPLES, HELD_OUT)
        real += np.array([sliced_w2(some, others), mean_nearest_distance(some, others)]) / SPLITS
    return Likeness(sliced_w2(samples, held_out) / real[0], mean_nearest_distance(samples, held_out) / real[1],
                    mean_nearest_distance(samples, training) / mean_nearest_distance(held_out, training))
