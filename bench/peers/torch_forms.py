"""PyTorch implementations ("forms") of a job. A step draws its noise and computes the loss and the gradients of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

import torch_evaluations
import torch_losses
from job import Job
from torch_losses import Given, Loss, Params

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class Way:
    """How a form is made from a loss."""

    loss: Loss
    functional: bool = False  # differentiated by torch.func.grad_and_value rather than torch.autograd.grad
    options: dict | None = None  # of torch.compile
    whole: bool = False  # torch.compile gets the loss together with its gradient, not only the loss
    graph: bool = False  # recorded as a CUDA graph, including the drawing of noise


class Form:
    """One form of one job. step() is timed; evaluate() does the same with given noise."""

    def __init__(self, job: Job, arrays: dict[str, np.ndarray], way: Way) -> None:
        self.job, self.way = job, way
        put = lambda name: torch.from_numpy(np.ascontiguousarray(arrays[name])).to(DEVICE)
        self.x = put("x")
        self.params = [put(f"layers.{k}.{part}") for k in range(job.layers + 1) for part in ("weight", "bias")]
        self.given: Given = None  # noise is drawn here, in place; for ESM it never changes
        if job.objective == "esm":
            self.given = put("true_score")
        elif job.draws:
            self.given = torch.empty(job.draws, device=DEVICE)
        compiled = (lambda function: function) if way.options is None else lambda function: torch.compile(
            function, dynamic=False, **way.options)
        if not job.gradient:
            self.call = compiled(way.loss)
        elif way.functional:
            self.call = compiled(torch.func.grad_and_value(way.loss))
        else:
            for each in self.params:
                each.requires_grad_()
            self.call = compiled(both_ways(way.loss)) if way.whole else both_ways(compiled(way.loss))
        self.recorded: torch.cuda.CUDAGraph | None = None

    def draw(self) -> None:
        if self.job.objective == "dsm":
            self.given.normal_()
        elif self.job.projections:
            self.given.uniform_(-1, 1).sign_()  # bernoulli_ takes three times as long; drawing in compiled code is slower too

    def work(self, draws: bool):
        if draws:
            self.draw()
        return self.call(self.params, self.x, self.given)

    def record(self, draws: bool) -> tuple[torch.cuda.CUDAGraph, object]:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):  # one-time allocations and choices must not be recorded
                self.work(draws)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self.work(draws)
        return graph, result

    def evaluate(self, arrays: dict[str, np.ndarray]) -> tuple[float, list[np.ndarray]]:
        if self.job.draws:
            self.given.copy_(torch.from_numpy(arrays[self.job.given]))
        if self.way.graph:
            graph, result = self.record(draws=False)
            graph.replay()
        else:
            result = self.work(draws=False)
        if not self.job.gradient:
            return float(result.detach()), []
        zeros = (torch.zeros_like(p) if g is None else g for g, p in zip(result[0], self.params))
        return float(result[1].detach()), [each.detach().cpu().numpy() for each in zeros]

    def step(self) -> None:
        if self.way.graph:
            if self.recorded is None:
                self.recorded, self.result = self.record(draws=True)
            self.recorded.replay()
        else:
            self.work(draws=True)
        if DEVICE == "cuda":
            torch.cuda.synchronize()


def both_ways(loss: Loss) -> Callable[[Params, Tensor, Given], tuple]:
    def call(params: Params, x: Tensor, given: Given) -> tuple:
        value = loss(params, x, given)
        return torch.autograd.grad(value, params, allow_unused=True), value.detach()

    return call


def forms(job: Job) -> dict:
    """Makers of the forms, by name. Losses are created anew for every form, so that none uses code compiled for another."""
    tuned = {"mode": "reduce-overhead" if DEVICE == "cuda" else "max-autotune-no-cudagraphs"}
    if job.evaluates:
        return torch_evaluations.forms(job, DEVICE, tuned)
    plain = job.net == "score" and not job.directions  # nothing is differentiated twice
    eager = {"torch-eager": Way(torch_losses.reverse(job)), "torch-func": Way(torch_losses.forward(job), functional=True)}
    compiled = {"torch-compile": Way(torch_losses.reverse(job), options={}),
                "torch-compile-func": Way(torch_losses.forward(job), functional=True, options={}),
                "torch-compile-func-tuned": Way(torch_losses.forward(job), functional=True, options=tuned)}
    if plain:
        compiled["torch-compile-tuned"] = Way(torch_losses.reverse(job), options=tuned)
    else:
        compiled["torch-compile-whole"] = Way(torch_losses.reverse(job), options={}, whole=True)
        eager["torch-hand"] = Way(torch_losses.by_hand(job))
        compiled["torch-compile-hand"] = Way(torch_losses.by_hand(job), options={})
        compiled["torch-compile-hand-tuned"] = Way(torch_losses.by_hand(job), options=tuned)
    if job.directions > 1:
        eager["torch-eager-batched"] = Way(torch_losses.reverse(job, batched=True))
    if job.net == "energy" and job.objective in ("ssm", "ism"):
        eager["torch-nested"] = Way(torch_losses.nested(job), functional=True)
        compiled["torch-compile-nested"] = Way(torch_losses.nested(job), functional=True, options={})
    if DEVICE == "cuda":
        eager |= {name.replace("torch-", "torch-graph-"): replace(way, graph=True) for name, way in eager.items()}
    return {name: lambda arrays, way=way: Form(job, arrays, way) for name, way in (eager | compiled).items()}


def forget() -> None:
    """Code compiled for one job would get in the way of the next."""
    torch._dynamo.reset()


def prepare(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision("highest")
    config = torch._dynamo.config
    config.recompile_limit = 64  # all forms of a job are alive at once
    config.fail_on_recompile_limit_hit = True  # otherwise it would silently run uncompiled
    config.trace_autograd_ops = True  # for torch-compile-whole
    return {"torch": torch.__version__}
