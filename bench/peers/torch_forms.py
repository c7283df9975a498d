"""The forms in which PyTorch does a job: a step draws its noise, and gives the loss and the parameters' gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from job import SIGMA, Job

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Params = list[Tensor]  # weight, bias, weight, bias, ...
Given = Tensor | None  # noise, directions or the true score, as the objective has them


def network(params: Params, x: Tensor) -> Tensor:
    last = len(params) - 2
    for k in range(0, last, 2):
        x = functional.silu(functional.linear(x, params[k], params[k + 1]))
    return functional.linear(x, params[last], params[last + 1])


def basis(job: Job, x: Tensor) -> Tensor:
    return torch.eye(job.dim, device=x.device)[:, None, :].expand(job.dim, *x.shape)


def head(job: Job, s: Tensor, given: Given, products: Tensor | None) -> Tensor:
    """The mean loss from s [N, d], and v^T J v [M, N] where there are directions."""
    if job.objective == "dsm":
        return 0.5 * (SIGMA * s + given).square().sum() / len(s)
    if job.objective == "esm":
        return 0.5 * (s - given).square().sum() / len(s)
    along = products.sum(0).mean() if job.objective == "ism" else products.mean()
    if job.objective == "ssm":
        return along + 0.5 * (given * s).sum(-1).square().mean()
    return along + 0.5 * s.square().sum() / len(s)


def autograd_loss(job: Job) -> Callable[[Params, Tensor, Given], Tensor]:
    """Reverse mode throughout: v^T J by a way back of its own, through which the loss goes back again."""

    def loss(params: Params, x: Tensor, given: Given) -> Tensor:
        y = x + SIGMA * given if job.objective == "dsm" else x
        needs_input = job.net == "energy" or job.directions > 0
        if needs_input:
            y = y.detach().requires_grad_()
        s = network(params, y)
        if job.net == "energy":
            (s,) = torch.autograd.grad(s.sum(), y, create_graph=True)
        products = None
        if job.directions:
            v = basis(job, y) if job.objective == "ism" else given
            rows = [torch.autograd.grad(s, y, each, create_graph=True)[0] for each in v]
            products = (torch.stack(rows) * v).sum(-1)
        return head(job, s, given, products)

    return loss


def functional_loss(job: Job) -> Callable[[Params, Tensor, Given], Tensor]:
    """torch.func: J v by forward mode, whose primal the directions share."""

    def score(params: Params, y: Tensor) -> Tensor:
        if job.net == "score":
            return network(params, y)
        return torch.func.grad(lambda at: network(params, at).sum())(y)

    def loss(params: Params, x: Tensor, given: Given) -> Tensor:
        y = x + SIGMA * given if job.objective == "dsm" else x
        if not job.directions:
            return head(job, score(params, y), given, None)
        v = basis(job, y) if job.objective == "ism" else given
        along = lambda each: torch.func.jvp(lambda at: score(params, at), (y,), (each,))
        if len(v) == 1:
            s, jv = along(v[0])
            return head(job, s, given, (v[0] * jv).sum(-1)[None])
        s, jv = torch.func.vmap(along, out_dims=(None, 0))(v)
        return head(job, s, given, (v * jv).sum(-1))

    return loss


class Form:
    """One form of one job: step() is timed, evaluate() is the same with noise that is given."""

    def __init__(self, job: Job, arrays: dict[str, np.ndarray], by_func: bool, options: dict | None) -> None:
        self.job = job
        put = lambda name: torch.from_numpy(np.ascontiguousarray(arrays[name])).to(DEVICE)
        self.x = put("x")
        self.params = [put(f"layers.{k}.{part}") for k in range(job.layers + 1) for part in ("weight", "bias")]
        self.true_score = put("true_score") if job.objective == "esm" else None
        shape = (job.projections, *self.x.shape) if job.projections else self.x.shape
        self.noise = torch.empty(shape, device=DEVICE)
        if by_func:
            loss = functional_loss(job)
            self.call = torch.func.grad_and_value(loss) if job.gradient else loss
        else:
            for each in self.params:
                each.requires_grad_(job.gradient)
            self.call = self._reverse(autograd_loss(job), options)
        if by_func and options is not None:
            self.call = torch.compile(self.call, dynamic=False, **options)

    def _reverse(self, loss: Callable, options: dict | None) -> Callable:
        if options is not None:
            loss = torch.compile(loss, dynamic=False, **options)

        def call(params: Params, x: Tensor, given: Given):
            value = loss(params, x, given)
            if not self.job.gradient:
                return value
            return torch.autograd.grad(value, params, allow_unused=True), value

        return call

    def evaluate(self, given: Given) -> tuple[float, list[np.ndarray]]:
        result = self.call(self.params, self.x, given)
        if not self.job.gradient:
            return float(result), []
        zeros = (torch.zeros_like(p) if g is None else g for g, p in zip(result[0], self.params))
        return float(result[1].detach()), [each.detach().cpu().numpy() for each in zeros]

    def given(self, arrays: dict[str, np.ndarray]) -> Given:
        name = {"dsm": "noise", "esm": "true_score", "ism": None}.get(self.job.objective, "directions")
        return None if name is None else torch.from_numpy(arrays[name]).to(DEVICE)

    def step(self) -> None:
        given = self.true_score
        if self.job.objective == "dsm":
            given = self.noise.normal_()
        elif self.job.projections:
            given = self.noise.bernoulli_().mul_(2).sub_(1)
        self.call(self.params, self.x, given)
        if DEVICE == "cuda":
            torch.cuda.synchronize()


def forms(job: Job) -> dict[str, Callable[[dict[str, np.ndarray]], Form]]:
    """By name. torch.compile refuses to differentiate twice what it has compiled, so there it compiles all of it."""
    make = lambda by_func, options=None: lambda arrays: Form(job, arrays, by_func, options)
    tuned = {"mode": "reduce-overhead" if DEVICE == "cuda" else "max-autotune-no-cudagraphs"}
    return {
        "torch-eager": make(False),
        "torch-func": make(True),
        "torch-compile": make(False, {}),
        "torch-compile-func": make(True, {}),
        "torch-compile-func-tuned": make(True, tuned),
    }


def forget() -> None:
    """What was compiled for another job: its code would be looked through at every call."""
    torch._dynamo.reset()


def prepare(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision("highest")
    torch._dynamo.config.recompile_limit = 64  # forms share functions, and each has its own compiled
    return {"torch": torch.__version__}
