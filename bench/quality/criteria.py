"""The bounds for models, and the violations of them."""
from __future__ import annotations

import statistics
from collections.abc import Sequence

from catalog import DIGITS
from result import Record, Result

MEDIAN_RATIO, LARGEST_RATIO = 1.5, 2.0
SPREAD, SPREAD_FEW = 0.10, 0.50  # relative; the second applies if there are too few training rows to determine it
LOG_DENSITY_PLANE, LOG_DENSITY_MORE = 0.05, 0.02  # nats per dimension, for up to two dimensions and for more
TRAIN_SECONDS = 60.0
TOTAL_SECONDS = 3600.0
DIGITS_TO_HELD_OUT, DIGITS_TO_TRAINING = 1.15, 0.8


def log_density_bound(dim: int) -> float:
    return LOG_DENSITY_PLANE if dim <= 2 else LOG_DENSITY_MORE


def above(name: str, value: float | None, bound: float, digits: int = 2) -> list[str]:
    """NaN is above every bound."""
    return [] if value is None or value <= bound else [f"{name} {value:.{digits}f} > {bound:g}"]


def faults(result: Result) -> list[str]:
    """The criteria that one model fails, each with its bound; empty if none."""
    if result.failure:
        return [result.failure]
    found = []
    found += above("ratio", result.ratio, LARGEST_RATIO)
    if result.job.startswith(DIGITS):
        found += above("distance to held-out digits", result.to_held_out, DIGITS_TO_HELD_OUT)
        if result.to_training is not None and not result.to_training >= DIGITS_TO_TRAINING:
            found.append(f"distance to training digits {result.to_training:.2f} < {DIGITS_TO_TRAINING:g}")
    if result.weight_excess is not None and not result.weight_excess <= 1:
        found.append(f"mode weight off by {result.weight_error:.3f}")
    found += above("mode spread off by", result.spread_error, SPREAD_FEW if result.few else SPREAD)
    if result.log_density_error is not None and not result.few:
        found += above("|ln p error|", abs(result.log_density_error), log_density_bound(result.likelihood_dim or 1), 3)
    if result.timed:
        found += above("training seconds", result.train_seconds, TRAIN_SECONDS, 0)
    return found


def median_ratio(results: Sequence[Result]) -> float | None:
    ratios = [each.ratio for each in results if each.ratio is not None]
    return statistics.median(ratios) if ratios else None


def job_faults(results: Sequence[Result]) -> list[str]:
    """The criteria that the seeds of a data set fail, separately and together."""
    found = [f"seed {each.seed}: {fault}" for each in results for fault in faults(each)]
    return found + above("median ratio", median_ratio(results), MEDIAN_RATIO)


def record_faults(record: Record) -> list[str]:
    """All failed criteria; empty if everything passes."""
    found = [f"{job}: {fault}" for job in record.jobs() for fault in job_faults(record.of(job))]
    return found + above("seconds in all", record.seconds, TOTAL_SECONDS, 0)
