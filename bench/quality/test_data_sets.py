"""Tests of the data sets: densities are normalized and match the rows, and files contain the rows."""
from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

import catalog
from catalog import data_sets

SETS = data_sets()
# Boxes that contain nearly all of the mass, for integration.
BOXES = {"rings": [(-1.8, 1.8)] * 2, "eight": [(-3, 3)] * 2, "moons": [(-1.6, 2.6), (-1.1, 1.6)], "grid": [(-2.4, 2.4)] * 2,
         "checkerboard": [(-2.05, 2.05)] * 2, "pinwheel": [(-2.4, 2.4)] * 2, "gaussian-2": [(-5.5, 5.5)] * 2,
         "julian-days": [(2459000.5 + 1e-9, 2459001.5 - 1e-9), (99900, 102750)]}


class Density(unittest.TestCase):
    def test_integrates_to_one_and_gives_the_entropy_of_the_rows(self) -> None:
        """The mean of ln p over drawn rows is the integral of p ln p only if rows and density match."""
        cells = 400
        for name, box in BOXES.items():
            with self.subTest(name):
                axes = [low + (np.arange(cells) + 0.5) * (high - low) / cells for low, high in box]
                points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
                ln_p = np.concatenate([SETS[name].log_density(part) for part in np.array_split(points, 20)])
                p, cell = np.exp(ln_p), np.prod([(high - low) / cells for low, high in box])
                self.assertAlmostEqual(p.sum() * cell, 1, delta=0.01)
                rows = SETS[name].draw(np.random.default_rng(1), 20_000)
                self.assertAlmostEqual(SETS[name].log_density(rows).mean(), (p * np.where(p > 0, ln_p, 0)).sum() * cell, delta=0.05)

    def test_of_a_line_integrates_to_one(self) -> None:
        x = np.linspace(-6, 6, 4001)
        self.assertAlmostEqual(np.exp(SETS["mixture-1d"].log_density(x[:, None])).sum() * (x[1] - x[0]), 1, places=6)

    def test_of_gaussians_has_their_entropy(self) -> None:
        """-ln p = (d ln(2 pi e) + ln det C) / 2 on average, where ln det C = (d - 1) ln(1 - 0.7^2)."""
        for dim in (2, 16, 64):
            with self.subTest(dim):
                data_set = SETS[f"gaussian-{dim}"]
                entropy = (dim * np.log(2 * np.pi * np.e) + (dim - 1) * np.log(1 - 0.49)) / 2
                mean = -data_set.log_density(data_set.draw(np.random.default_rng(1), 50_000)).mean()
                self.assertAlmostEqual(mean, entropy, delta=5 * np.sqrt(dim / 2 / 50_000))

    def test_of_student_t_integrates_to_the_mass_in_a_disk(self) -> None:
        """P(|x| < r) = 1 - (1 + r^2 / 3)^(-3/2)."""
        data_set = SETS["student-t"]
        radius = (np.arange(20_000) + 0.5) * 5 / 20_000
        points = np.stack([radius, np.zeros_like(radius)], axis=1)
        inside = 1 - (1 + 25 / 3) ** -1.5
        self.assertAlmostEqual((np.exp(data_set.log_density(points)) * 2 * np.pi * radius).sum() * 5 / 20_000, inside, places=6)
        rows = data_set.draw(np.random.default_rng(1), 200_000)
        self.assertAlmostEqual((np.hypot(*rows.T) < 5).mean(), inside, delta=0.002)

    def test_is_finite_on_fresh_rows(self) -> None:
        for name, data_set in SETS.items():
            if data_set.log_density:
                with self.subTest(name):
                    self.assertTrue(np.isfinite(data_set.log_density(data_set.fresh(0, 20_000))).all())


class Rows(unittest.TestCase):
    def test_are_those_of_the_seed(self) -> None:
        for name, data_set in SETS.items():
            with self.subTest(name):
                rows = data_set.training_set(0)
                self.assertEqual((len(rows), rows.dtype), (data_set.training_rows, data_set.dtype))
                np.testing.assert_array_equal(rows, data_set.training_set(0))
                if not data_set.training:
                    self.assertFalse(np.array_equal(rows, data_set.training_set(1)))

    def test_that_are_fresh_are_no_training_rows(self) -> None:
        for name, data_set in SETS.items():
            with self.subTest(name):
                training = {row.tobytes() for row in data_set.training_set(0).astype(np.float64)}
                repeated = sum(row.tobytes() in training for row in data_set.fresh(0, 1000))
                self.assertLess(repeated, 20)  # on a circle, a few points coincide in float32

    def test_of_the_table_are_what_its_file_holds(self) -> None:
        data_set = SETS["people"]
        with tempfile.TemporaryDirectory() as folder:
            path, rows = Path(folder) / "people.csv", data_set.training_set(0)
            data_set.write(path, rows)
            np.testing.assert_array_equal(np.loadtxt(path, delimiter=",", skiprows=1), rows)
            self.assertEqual(path.read_text().splitlines()[0], "age,income,smoker,bmi")
        self.assertEqual(set(rows[:, 2]), {0, 1})
        self.assertGreater(abs(np.corrcoef(rows, rowvar=False)[0, 3]), 0.2)

    def test_of_julian_days_keep_their_fractions(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, rows = Path(folder) / "days.npy", SETS["julian-days"].training_set(0)
            SETS["julian-days"].write(path, rows)
            self.assertGreater(len(np.unique(np.load(path)[:, 0] % 1)), 3990)


class Names(unittest.TestCase):
    def test_that_are_unknown_are_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "unknown squares; known are circle, "):
            catalog.chosen(["circle", "squares"])

    def test_lead_to_data_and_network(self) -> None:
        self.assertEqual(catalog.split_job("eight+energy"), ("eight", "energy"))
        self.assertEqual(catalog.split_job("eight"), ("eight", "score"))
        self.assertEqual(len(set(catalog.jobs())), len(catalog.jobs()))


if __name__ == "__main__":
    unittest.main()
