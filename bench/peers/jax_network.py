"""The network of a job in JAX, and its score."""

from __future__ import annotations

from collections.abc import Callable

import jax

from job import Job


def network(params, x):
    for weight, bias in params[:-1]:
        x = jax.nn.silu(x @ weight.T + bias)
    weight, bias = params[-1]
    return x @ weight.T + bias


def score_of(job: Job, params) -> Callable:
    if job.net == "score":
        return lambda y: network(params, y)
    return jax.grad(lambda y: network(params, y).sum())
