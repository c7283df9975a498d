"""The forms in which JAX does a job, each under one jit: noise, loss and gradient."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from jax import numpy as jnp

from job import SIGMA, Job

jax.config.update("jax_default_prng_impl", "rbg")  # the fast one
jax.config.update("jax_default_matmul_precision", "highest")


def network(params, x):
    for weight, bias in params[:-1]:
        x = jax.nn.silu(x @ weight.T + bias)
    weight, bias = params[-1]
    return x @ weight.T + bias


def loss_of(job: Job, by_linearize: bool) -> Callable:
    def score(params, y):
        if job.net == "score":
            return network(params, y)
        return jax.grad(lambda at: network(params, at).sum())(y)

    def along(params, y, v):
        """s, and v^T J v of every direction; the primal is one."""
        if by_linearize:
            s, product = jax.linearize(lambda at: score(params, at), y)
            return s, (v * jax.vmap(product)(v)).sum(-1)
        if len(v) == 1:
            s, jv = jax.jvp(lambda at: score(params, at), (y,), (v[0],))
            return s, (v[0] * jv).sum(-1)[None]
        jvp = lambda each: jax.jvp(lambda at: score(params, at), (y,), (each,))
        s, jv = jax.vmap(jvp, out_axes=(None, 0))(v)
        return s, (v * jv).sum(-1)

    def loss(params, x, given):
        if job.objective == "dsm":
            s = score(params, x + SIGMA * given)
            return 0.5 * jnp.square(SIGMA * s + given).sum() / len(x)
        if job.objective == "esm":
            return 0.5 * jnp.square(score(params, x) - given).sum() / len(x)
        v = jnp.broadcast_to(jnp.eye(job.dim)[:, None, :], (job.dim, *x.shape)) if job.objective == "ism" else given
        s, products = along(params, x, v)
        trace = products.sum(0).mean() if job.objective == "ism" else products.mean()
        if job.objective == "ssm":
            return trace + 0.5 * jnp.square((v * s).sum(-1)).mean()
        return trace + 0.5 * jnp.square(s).sum() / len(x)

    return loss


class Form:
    """One form of one job: step() is timed, evaluate() is the same with noise that is given."""

    def __init__(self, job: Job, arrays: dict[str, np.ndarray], by_linearize: bool) -> None:
        self.job = job
        put = lambda name: jnp.asarray(arrays[name])
        self.x = put("x")
        self.params = [(put(f"layers.{k}.weight"), put(f"layers.{k}.bias")) for k in range(job.layers + 1)]
        self.true_score = put("true_score") if job.objective == "esm" else None
        loss = loss_of(job, by_linearize)
        self.call = jax.value_and_grad(loss) if job.gradient else loss
        shape = (job.projections, *self.x.shape) if job.projections else self.x.shape

        def step(params, x, key):
            key, use = jax.random.split(key)
            given = None
            if job.objective == "dsm":
                given = jax.random.normal(use, shape)
            elif job.projections:
                given = jax.random.rademacher(use, shape, jnp.float32)
            elif job.objective == "esm":
                given = self.true_score
            return self.call(params, x, given), key

        self.compiled = jax.jit(step)
        self.key = jax.random.key(1)

    def given(self, arrays: dict[str, np.ndarray]):
        name = {"dsm": "noise", "esm": "true_score", "ism": None}.get(self.job.objective, "directions")
        return None if name is None else jnp.asarray(arrays[name])

    def evaluate(self, given) -> tuple[float, list[np.ndarray]]:
        result = jax.jit(self.call)(self.params, self.x, given)
        if not self.job.gradient:
            return float(result), []
        return float(result[0]), [np.asarray(each) for pair in result[1] for each in pair]

    def step(self) -> None:
        result, self.key = self.compiled(self.params, self.x, self.key)
        jax.block_until_ready(result)


def forms(job: Job) -> dict[str, Callable[[dict[str, np.ndarray]], Form]]:
    make = lambda by_linearize: lambda arrays: Form(job, arrays, by_linearize)
    return {"jax-jit": make(False)} | ({"jax-linearize": make(True)} if job.directions else {})


def forget() -> None:
    jax.clear_caches()


def prepare(threads: int) -> dict[str, str]:
    import jaxlib

    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}
