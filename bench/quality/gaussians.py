"""Gaussians, mixtures of round Gaussians, and Student's t."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from data_set import DataSet, Modes, Rows, log_sum_exp, nearest


def mixture(name: str, title: str, centers: Rows, weights: np.ndarray, spreads: np.ndarray) -> DataSet:
    """@param centers [modes, d] @param spreads [modes], standard deviation of each coordinate"""
    modes, dim = centers.shape

    def draw(random: np.random.Generator, count: int) -> Rows:
        labels = random.choice(modes, size=count, p=weights)
        return centers[labels] + spreads[labels, None] * random.standard_normal((count, dim))

    def log_density(rows: Rows) -> np.ndarray:
        squares = ((rows[:, None, :] - centers[None]) ** 2).sum(-1) / spreads**2
        return log_sum_exp(np.log(weights) - dim * np.log(spreads * math.sqrt(2 * math.pi)) - squares / 2, axis=1)

    return DataSet(name, title, draw, log_density=log_density, modes=Modes(weights, spreads, nearest(centers)))


def pair_1d() -> DataSet:
    return mixture("mixture-1d", "two Gaussians in one dimension, weights 0.3 and 0.7", np.array([[-2.0], [1.5]]),
                   np.array([0.3, 0.7]), np.array([0.4, 0.6]))


def eight() -> DataSet:
    angles = np.arange(8) * math.pi / 4
    return mixture("eight", "eight Gaussians on a ring", 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1),
                   np.full(8, 1 / 8), np.full(8, 0.15))


def eight_few() -> DataSet:
    return replace(eight(), name="eight-200", title="eight Gaussians, 200 training rows", training_rows=200, few=True)


def eight_many() -> DataSet:
    return replace(eight(), name="eight-100k", title="eight Gaussians, 100,000 training rows", training_rows=100_000)


def grid() -> DataSet:
    places = np.arange(5) - 2.0
    centers = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    return mixture("grid", "5 x 5 narrow Gaussians on a grid", centers, np.full(25, 1 / 25), np.full(25, 0.05))


def gaussian(name: str, title: str, covariance: np.ndarray, likelihood_rows: int, blocks: int = 20) -> DataSet:
    """@param likelihood_rows 0: the likelihood is not measured"""
    factor = np.linalg.cholesky(covariance)
    dim = len(covariance)
    constant = -np.log(np.diag(factor)).sum() - dim * math.log(2 * math.pi) / 2

    def draw(random: np.random.Generator, count: int) -> Rows:
        return random.standard_normal((count, dim)) @ factor.T

    def log_density(rows: Rows) -> np.ndarray:
        return constant - (np.linalg.solve(factor, rows.T) ** 2).sum(0) / 2

    return DataSet(name, title, draw, log_density=log_density if likelihood_rows else None, blocks=blocks,
                   likelihood_rows=likelihood_rows)


def correlated(dim: int, likelihood_rows: int, blocks: int = 20) -> DataSet:
    """Adjacent columns have correlation 0.7: the condition number is 5.7 in two dimensions and 32 in many."""
    columns = np.arange(dim)
    covariance = 0.7 ** np.abs(columns[:, None] - columns[None])
    return gaussian(f"gaussian-{dim}", f"correlated Gaussian, d = {dim}", covariance, likelihood_rows, blocks)


def low_rank() -> DataSet:
    """Ten directions carry the signal, with an average variance of 1 per column; the noise is 0.1 of it."""
    mixing = np.random.default_rng(10).standard_normal((300, 10)) / math.sqrt(10)
    return gaussian("rank-10", "d = 300: rank 10 plus noise of 0.1", mixing @ mixing.T + 0.01 * np.eye(300),
                    likelihood_rows=0, blocks=5)


def student_t() -> DataSet:
    """Multivariate t with 3 degrees of freedom: the variance is finite, the fourth moment is not."""
    freedom, dim = 3, 2
    constant = (math.lgamma((freedom + dim) / 2) - math.lgamma(freedom / 2) -
                dim / 2 * math.log(freedom * math.pi))

    def draw(random: np.random.Generator, count: int) -> Rows:
        scale = np.sqrt(random.chisquare(freedom, count) / freedom)
        return random.standard_normal((count, dim)) / scale[:, None]

    def log_density(rows: Rows) -> np.ndarray:
        return constant - (freedom + dim) / 2 * np.log1p((rows**2).sum(1) / freedom)

    return DataSet("student-t", "Student's t, 3 degrees of freedom, d = 2", draw, log_density=log_density)
