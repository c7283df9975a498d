"""Tests of the distances, modes and densities, on rows whose errors are known:

    python3 -m unittest discover -s bench/quality
"""
from __future__ import annotations

import sys
import unittest
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

import metrics
from catalog import data_sets
from data_set import DataSet, Rows

SETS = data_sets()


def gaussian_like(rows: Rows, count: int) -> Rows:
    """As many rows of a Gaussian with the same mean and covariance."""
    covariance = np.atleast_2d(np.cov(rows, rowvar=False))
    return np.random.default_rng(5).multivariate_normal(rows.mean(0), covariance, count)


def distances(name: str, samples: Rows, blocks: int) -> metrics.Distances:
    return metrics.compare(SETS[name], 0, SETS[name].training_set(0), samples, blocks)


def rough_distances(name: str, samples: Rows, blocks: int) -> metrics.Distances:
    """With few blocks of the truth and of resampled rows, too: enough for samples that are far off."""
    return metrics.compare(replace(SETS[name], blocks=blocks), 0, SETS[name].training_set(0), samples, blocks)


def other_rows(data_set: DataSet, count: int) -> Rows:
    return data_set.draw(data_set.generator(0, "a perfect model"), count)


class Distance(unittest.TestCase):
    def test_of_a_shift_on_a_line_is_the_shift(self) -> None:
        rows = np.random.default_rng(1).standard_normal((100, 1))
        onto = metrics.directions(rows)
        shifted = metrics.sorted_projections(rows[::-1] + 0.25, onto)
        self.assertAlmostEqual(metrics.mean_w1(metrics.sorted_projections(rows, onto), shifted), 0.25, places=12)

    def test_of_a_shift_in_the_plane_is_the_mean_of_its_projections(self) -> None:
        rows = np.random.default_rng(1).standard_normal((100, 2))
        onto = metrics.directions(rows)
        for shift in ([0.5, 0.0], [0.0, 0.5], [0.3, -0.4]):
            shifted = metrics.sorted_projections(rows + shift, onto)
            self.assertAlmostEqual(metrics.mean_w1(metrics.sorted_projections(rows, onto), shifted), 0.5 * 2 / np.pi, places=3)

    def test_of_a_scale_is_the_mean_magnitude_times_its_error(self) -> None:
        rows = np.random.default_rng(1).standard_normal((4000, 1))
        onto = metrics.directions(rows)
        scaled = metrics.sorted_projections(1.1 * rows, onto)
        self.assertAlmostEqual(metrics.mean_w1(metrics.sorted_projections(rows, onto), scaled), 0.1 * np.abs(rows).mean(), places=12)

    def test_needs_as_many_rows_on_both_sides(self) -> None:
        with self.assertRaisesRegex(ValueError, r"expected \[1, 3\].*got \[1, 4\]"):
            metrics.mean_w1(np.zeros((1, 3)), np.zeros((1, 4)))
        with self.assertRaisesRegex(ValueError, r"expected \[8000, 2\], got \[4000, 2\]"):
            distances("circle", np.zeros((4000, 2)), 2)

    def test_directions_are_unit_vectors_that_span_the_space(self) -> None:
        for dim in (1, 2, 4, 16):
            onto = metrics.directions(np.random.default_rng(1).standard_normal((1000, dim)))
            np.testing.assert_allclose(np.linalg.norm(onto, axis=1), 1)
            self.assertEqual(np.linalg.matrix_rank(onto), dim)


