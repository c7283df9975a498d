"""Ways to compute a job's loss in PyTorch. Each is a function of the parameters, x and the given arrays (noise, directions or the
true score). torch_forms.py adds the derivative with respect to the parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from job import SIGMA, Job

Params = list[Tensor]  # weight, bias, weight, bias, ...
Given = Tensor | None
Loss = Callable[[Params, Tensor, Given], Tensor]


def network(params: Params, x: Tensor) -> Tensor:
    last = len(params) - 2
    for k in range(0, last, 2):
        x = functional.silu(functional.linear(x, params[k], params[k + 1]))
    return functional.linear(x, params[last], params[last + 1])


def point(job: Job, x: Tensor, given: Given) -> Tensor:
    return torch.add(x, given, alpha=SIGMA) if job.objective == "dsm" else x


def directions(job: Job, x: Tensor, given: Given) -> Tensor:
    """[M, N, d]. For the exact trace, those of the basis, which take no memory."""
    return given if job.objective != "ism" else torch.eye(job.dim, device=x.device)[:, None, :].expand(job.dim, *x.shape)


def head(job: Job, s: Tensor, given: Given) -> Tensor:
    """For losses without J. The loss of DSM has the weight sigma^2."""
    off = torch.add(given, s, alpha=SIGMA) if job.objective == "dsm" else s - given
    return off.square().sum() * (0.5 / len(s))


def sliced_head(job: Job, products: Tensor, squares: Tensor) -> Tensor:
    """From v^T J v [M, N] and the term to be squared: v^T s [M, N], or s itself with any axes."""
    samples = products.shape[1] * (products.shape[0] if job.objective != "ism" else 1)
    halved = samples if job.objective == "ssm" else products.shape[1]
    return products.sum() / samples + squares.square().sum() * (0.5 / halved)


def sliced_from(job: Job, s: Tensor, v: Tensor, jv: Tensor) -> Tensor:
    return sliced_head(job, (v * jv).sum(-1), (v * s).sum(-1) if job.objective == "ssm" else s)


def reverse(job: Job, batched: bool = False) -> Loss:
    """Reverse mode only: v^T J is a backward pass, and the loss is differentiated through it in a second one."""

    def loss(params: Params, x: Tensor, given: Given) -> Tensor:
        y = point(job, x, given)
        if job.net == "energy" or job.directions:
            y = y.detach().requires_grad_()
        s = network(params, y)
        if job.net == "energy":
            (s,) = torch.autograd.grad(s.sum(), y, create_graph=job.gradient or job.directions > 0)
        if not job.directions:
            return head(job, s, given)
        v = directions(job, y, given)
        back = lambda each, **how: torch.autograd.grad(s, y, each, retain_graph=True, create_graph=job.gradient, **how)[0]
        return sliced_from(job, s, v, back(v, is_grads_batched=True) if batched else torch.stack([back(each) for each in v]))

    return loss


def forward(job: Job) -> Loss:
    """torch.func: J v by forward mode; all directions use the same primal. For an energy net, over reverse mode."""

    def loss(params: Params, x: Tensor, given: Given) -> Tensor:
        if job.net == "score":
            score = lambda at: network(params, at)
        else:
            score = torch.func.grad(lambda at: network(params, at).sum())
        y = point(job, x, given)
        if not job.directions:
            return head(job, score(y), given)
        v = directions(job, y, given)
        along = lambda each: torch.func.jvp(score, (y,), (each,))
        if len(v) == 1:
            s, jv = along(v[0])
            return sliced_from(job, s, v, jv[None])
        s, jv = torch.func.vmap(along, out_dims=(None, 0))(v)
        return sliced_from(job, s, v, jv)

    return loss


def nested(job: Job) -> Loss:
    """SSM and ISM of an energy net f need only v^T s and v^T J v, the first two derivatives of f along v: forward mode twice."""

    def loss(params: Params, x: Tensor, given: Given) -> Tensor:
        def along(v: Tensor) -> tuple[Tensor, Tensor]:
            slope = lambda at: torch.func.jvp(lambda there: network(params, there)[:, 0], (at,), (v,))[1]
            return torch.func.jvp(slope, (x,), (v,))

        v = directions(job, x, given)
        if len(v) == 1:
            first, second = along(v[0])
            return sliced_head(job, second[None], first)
        first, second = torch.func.vmap(along)(v)
        return sliced_head(job, second, first)

    return loss


def silu_jet(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """silu and its first two derivatives."""
    p = torch.sigmoid(z)
    q = 1 - p
    return z * p, p * (1 + z * q), p * q * (2 + z * (q - p))


def gradient(params: Params, h: Tensor) -> Tensor:
    """grad f of an energy net, as plain operations."""
    slopes = []
    for k in range(0, len(params) - 2, 2):
        h, slope, _ = silu_jet(functional.linear(h, params[k], params[k + 1]))
        slopes.append(slope)
    g = params[-2]
    for k in reversed(range(len(slopes))):
        g = (g * slopes[k]) @ params[2 * k]
    return g


def by_hand(job: Job) -> Loss:
    """Tangents and grad f written as plain operations, as an expert on the network would. Only one backward pass is left to
    autograd, and torch.compile can handle it."""

    def tangents(params: Params, h: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        for k in range(0, len(params) - 2, 2):
            h, slope, _ = silu_jet(functional.linear(h, params[k], params[k + 1]))
            t = functional.linear(t, params[k]) * slope
        return functional.linear(h, params[-2], params[-1]), functional.linear(t, params[-2])

    def derivatives(params: Params, h: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The first two derivatives of f along t."""
        c = None
        for k in range(0, len(params) - 2, 2):
            h, slope, bend = silu_jet(functional.linear(h, params[k], params[k + 1]))
            t = functional.linear(t, params[k])
            bent = bend * t.square()
            c = bent if c is None else bent + slope * functional.linear(c, params[k])
            t = slope * t
        return t @ params[-2][0], c @ params[-2][0]

    def loss(params: Params, x: Tensor, given: Given) -> Tensor:
        y = point(job, x, given)
        if not job.directions:
            return head(job, gradient(params, y), given)
        v = directions(job, y, given)
        if job.net == "score":
            s, jv = tangents(params, y, v)
            return sliced_from(job, s, v, jv)
        first, second = derivatives(params, y, v)
        return sliced_head(job, second, gradient(params, y) if job.objective == "ssm_vr" else first)

    return loss
