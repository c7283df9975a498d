"""A network of your own, for samplers and likelihoods."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Optional

from .engine import Queue
from .memory import View


class NetworkCall(NamedTuple):
    """One evaluation of your network F, valid until the function returns. On the host, numpy() of a view is its memory.

    net_input: [N, d + features + context], the scaled samples, the features of sigma and the context, as PerturbPlan
    writes them in training.
    sigma: [N], all equal, for a network that takes sigma in another form; 1 if the sampler has no level.
    directions: [M, N, d], 1 <= M <= 8, or None.
    output: [N, d], F, which you write.
    jvp: [M, N, d], the products of F's Jacobian for the first d columns of net_input with the directions, which you
    write; None without directions.
    """

    net_input: View
    sigma: View
    directions: Optional[View]
    output: View
    jvp: Optional[View]


class OwnNetwork(NamedTuple):
    """Your network, with the description under which it was trained. The plan computes the score from its output.

    dim: d. evaluate: a function of a Queue, on which a plan may run, and a NetworkCall.
    text: None, or "parameterization=edm sigma_data=0.5 conditioning=log_sigma", for example: the keys of a PerturbPlan
    without those of the schedule; docs/c-interface.md lists them.
    dtype: of the arrays, "float32" on every engine, or "float64" on the reference engine.
    """

    dim: int
    evaluate: Callable[[Queue, NetworkCall], None]
    text: Optional[str] = None
    dtype: str = "float32"
