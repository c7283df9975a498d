"""PyTorch implementations ("forms") of scores and samplers. The derivative of an energy net's f is the only one here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import samplers
import torch_losses
from job import Job
from torch_losses import Params, network

Score = Callable[[Params, Tensor], Tensor]


def score_by_autograd(job: Job) -> Score:
    def score(params: Params, x: Tensor) -> Tensor:
        with torch.enable_grad():
            y = x.detach().requires_grad_()
            return torch.autograd.grad(network(params, y).sum(), y)[0]

    return score


def score_by_func(job: Job) -> Score:
    return lambda params, x: torch.func.grad(lambda at: network(params, at).sum())(x)


def step_of(job: Job) -> Callable[..., Tensor]:
    """One step of a sampler. The noise levels are tensors without axes, so that one compilation serves all steps."""

    def score(params: Params, x: Tensor, sigma: Tensor) -> Tensor:
        a, b, c = samplers.coefficients(sigma)
        inputs = torch.cat([c * x, sigma.log().expand(len(x), 1)], dim=1)
        return a * x + b * network(params, inputs)

    def heun(params: Params, x: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        slope = -sigma * score(params, x, sigma)
        ahead = x + (following - sigma) * slope
        return x + (following - sigma) / 2 * (slope - following * score(params, ahead, following))

    def reverse(params: Params, x: Tensor, sigma: Tensor, following: Tensor, noise: Tensor) -> Tensor:
        variance = sigma.square() - following.square()
        return x + variance * score(params, x, sigma) + variance.sqrt() * noise

    def last(params: Params, x: Tensor, sigma: Tensor) -> Tensor:
        return x + sigma.square() * score(params, x, sigma)

    return {"flow": heun, "reverse": reverse, "last": last}


@dataclass(frozen=True)
class Way:
    options: dict | None = None  # of torch.compile
    whole: bool = False  # torch.compile gets all steps of the sampler, not one
    score: Callable[[Job], Score] | None = None


class Form:
    """One form of one job. step() is timed; evaluate() does the same with given noise."""

    def __init__(self, job: Job, arrays: dict[str, np.ndarray], way: Way, device: str) -> None:
        self.job, self.device = job, device
        put = lambda name: torch.from_numpy(np.ascontiguousarray(arrays[name])).to(device)
        self.x = put("x")
        self.params = [put(f"layers.{k}.{part}") for k in range(job.layers + 1) for part in ("weight", "bias")]
        compiled = (lambda function: function) if way.options is None else lambda function: torch.compile(
            function, dynamic=False, **way.options)
        if not job.samples:
            self.call = compiled(way.score(job) if way.score else network)
            return
        steps = step_of(job)
        self.levels = [torch.tensor(each, dtype=torch.float32, device=device) for each in samplers.levels(job)]
        one = (lambda function: function) if way.whole else compiled
        self.move, self.last = one(steps[job.objective]), one(steps["last"])
        self.sample = compiled(self.loop) if way.whole else self.loop

    def loop(self, params: Params, x: Tensor, noise: list[Tensor]) -> Tensor:
        for i in range(len(self.levels) - 2):
            more = (self.drawn(noise, i),) if self.job.objective == "reverse" else ()
            x = self.move(params, x, self.levels[i], self.levels[i + 1], *more)
        return self.last(params, x, self.levels[-2])

    def drawn(self, noise: list[Tensor], i: int) -> Tensor:
        return noise[i] if noise else torch.randn_like(self.x)

    @torch.no_grad()
    def evaluate(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        if not self.job.samples:
            return self.call(self.params, self.x).detach().cpu().numpy()
        put = lambda array: torch.from_numpy(array).to(self.device)
        noise = [put(each) for each in arrays.get("noise", ())]
        return self.sample(self.params, samplers.SIGMA_MAX * put(arrays["start"]), noise).cpu().numpy()

    @torch.no_grad()
    def step(self) -> None:
        if self.job.samples:
            self.sample(self.params, samplers.SIGMA_MAX * torch.randn_like(self.x), [])
        else:
            self.call(self.params, self.x)
        if self.device == "cuda":
            torch.cuda.synchronize()


def forms(job: Job, device: str, tuned: dict) -> dict[str, Callable[[dict[str, np.ndarray]], Form]]:
    """Makers of the forms, by name."""
    if job.net == "energy":
        hand = lambda job: torch_losses.gradient
        ways = {"torch-eager": Way(score=score_by_autograd), "torch-hand": Way(score=hand),
                "torch-compile-func": Way({}, score=score_by_func), "torch-compile-hand": Way({}, score=hand),
                "torch-compile-hand-tuned": Way(tuned, score=hand)}
    else:
        ways = {"torch-eager": Way(), "torch-compile": Way({}), "torch-compile-tuned": Way(tuned)}
        if job.objective == "flow":  # 500 steps as one function take minutes to compile
            ways["torch-compile-whole"] = Way({}, whole=True)
    return {name: lambda arrays, way=way: Form(job, arrays, way, device) for name, way in ways.items()}
