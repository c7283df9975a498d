"""The difference between samples and the true distribution: distances, modes, densities."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data_set import DataSet, Modes, Rows

BLOCK = 4000  # rows on each side of a distance
DIRECTIONS = 64
WEIGHT_BOUND = 0.04  # for a mode; tighter for modes with less than twice that weight


def directions(fresh: Rows) -> Rows:
    """[directions, d], unit vectors that depend only on the true distribution. In the plane, they are evenly spaced. In more
    dimensions, half are random and half are the principal axes with the largest and smallest variances, because random directions
    hardly detect correlations among hundreds of columns. @param fresh rows of the true distribution"""
    dim = fresh.shape[1]
    if dim == 1:
        return np.ones((1, 1))
    if dim == 2:
        angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vectors = np.random.default_rng(1).standard_normal((DIRECTIONS // 2, dim))
    axes = np.linalg.eigh(np.cov(fresh, rowvar=False))[1].T
    chosen = np.unique(np.r_[0:DIRECTIONS // 4, -(DIRECTIONS // 4):0].clip(-dim, dim - 1) % dim)
    return np.concatenate([vectors / np.linalg.norm(vectors, axis=1, keepdims=True), axes[chosen]])


def sorted_projections(rows: Rows, onto: Rows) -> np.ndarray:
    """@returns [directions, N], the quantiles along each direction"""
    return np.sort(onto @ rows.T, axis=1)


def mean_w1(a: np.ndarray, b: np.ndarray) -> float:
    """The sliced W1 distance: the mean over the directions of W1 between projections. @param a, b from sorted_projections, with
    equal numbers of rows"""
    if a.shape != b.shape:
        raise ValueError(f"mean_w1: expected {list(a.shape)} projections on both sides, got {list(b.shape)}")
    return float(np.abs(a - b).mean())


@dataclass(frozen=True)
class Distances:
    """Means over all pairs of a block of BLOCK rows and a block of fresh rows, with columns in standard deviations of the true
    distribution. The data set sets the number of blocks. All pairs, because the mean of 20 independent pairs still varies by 10 %."""
    samples: float
    resampled: float  # rows drawn with replacement from the training set
    truth: float  # other rows of the true distribution: the score of a perfect model

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
    fresh, others = data_set.generator(seed, "fresh blocks"), data_set.generator(seed, "other fresh blocks")
    random = data_set.generator(seed, "resampling")
    first = data_set.draw(data_set.generator(seed, "standardization"), 5 * BLOCK)
    center, scale = first.mean(0), first.std(0)
    onto = directions((first - center) / scale)

    def quantiles(rows: Rows) -> np.ndarray:
        return sorted_projections((rows.astype(np.float64) - center) / scale, onto).astype(np.float32)

    of_truth = [quantiles(data_set.draw(fresh, BLOCK)) for _ in range(data_set.blocks)]

    def mean_distance(rows: Rows) -> float:
        of_rows = quantiles(rows)
        return float(np.mean([mean_w1(of_rows, each) for each in of_truth]))

    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    return Distances(
        mean(mean_distance(samples[start:start + BLOCK]) for start in range(0, len(samples), BLOCK)),
        mean(mean_distance(training[random.integers(0, len(training), BLOCK)]) for _ in range(data_set.blocks)),
        mean(mean_distance(data_set.draw(others, BLOCK)) for _ in range(data_set.blocks)))


@dataclass(frozen=True)
class ModeErrors:
    weight: float  # the largest |weight - expected|
    weight_excess: float  # the largest ratio of that to its bound; at most 1 passes
    spread: float | None  # the largest |standard deviation / expected - 1|


def weights_of(modes: Modes, rows: Rows) -> np.ndarray:
    return np.bincount(modes.assign(rows), minlength=len(modes.weights)) / len(rows)


def spreads_of(modes: Modes, rows: Rows) -> np.ndarray:
    """The standard deviation about the mean of each mode, with coordinates pooled; NaN for fewer than two rows."""
    labels = modes.assign(rows)
    local = modes.local(rows, labels) if modes.local else rows
    return np.array([np.sqrt(local[labels == mode].var(axis=0, ddof=1).mean()) if np.sum(labels == mode) > 1 else np.nan
                     for mode in range(len(modes.weights))])


def mode_errors(modes: Modes, samples: Rows, training: Rows, expected: np.ndarray | None = None) -> ModeErrors:
    """Spreads are compared with the true ones or with those of the training rows, whichever are nearer, because a model cannot know
    which of the two is right: for the 160 rows of a mode of the grid, one standard error is 4 %. A weight may be off by WEIGHT_BOUND,
    and a small weight by half of it, so that a missing mode always fails. @param expected weights to compare with instead of the true
    ones"""
    expected = modes.weights if expected is None else expected
    errors = np.abs(weights_of(modes, samples) - expected)
    spread = None
    if modes.spreads is not None:
        spreads, known = spreads_of(modes, samples), spreads_of(modes, training)
        low, high = np.fmin(modes.spreads, known), np.fmax(modes.spreads, known)
        relative = np.abs(spreads / np.clip(spreads, low, high) - 1)
        spread = float(np.where(np.isnan(relative), 1, relative).max())
    return ModeErrors(float(errors.max()), float((errors / np.minimum(WEIGHT_BOUND, modes.weights / 2)).max()), spread)


def log_density_error(of_model: np.ndarray, of_truth: np.ndarray, dim: int) -> float:
    """The mean of ln p_model - ln p_true over fresh rows, in nats per dimension. If the density of the model is normalized, this is
    minus the Kullback-Leibler divergence over the dimension."""
    if of_model.shape != of_truth.shape:
        raise ValueError(f"log_density_error: expected {list(of_truth.shape)} values, got {list(of_model.shape)}")
    return float((of_model - of_truth).mean() / dim)
