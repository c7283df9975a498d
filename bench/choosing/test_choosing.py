"""Tests of the densities."""
from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import densities
import numpy as np


class Densities(unittest.TestCase):
    def test_scores_are_gradients(self) -> None:
        for density in (densities.gaussian(3), densities.mixture(2), densities.mixture(5)):
            x = density.draw(np.random.default_rng(1), 20)
            z = np.linalg.solve(density.factor, x.T).T

            def log_density(at: np.ndarray, one: densities.Density = density) -> np.ndarray:
                squares = ((np.linalg.solve(one.factor, at.T).T[:, None] - one.centers) ** 2).sum(-1) / one.spread**2
                return np.log(np.exp(-squares / 2).sum(1))

            self.assertEqual(z.shape, x.shape)
            for axis in range(density.dim):
                step = 1e-5 * np.eye(density.dim)[axis]
                slope = (log_density(x + step) - log_density(x - step)) / 2e-5
                np.testing.assert_allclose(density.score(x)[:, axis], slope, atol=1e-6)

    def test_rows_have_the_score_of_mean_zero(self) -> None:
        """And E|s|^2 = -E div s, which is d / spread^2 for one mode."""
        density = densities.gaussian(4)
        score = density.score(density.draw(np.random.default_rng(2), 200_000))
        precision = np.trace(np.linalg.inv(density.factor @ density.factor.T))
        self.assertAlmostEqual((score**2).sum(1).mean() / precision, 1, delta=0.01)


if __name__ == "__main__":
    unittest.main()
