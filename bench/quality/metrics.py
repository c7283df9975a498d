"""How far samples are from the truth: distances, modes, densities."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_set import DataSet, Modes, Rows

BLOCK = 4000  # rows on either side of a distance
DIRECTIONS = 64
WEIGHT_BOUND = 0.04  # of a mode; less for modes of a weight below twice that


def directions(dim: int) -> Rows:
    """[directions, dim], unit vectors, the same for every run: evenly spaced in the plane, random in more dimensions."""
    if dim == 1:
        return np.ones((1, 1))
    if dim == 2:
        angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vectors = np.random.default_rng(1).standard_normal((DIRECTIONS, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sorted_projections(rows: Rows, onto: Rows) -> np.ndarray:
    """@returns [directions, N], the quantiles along each direction"""
    return np.sort(onto @ rows.T, axis=1)


def sliced_wasserstein(a: Rows, b: Rows, onto: Rows) -> float:
    """The mean over the directions of the W1 distance between the projections. @param a, b of as many rows"""
    if len(a) != len(b):
        raise ValueError(f"sliced_wasserstein: expected as many rows on both sides, got {len(a)} and {len(b)}")
    return float(np.abs(sorted_projections(a, onto) - sorted_projections(b, onto)).mean())


@dataclass(frozen=True)
class Distances:
    """Means over all pairs of a block of BLOCK rows and a block of fresh rows of the truth, columns in standard deviations
    of the truth. All pairs of n blocks with n blocks, and not n pairs, as a mean of n varies by a tenth in the plane."""
    samples: float
    resampled: float  # rows drawn with replacement from the training set
    truth: float  # other rows of the truth: what a perfect model would have

    @property
    def ratio(self) -> float:
        return self.samples / self.resampled

    @property
    def best_ratio(self) -> float:
        return self.truth / self.resampled


def compare(data_set: DataSet, seed: int, training: Rows, samples: Rows, blocks: int) -> Distances:
    """@param samples [blocks BLOCK, d]"""
    expected = (blocks * BLOCK, training.shape[1])
    if samples.shape != expected:
        raise ValueError(f"samples: expected {list(expected)}, got {list(samples.shape)}")
    fresh = data_set.fresh(seed, blocks * BLOCK)
    center, scale = fresh.mean(0), fresh.std(0)
    random = data_set.generator(seed, "resampling")
    onto = directions(training.shape[1])

    def quantiles(rows: Rows) -> np.ndarray:
        return sorted_projections((rows.astype(np.float64) - center) / scale, onto).astype(np.float32)

    def mean_distance(rows: Rows) -> float:
        of_rows = quantiles(rows)
        return float(np.mean([np.abs(of_rows - each).mean() for each in of_truth]))

    of_truth = [quantiles(fresh[first:first + BLOCK]) for first in range(0, len(fresh), BLOCK)]
    others = data_set.draw(data_set.generator(seed, "other fresh rows"), len(fresh))
    sums = np.zeros(3)
    for first in range(0, len(fresh), BLOCK):
        resampled = training[random.integers(0, len(training), BLOCK)]
        sums += [mean_distance(rows) for rows in (samples[first:first + BLOCK], resampled, others[first:first + BLOCK])]
    return Distances(*(float(each) for each in sums / blocks))


@dataclass(frozen=True)
class ModeErrors:
    weight: float  # the largest |weight - expected|
    weight_excess: float  # the largest of that over its bound: at most 1 is well
    spread: float | None  # the largest |standard deviation / expected - 1|


def weights_of(modes: Modes, rows: Rows) -> np.ndarray:
    return np.bincount(modes.assign(rows), minlength=len(modes.weights)) / len(rows)


def spreads_of(modes: Modes, rows: Rows) -> np.ndarray:
    """Standard deviation about each mode's mean, the coordinates pooled; NaN with fewer than two rows."""
    labels = modes.assign(rows)
    local = modes.local(rows, labels) if modes.local else rows
    return np.array([np.sqrt(local[labels == mode].var(axis=0, ddof=1).mean()) if np.sum(labels == mode) > 1 else np.nan
                     for mode in range(len(modes.weights))])


def mode_errors(modes: Modes, samples: Rows, expected: np.ndarray | None = None) -> ModeErrors:
    """@param expected weights to compare with instead of the truth's. A weight may be off by WEIGHT_BOUND, and a light mode
    by half its weight, so that a mode that is missing is never within bounds."""
    expected = modes.weights if expected is None else expected
    errors = np.abs(weights_of(modes, samples) - expected)
    spread = None
    if modes.spreads is not None:
        relative = np.abs(spreads_of(modes, samples) / modes.spreads - 1)
        spread = float(np.where(np.isnan(relative), 1, relative).max())
    return ModeErrors(float(errors.max()), float((errors / np.minimum(WEIGHT_BOUND, modes.weights / 2)).max()), spread)


def log_density_error(of_model: np.ndarray, of_truth: np.ndarray, dim: int) -> float:
    """The mean of ln p_model - ln p_true on fresh rows, in nats per dimension: minus the Kullback-Leibler divergence over
    the dimension, if the model's density is normalized."""
    if of_model.shape != of_truth.shape:
        raise ValueError(f"log_density_error: expected {list(of_truth.shape)} values, got {list(of_model.shape)}")
    return float((of_model - of_truth).mean() / dim)
