"""How cost grows along one axis of a job: measured times, fits, and counts of FLOP.

The counts are those of docs/performance.md: the least matrix products of the method, per sample.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from results import Job, Row

AXES = {"N": "batch", "M": "projections", "d": "dim", "H": "hidden"}
LEAST_POINTS = 3  # of a series: two points always make a line

# Coefficients of A = d H and B = (L - 1) H^2 by (net, with gradient).
_SINGLE = {("score", False): (4, 2), ("score", True): (10, 6), ("energy", False): (4, 4), ("energy", True): (10, 14)}
_SLICED = {("score", False): ((2, 2), (4, 2)), ("score", True): ((4, 6), (8, 6)),
           ("energy", False): ((2, 4), (2, 2)), ("energy", True): ((4, 12), (4, 6))}  # once, and per direction
# The score itself, for the square of its norm; with the gradient, the backward pass from it.
_NORM = {("score", False): (2, 0), ("score", True): (6, 0), ("energy", False): (2, 2), ("energy", True): (6, 8)}


@dataclass(frozen=True)
class Affine:
    """once + each M."""
    once: float
    each: float

    def at(self, directions: float) -> float:
        return self.once + self.each * directions

    @property
    def quotient(self) -> float:
        return self.once / self.each if self.each else math.nan


def counted(job: Job) -> Affine:
    """FLOP per sample as a function of the number of directions: 0 for ESM and DSM, d for ISM."""
    key = (job.net, not job.value_only)
    a, b = job.dim * job.hidden, (job.layers - 1) * job.hidden**2
    if job.objective in ("esm", "dsm"):
        return Affine(_SINGLE[key][0] * a + _SINGLE[key][1] * b, 0)
    (once_a, once_b), (each_a, each_b) = _SLICED[key]
    if job.objective != "ssm":  # the norm of the score is taken whole, not along the directions
        once_a, once_b = once_a + _NORM[key][0], once_b + _NORM[key][1]
    return Affine(once_a * a + once_b * b, each_a * a + each_b * b)


def flops(job: Job) -> float:
    """FLOP of the whole batch."""
    directions = job.dim if job.objective == "ism" else job.projections or 0
    return job.batch * counted(job).at(directions)


def limit(job: Job, axis: str) -> float | None:
    """The exponent of the counts where the axis alone is large; None along M, where cost is affine."""
    if axis == "M":
        return None
    if axis == "d":
        return 2.0 if job.objective == "ism" else 1.0
    return 2.0 if axis == "H" and job.layers > 1 else 1.0


@dataclass(frozen=True)
class Series:
    """Jobs of one engine that differ along one axis only; `times` are medians in seconds."""
    engine: str
    axis: str
    jobs: tuple[Job, ...]
    times: tuple[float, ...]

    @property
    def xs(self) -> tuple[int, ...]:
        return tuple(getattr(job, AXES[self.axis]) for job in self.jobs)

    @property
    def stem(self) -> str:
        """The job's name without the axis."""
        return "/".join(part for part in str(self.jobs[0]).split("/") if not part.startswith(self.axis + ":"))

    def upper(self) -> list[int]:
        """Indices of the upper half of the axis on a log scale: fixed costs per call dominate below it."""
        middle = math.sqrt(self.xs[0] * self.xs[-1])
        return [i for i, x in enumerate(self.xs) if x >= middle * (1 - 1e-9)]

    def fitted(self) -> float | None:
        """Exponent of the measured times over the upper half."""
        return self._exponent(self.times)

    def theory(self) -> float | None:
        """Exponent of the counts, fitted to the same points; its limit is `limit`."""
        return self._exponent([flops(job) for job in self.jobs])

    def _exponent(self, ys: Sequence[float]) -> float | None:
        points = self.upper()
        return exponent([self.xs[i] for i in points], [ys[i] for i in points]) if len(points) > 1 else None

    def affine(self) -> Affine | None:
        """The fit of once + each M to all of a series along M."""
        return affine(self.xs, self.times) if self.axis == "M" else None


def counts_along(series: Series, xs: Sequence[float]) -> list[float]:
    """The counts of a series at any sizes, whole numbers or not."""
    return [flops(replace(series.jobs[0], **{AXES[series.axis]: x})) for x in xs]


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """p of y = c x^p by least squares in log-log."""
    u, v = [math.log(x) for x in xs], [math.log(y) for y in ys]
    mean_u, mean_v = math.fsum(u) / len(u), math.fsum(v) / len(v)
    return (math.fsum((s - mean_u) * (t - mean_v) for s, t in zip(u, v))
            / math.fsum((s - mean_u) ** 2 for s in u))


def affine(xs: Sequence[float], ys: Sequence[float]) -> Affine:
    """y = a + b x by least squares of relative errors: noise is a fraction of a time, so that otherwise the largest
    would decide alone, and a is what the smallest say."""
    weights = [1 / y**2 for y in ys]
    total = math.fsum(weights)
    mean_x = math.fsum(w * x for w, x in zip(weights, xs)) / total
    mean_y = math.fsum(w * y for w, y in zip(weights, ys)) / total
    each = (math.fsum(w * (x - mean_x) * (y - mean_y) for w, x, y in zip(weights, xs, ys))
            / math.fsum(w * (x - mean_x) ** 2 for w, x in zip(weights, xs)))
    return Affine(mean_y - each * mean_x, each)


def find_series(rows: Sequence[Row]) -> list[Series]:
    """Every series that the rows hold; a job where two axes cross is in both."""
    found = []
    for axis, attribute in AXES.items():
        groups: dict[tuple[str, Job], list[Row]] = {}
        for row in rows:
            if row.job and getattr(row.job, attribute) and row.median > 0:
                groups.setdefault((row.owner, replace(row.job, **{attribute: 0})), []).append(row)
        by: Callable[[Row], int] = lambda row, attribute=attribute: getattr(row.job, attribute)
        for (engine, _), group in sorted(groups.items(), key=lambda item: (item[0][1].order(), item[0][0])):
            if len(group) >= LEAST_POINTS:
                group.sort(key=by)
                found.append(Series(engine, axis, tuple(r.job for r in group if r.job), tuple(r.median for r in group)))
    return found