class Ratio(unittest.TestCase):
    def test_of_the_truth_is_about_the_best(self) -> None:
        for name in ("circle", "rings", "mixture-1d", "gaussian-2", "julian-days"):
            with self.subTest(name):
                found = distances(name, other_rows(SETS[name], 10 * metrics.BLOCK), 10)
                self.assertLess(found.ratio, 1.3)
                self.assertAlmostEqual(found.ratio / found.best_ratio, 1, delta=0.2)

    def test_of_repeated_training_rows_is_about_one(self) -> None:
        for name in ("circle", "eight", "eight-200"):
            with self.subTest(name):
                training = SETS[name].training_set(0)
                repeated = training[np.random.default_rng(3).integers(0, len(training), 10 * metrics.BLOCK)]
                self.assertAlmostEqual(distances(name, repeated, 10).ratio, 1, delta=0.2)

    def test_fails_a_gaussian_with_the_covariance_of_the_data(self) -> None:
        for name in ("circle", "rings", "eight", "mixture-1d", "moons", "checkerboard", "people", "eight-100k"):
            with self.subTest(name):
                blob = gaussian_like(SETS[name].training_set(0), 4 * metrics.BLOCK)
                self.assertGreater(rough_distances(name, blob, 4).ratio, 2)

    def test_fails_independent_columns(self) -> None:
        for name in ("gaussian-2", "gaussian-16", "gaussian-64", "gaussian-300", "rank-10"):
            with self.subTest(name):
                samples = other_rows(SETS[name], 2 * metrics.BLOCK)
                for column in samples.T:
                    np.random.default_rng(int(abs(column[0]) * 1e6)).shuffle(column)
                self.assertGreater(rough_distances(name, samples, 2).ratio, 3)

    def test_sees_an_offset_that_float32_rounds(self) -> None:
        rounded = other_rows(SETS["julian-days"], 4 * metrics.BLOCK).astype(np.float32)
        self.assertGreater(distances("julian-days", rounded, 4).ratio, 2)


class Mode(unittest.TestCase):
    def errors(self, name: str, samples: Rows) -> metrics.ModeErrors:
        modes = SETS[name].modes
        assert modes
        return metrics.mode_errors(modes, samples, samples[:0])

    def test_of_the_truth_are_as_expected(self) -> None:
        """The weights and spreads that the data sets state match the rows they draw."""
        for name, data_set in SETS.items():
            if data_set.modes:
                with self.subTest(name):
                    found = self.errors(name, other_rows(data_set, 80_000))
                    self.assertLess(found.weight, 0.006)
                    self.assertLess(found.spread or 0, 0.04)

    def test_a_shifted_weight_is_caught(self) -> None:
        rows = other_rows(SETS["mixture-1d"], 80_000)
        light = rows[:, 0] < -0.5
        kept = rows[~(light & (np.arange(len(rows)) % 4 == 0))]  # 0.3 becomes 0.243
        found = self.errors("mixture-1d", kept)
        self.assertAlmostEqual(found.weight, 0.3 - 0.225 / 0.925, delta=0.005)
        self.assertGreater(found.weight_excess, 1)

    def test_a_missing_mode_is_caught_however_light(self) -> None:
        rows = other_rows(SETS["grid"], 80_000)
        modes = SETS["grid"].modes
        assert modes
        found = self.errors("grid", rows[modes.assign(rows) != 7])
        self.assertGreater(found.weight_excess, 1)
        self.assertEqual(found.spread, 1)

    def test_a_wider_spread_is_measured(self) -> None:
        rows = other_rows(SETS["eight"], 80_000)
        modes = SETS["eight"].modes
        assert modes
        centers = 2 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
        wider = centers[modes.assign(rows)] + 1.2 * (rows - centers[modes.assign(rows)])
        self.assertAlmostEqual(self.errors("eight", wider).spread or 0, 0.2, delta=0.02)

    def test_a_blob_has_no_modes_even_for_few_rows(self) -> None:
        from criteria import SPREAD_FEW
        blob = gaussian_like(SETS["eight-200"].training_set(0), 20_000)
        self.assertGreater(self.errors("eight-200", blob).spread or 0, SPREAD_FEW)


class LogDensity(unittest.TestCase):
    def test_error_is_the_divergence_per_dimension(self) -> None:
        """For a Gaussian whose mean is off by delta: minus delta^2 / 2."""
        data_set = SETS["gaussian-2"]
        rows = data_set.draw(np.random.default_rng(1), 100_000)
        assert data_set.log_density
        found = metrics.log_density_error(data_set.log_density(rows - [0.5, 0]), data_set.log_density(rows), 2)
        divergence = 0.25 * np.linalg.inv([[1, 0.7], [0.7, 1]])[0, 0] / 2
        self.assertAlmostEqual(found, -divergence / 2, delta=0.005)

    def test_needs_a_value_of_each_row(self) -> None:
        with self.assertRaisesRegex(ValueError, r"expected \[3\] values, got \[2\]"):
            metrics.log_density_error(np.zeros(2), np.zeros(3), 1)


if __name__ == "__main__":
    unittest.main()
