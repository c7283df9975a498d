"""JAX implementations ("forms") of a job, each under one jit: noise, loss and gradient."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from jax import numpy as jnp
from jax.experimental.jet import jet

import jax_evaluations
from jax_network import network, score_of
from job import SIGMA, Job

jax.config.update("jax_default_prng_impl", "rbg")  # the fast generator
jax.config.update("jax_default_matmul_precision", "highest")
MOST_IN_TURN = 16  # directions; the code that XLA compiles grows with them


# Ways to compute the products with J along one direction: v^T J v, and the term to be squared, v^T s or s.


def by_jvp(job: Job, params, y):
    score = score_of(job, params)
    return lambda v: sliced(job, v, *jax.jvp(score, (y,), (v,)))


def by_linearize(job: Job, params, y):
    s, product = jax.linearize(score_of(job, params), y)
    return lambda v: sliced(job, v, s, product(v))


def by_vjp(job: Job, params, y):
    """Reverse mode only: v^T J is a backward pass."""
    s, back = jax.vjp(score_of(job, params), y)
    return lambda v: sliced(job, v, s, back(v)[0])


def by_nested_jvp(job: Job, params, y):
    """For SSM and ISM of an energy net f, only its first two derivatives along v are needed: forward mode twice."""

    def along(v):
        slope = lambda at: jax.jvp(lambda there: network(params, there)[:, 0], (at,), (v,))[1]
        return jax.jvp(slope, (y,), (v,))[::-1]

    return along


def by_jet(job: Job, params, y):
    """The same with Taylor mode."""
    return lambda v: tuple(jet(lambda at: network(params, at)[:, 0], (y,), ((v, jnp.zeros_like(v)),))[1][::-1])


def sliced(job: Job, v, s, jv):
    return (v * jv).sum(-1), (v * s).sum(-1) if job.objective == "ssm" else s


def products_of(job: Job, way: Callable, batched: bool, params, y, v):
    """v^T J v [M, N], and the term to be squared. Batched matrix products have three axes, for which XLA's CPU code is slow. One
    direction at a time, they have two, and XLA finds the common subexpressions."""
    shares_score = job.objective != "ssm" and way not in (by_nested_jvp, by_jet)
    along = way(job, params, y)
    if batched:
        return jax.vmap(along, out_axes=(0, None if shares_score else 0))(v)
    products, squares = zip(*map(along, v))
    return jnp.stack(products), squares[0] if shares_score else jnp.stack(squares)


def loss_of(job: Job, way: Callable, batched: bool) -> Callable:
    def loss(params, x, given):
        if job.objective == "dsm":
            s = score_of(job, params)(x + SIGMA * given)
            return 0.5 * jnp.square(SIGMA * s + given).sum() / len(x)
        if job.objective == "esm":
            return 0.5 * jnp.square(score_of(job, params)(x) - given).sum() / len(x)
        v = jnp.broadcast_to(jnp.eye(job.dim)[:, None, :], (job.dim, *x.shape)) if job.objective == "ism" else given
        products, squares = products_of(job, way, batched, params, x, v)
        along = products.sum(0).mean() if job.objective == "ism" else products.mean()
        return along + 0.5 * jnp.square(squares).sum() / (squares.size if job.objective == "ssm" else len(x))

    return loss


class Form:
    """One form of one job. step() is timed; evaluate() does the same with given noise."""

    def __init__(self, job: Job, arrays: dict[str, np.ndarray], way: Callable, batched: bool) -> None:
        self.job = job
        put = lambda name: jnp.asarray(arrays[name])
        self.x = put("x")
        self.params = [(put(f"layers.{k}.weight"), put(f"layers.{k}.bias")) for k in range(job.layers + 1)]
        self.true_score = put("true_score") if job.objective == "esm" else None
        loss = loss_of(job, way, batched)
        self.call = jax.value_and_grad(loss) if job.gradient else loss

        def step(params, x, true_score, key):
            key, use = jax.random.split(key)
            given = true_score
            if job.objective == "dsm":
                given = jax.random.normal(use, job.draws)
            elif job.projections:
                given = jax.random.rademacher(use, job.draws, jnp.float32)
            return self.call(params, x, given), key

        self.compiled = jax.jit(step)
        self.key = jax.random.key(1)

    def evaluate(self, arrays: dict[str, np.ndarray]) -> tuple[float, list[np.ndarray]]:
        given = None if self.job.given is None else jnp.asarray(arrays[self.job.given])
        result = jax.jit(self.call)(self.params, self.x, given)
        if not self.job.gradient:
            return float(result), []
        return float(result[0]), [np.asarray(each) for pair in result[1] for each in pair]

    def step(self) -> None:
        result, self.key = self.compiled(self.params, self.x, self.true_score, self.key)
        jax.block_until_ready(result)


def forms(job: Job) -> dict:
    if job.evaluates:
        return jax_evaluations.forms(job)
    ways = {"jax-jit": by_jvp}
    if job.directions:
        ways |= {"jax-linearize": by_linearize, "jax-reverse": by_vjp}
        if job.net == "energy" and job.objective != "ssm_vr":
            ways |= {"jax-nested": by_nested_jvp, "jax-jet": by_jet}
    makers = {}
    for name, way in ways.items():
        if job.directions <= MOST_IN_TURN:
            makers[name] = lambda arrays, way=way: Form(job, arrays, way, batched=False)
        if job.directions > 1:
            makers[f"{name}-batched"] = lambda arrays, way=way: Form(job, arrays, way, batched=True)
    return makers


def forget() -> None:
    """Code compiled for one job is of no use for the next."""
    jax.clear_caches()


def prepare(threads: int) -> dict[str, str]:
    import jaxlib

    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}
