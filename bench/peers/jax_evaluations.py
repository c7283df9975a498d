"""JAX implementations ("forms") of scores and samplers, each under one jit with the noise that it draws."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from jax import numpy as jnp

import samplers
from jax_network import network, score_of
from job import Job


def score(params, x, sigma):
    a, b, c = samplers.coefficients(sigma)
    return a * x + b * network(params, jnp.concatenate([c * x, jnp.broadcast_to(jnp.log(sigma), (len(x), 1))], axis=1))


def heun(params, x, sigma, following, _):
    slope = -sigma * score(params, x, sigma)
    ahead = x + (following - sigma) * slope
    return x + (following - sigma) / 2 * (slope - following * score(params, ahead, following))


def reverse(params, x, sigma, following, noise):
    variance = jnp.square(sigma) - jnp.square(following)
    return x + variance * score(params, x, sigma) + jnp.sqrt(variance) * noise


def sampler_of(job: Job, unrolled: bool) -> Callable:
    """From the parameters, the start, and a function that gives the noise of step i."""
    levels = jnp.asarray(samplers.levels(job), jnp.float32)
    move = {"flow": heun, "reverse": reverse}[job.objective]

    def sample(params, x, noise_of):
        step = lambda i, at: move(params, at, levels[i], levels[i + 1], noise_of(i))
        if unrolled:
            for i in range(len(levels) - 2):
                x = step(i, x)
        else:
            x = jax.lax.fori_loop(0, len(levels) - 2, step, x)
        return x + jnp.square(levels[-2]) * score(params, x, levels[-2])

    return sample


class Form:
    """One form of one job. step() is timed; evaluate() does the same with given noise."""

    def __init__(self, job: Job, arrays: dict[str, np.ndarray], unrolled: bool) -> None:
        self.job = job
        put = lambda name: jnp.asarray(arrays[name])
        self.x = put("x")
        self.params = [(put(f"layers.{k}.weight"), put(f"layers.{k}.bias")) for k in range(job.layers + 1)]
        self.key = jax.random.key(1)
        shape = self.x.shape
        if not job.samples:
            self.given = jax.jit(lambda params, x: score_of(job, params)(x))
            self.compiled = jax.jit(lambda params, x, key: (score_of(job, params)(x), key))
            return
        sample = sampler_of(job, unrolled)
        self.given = jax.jit(lambda params, start, noise: sample(params, samplers.SIGMA_MAX * start, lambda i: noise[i]))

        def step(params, x, key):
            key, first, others = jax.random.split(key, 3)
            noise_of = lambda i: jax.random.normal(jax.random.fold_in(others, i), shape)
            return sample(params, samplers.SIGMA_MAX * jax.random.normal(first, shape), noise_of), key

        self.compiled = jax.jit(step)

    def evaluate(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        if not self.job.samples:
            return np.asarray(self.given(self.params, self.x))
        noise = arrays.get("noise", np.zeros((samplers.STEPS[self.job.objective], 1, 1), np.float32))
        return np.asarray(self.given(self.params, jnp.asarray(arrays["start"]), jnp.asarray(noise)))

    def step(self) -> None:
        result, self.key = self.compiled(self.params, self.x, self.key)
        jax.block_until_ready(result)


def forms(job: Job) -> dict[str, Callable[[dict[str, np.ndarray]], Form]]:
    names = {"jax-jit": False}
    if job.objective == "flow":  # 500 steps as one function take minutes to compile
        names["jax-unrolled"] = True
    return {name: lambda arrays, unrolled=unrolled: Form(job, arrays, unrolled) for name, unrolled in names.items()}
