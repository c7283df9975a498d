"""A job, described by its name as in bench/job.h, and its initial data."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

SIGMA = 0.5
EVALUATIONS = ("scores", "flow", "reverse")  # of a network without a loss: its scores, and two samplers
SAMPLERS = ("flow", "reverse")
_NAME = re.compile(
    r"(?P<objective>esm|ism|dsm|ssm|ssm_vr|scores|flow|reverse)/(?P<net>score|energy)/d:(?P<dim>\d+)/H:(?P<hidden>\d+)/L:(?P<layers>\d+)"
    r"(?:/M:(?P<projections>\d+))?/N:(?P<batch>\d+)(?P<value>/value)?"
)


@dataclass(frozen=True)
class Job:
    name: str
    objective: str
    net: str
    dim: int
    hidden: int
    layers: int
    projections: int
    batch: int
    gradient: bool

    @classmethod
    def parse(cls, name: str) -> Job:
        match = _NAME.fullmatch(name)
        if match is None or (match["projections"] is None) == match["objective"].startswith("ssm"):
            raise ValueError(f"job: expected OBJECTIVE/NET/d:D/H:H/L:L[/M:M]/N:N[/value], got {name!r}")
        if match["objective"] in EVALUATIONS and match["value"] or match["objective"] in SAMPLERS and match["net"] == "energy":
            raise ValueError(f"job: expected scores without /value or a sampler of a score net, got {name!r}")
        numbers = {key: int(match[key] or 0) for key in ("dim", "hidden", "layers", "projections", "batch")}
        return cls(name, match["objective"], match["net"], gradient=match["value"] is None, **numbers)

    @property
    def evaluates(self) -> bool:
        return self.objective in EVALUATIONS

    @property
    def samples(self) -> bool:
        return self.objective in SAMPLERS

    @property
    def directions(self) -> int:
        """The number of directions that are multiplied by J: M, or all of them for the exact trace."""
        return self.dim if self.objective == "ism" else self.projections

    @property
    def given(self) -> str | None:
        """The input of a case in addition to x. Noise and directions are drawn anew in every step; a true score is not."""
        return {"dsm": "eps", "esm": "true_score"}.get(self.objective, "directions" if self.projections else None)

    @property
    def draws(self) -> tuple[int, ...] | None:
        """The shape of the random numbers that a step draws."""
        if self.projections:
            return self.projections, self.batch, self.dim
        return (self.batch, self.dim) if self.objective == "dsm" else None

    def widths(self) -> list[int]:
        """Samplers need a network that knows sigma: its input ends with ln sigma."""
        return [self.dim + self.samples, *[self.hidden] * self.layers, 1 if self.net == "energy" else self.dim]


def draw(job: Job, seed: int = 1) -> dict[str, np.ndarray]:
    """x, the parameters and, for checks, noise and directions; float32. Weights have variance 1 / fan-in."""
    random = np.random.default_rng(seed)
    normal = lambda *shape: random.standard_normal(shape, dtype=np.float32)
    arrays = {"x": normal(job.batch, job.dim)}
    widths = job.widths()
    for k, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
        arrays[f"layers.{k}.weight"] = normal(fan_out, fan_in) / np.float32(np.sqrt(fan_in))
        arrays[f"layers.{k}.bias"] = normal(fan_out) * np.float32(0.1)
    if job.objective == "dsm":
        arrays["eps"] = normal(job.batch, job.dim)
    if job.projections:
        arrays["directions"] = np.sign(normal(*job.draws))
    if job.objective == "esm":
        arrays["true_score"] = -arrays["x"]
    return arrays
