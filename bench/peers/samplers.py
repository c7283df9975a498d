"""The samplers of a job: their noise levels and steps, and in NumPy and double what every form must compute.

The network has the parameterization edm with sigma_data 0.5 and the conditioning log_sigma, the samplers have the defaults
of include/scorematch/sampler.h, and the equations are in docs/math.md. The NumPy score is itself compared with the score
that `scorematch eval` gives.
"""

from __future__ import annotations

import numpy as np

from job import Job

SIGMA_DATA, SIGMA_MIN, SIGMA_MAX, RHO = 0.5, 0.002, 80.0, 7.0
STEPS = {"flow": 18, "reverse": 500}


def levels(job: Job) -> np.ndarray:
    """From SIGMA_MAX to SIGMA_MIN, and 0 at the end (Karras et al. 2022, eq. 5)."""
    t = np.linspace(0, 1, STEPS[job.objective])
    high, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return np.append((high + t * (low - high)) ** RHO, 0.0)


def coefficients(sigma):
    """a, b and c of the score a x + b F(c x, ln sigma)."""
    total = sigma**2 + SIGMA_DATA**2
    return -1 / total, SIGMA_DATA / (sigma * total**0.5), 1 / total**0.5


def score(params: list[np.ndarray], x: np.ndarray, sigma) -> np.ndarray:
    """@param sigma a number, or one for each row"""
    a, b, c = coefficients(sigma)
    h = np.concatenate([c * x, np.log(sigma) + 0 * x[:, :1]], axis=1)
    for k in range(0, len(params) - 2, 2):
        z = h @ params[k].T + params[k + 1]
        h = z / (1 + np.exp(-z))
    return a * x + b * (h @ params[-2].T + params[-1])


def draws(job: Job, seed: int = 7) -> dict[str, np.ndarray]:
    """Normals in float32: `start` [N, d], and for the reverse equation `noise` [steps - 1, N, d]."""
    random = np.random.default_rng(seed)
    normal = lambda *shape: random.standard_normal(shape, dtype=np.float32)
    arrays = {"start": normal(job.batch, job.dim)}
    if job.objective == "reverse":
        arrays["noise"] = normal(STEPS["reverse"] - 1, job.batch, job.dim)
    return arrays


def run(job: Job, arrays: dict[str, np.ndarray]) -> np.ndarray:
    double = {name: array.astype(np.float64) for name, array in arrays.items() if name != "noise"}
    params = [double[f"layers.{k}.{part}"] for k in range(job.layers + 1) for part in ("weight", "bias")]
    sigmas = levels(job)
    x = SIGMA_MAX * double["start"]
    for i, (sigma, following) in enumerate(zip(sigmas, sigmas[1:])):
        s = score(params, x, sigma)
        if job.objective == "reverse":
            variance = sigma**2 - following**2
            x = x + variance * s + (variance**0.5 * arrays["noise"][i] if following > 0 else 0)
            continue
        ahead = x - (following - sigma) * sigma * s
        if following > 0:
            ahead = x - (following - sigma) / 2 * (sigma * s + following * score(params, ahead, following))
        x = ahead
    return x
