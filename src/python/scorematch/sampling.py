"""Samplers and likelihoods, of a net, of your own network or of your own score function."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from ctypes import byref, c_size_t, c_void_p
from typing import Any, Optional

from . import structs
from .arrays import Array
from .engine import Engine, Queue
from .library import Handle, call, encoded, get, raise_after_call
from .memory import View
from .net import Net
from .noise import NoiseLike
from .own_network import NetworkCall, OwnNetwork
from .plans import filled

ScoreFunction = Callable[[Queue, View, Optional[View], View], None]
"""score(queue, x, sigma, out) writes the score at x [N, d] and sigma [1] into out [N, d]; sigma is None if the sampler
has no noise level. The arrays are float64 on the reference engine. On the host, x.numpy() is their memory. A plan may
run on the queue."""

ScoreDivergenceFunction = Callable[[Queue, View, View, View, View], None]
"""score(queue, x, sigma, out, divergence), the same, also writes the divergence of the score [N], or an unbiased
estimate of it."""


class _Calling(Handle):
    """A plan that may call the caller's function. run() raises what the function raises."""

    _kind = ""

    def _function(self, kind: Any, function: Callable[..., None]) -> Any:
        """Wraps the function for the library. An array that does not exist is None."""
        return self._callback(kind, lambda queue, views, *given: function(queue, *(views(e.contents) for e in given)))

    def _network(self, network: OwnNetwork) -> Any:
        """The network for the library."""

        def evaluate(queue: Queue, views: Callable[[Any], View | None], given: Any) -> None:
            call = given.contents
            arrays: Any = [views(getattr(call, name)) for name in NetworkCall._fields]
            network.evaluate(queue, NetworkCall(*arrays))

        if network.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype: expected float32 or float64, got {network.dtype}")
        return structs.OwnNetwork(
            ctypes.sizeof(structs.OwnNetwork),
            network.dim,
            1 if network.dtype == "float64" else 0,
            encoded(network.text),
            self._callback(structs.NetworkFunction, evaluate),
            None,
        )

    def _callback(self, kind: Any, function: Callable[..., None]) -> Any:
        """A function of C that calls function(queue, views, ...); views(struct) is its array, or None."""
        plan = weakref.ref(self)  # the wrapper must not keep its own plan alive

        def evaluate(_: Any, queue: int, *given: Any) -> int:
            caller: Any = plan()  # alive, as it is running
            try:
                on_host = caller._place.on_host
                lent = Queue._lent(c_void_p(queue), caller._place)
                function(lent, lambda struct: View(struct, on_host) if struct.data else None, *given)
                return 0
            except BaseException as error:
                raise_after_call(error)
                return 1

        self._kept = kind(evaluate)
        return self._kept

    def _run(self, queue: Queue, *arguments: Any) -> None:
        self._place = queue
        call(self._kind + "_run", self._handle, queue._handle, *arguments)

    @property
    def workspace_bytes(self) -> int:
        """The scratch memory that run() needs from its queue, in bytes."""
        return int(get(self._kind + "_workspace_bytes", self._handle, c_size_t))


class SamplerPlan(_Calling):
    """Turns noise into samples of a net, of your own network, or of your own score function."""

    _kind = "sampler_plan"

    def __init__(
        self,
        engine: Engine,
        net: Net | OwnNetwork | int,
        sampler: str,
        max_batch: int,
        score: ScoreFunction | None = None,
    ) -> None:
        """
        net: a Net, or an OwnNetwork; or d, if you give a score function.
        sampler: "sampler=flow sigma_min=0.01 sigma_max=10 steps=24", for example; docs/c-interface.md lists the keys.
        With guidance=w, the score is that without a context plus w times what the context adds.
        Noise levels are in the units of the samples.
        max_batch: the most samples of a call. score: a ScoreFunction.
        Raises Error invalid_argument that names the key at fault; TypeError for a dimension without a function, or a
        net with one.
        """
        text = encoded(sampler)
        if isinstance(net, OwnNetwork) and score is None:
            super().__init__(
                self._kind,
                "sampler_plan_create_with_network",
                engine._handle,
                byref(self._network(net)),
                text,
                max_batch,
            )
        elif score is None:
            handle = _net_of(net)._handle
            super().__init__(self._kind, "sampler_plan_create", engine._handle, handle, text, max_batch)
        else:
            function = self._function(structs.ScoreFunction, score)
            super().__init__(
                self._kind, "sampler_plan_create_with", engine._handle, _dim_of(net), function, None, text, max_batch
            )

    def run(
        self,
        queue: Queue,
        noise: NoiseLike,
        x: Array,
        params: Array | None = None,
        acceptance: Array | None = None,
        acceptance_per_sample: Array | None = None,
        context: Array | None = None,
        labels: Array | None = None,
    ) -> None:
        """Computes samples. The same noise gives the same samples again.

        noise: of which row i is sample i.
        x: [N, d], written; read first if a Langevin chain starts from it.
        params: [P] of the net.
        acceptance: float64 [3], Engine.estimate(), and acceptance_per_sample: [N], the fraction of a chain's proposals
        that were accepted; both for metropolis=true only.
        context: [N, c], or [1, c] for all, for a net with a context. labels: [N] int64, or [1], classes in [0, c) in
        its place.
        Raises Error invalid_argument for an array of a wrong shape or type, and what your function raises.
        """
        out = {"x": x, "acceptance": acceptance, "acceptance_per_sample": acceptance_per_sample}
        inputs = {"params": params, "noise": noise, "context": context, "labels": labels}
        self._place = queue
        call(
            "sampler_plan_run_with",
            self._handle,
            queue._handle,
            byref(filled(structs.SamplerIn, queue, False, inputs)),
            byref(filled(structs.SamplerOut, queue, True, out)),
        )


class LikelihoodPlan(_Calling):
    """Log-likelihoods, by the probability-flow equation, of a net, of your own network, or of your own score function."""

    _kind = "likelihood_plan"

    def __init__(
        self,
        engine: Engine,
        net: Net | OwnNetwork | int,
        likelihood: str | None,
        max_batch: int,
        compute: str | None = None,
        score: ScoreDivergenceFunction | None = None,
    ) -> None:
        """
        net: a Net, or an OwnNetwork; or d, if you give a score function.
        likelihood: None, or "sigma_min=0.01 sigma_max=20 prior_deviation=1", for example; docs/c-interface.md lists
        the keys. Noise levels are in the units of the samples.
        max_batch: the most samples of a call. compute: as of LossPlan. score: a ScoreDivergenceFunction.
        Raises Error invalid_argument that names the key at fault; TypeError for a dimension without a function, or a
        net with one.
        """
        text = encoded(likelihood)
        if isinstance(net, OwnNetwork) and score is None:
            super().__init__(
                self._kind,
                "likelihood_plan_create_with_network",
                engine._handle,
                byref(self._network(net)),
                text,
                max_batch,
            )
        elif score is None:
            handle = _net_of(net)._handle
            super().__init__(
                self._kind, "likelihood_plan_create", engine._handle, handle, text, max_batch, encoded(compute)
            )
        else:
            function = self._function(structs.ScoreDivergenceFunction, score)
            super().__init__(
                self._kind, "likelihood_plan_create_with", engine._handle, _dim_of(net), function, None, text, max_batch
            )

    def run(
        self,
        queue: Queue,
        x: Array,
        params: Array | None = None,
        noise: NoiseLike = None,
        log_likelihood: Array | None = None,
        latent: Array | None = None,
        mean: Array | None = None,
        context: Array | None = None,
        present: Array | None = None,
        labels: Array | None = None,
    ) -> None:
        """Computes the outputs that are given.

        x: [N, d]. params: [P] of the net. noise: draws the directions, if there are any.
        context, present, labels: as of LossPlan.run; the likelihood is then conditional.

        Outputs:
        log_likelihood: [N], in nats, of a density in the units of x. latent: [N, d], x at sigma_max.
        mean: float64 [3], Engine.estimate(), of log_likelihood.
        Raises Error invalid_argument for an array of a wrong shape or type, and what your function raises.
        """
        inputs = {
            "params": params,
            "x": x,
            "noise": noise,
            "context": context,
            "present": present,
            "labels": labels,
        }
        outputs = {"log_likelihood": log_likelihood, "latent": latent, "mean": mean}
        self._run(
            queue,
            byref(filled(structs.LikelihoodIn, queue, False, inputs)),
            byref(filled(structs.LikelihoodOut, queue, True, outputs)),
        )


def _net_of(net: Net | OwnNetwork | int) -> Net:
    if not isinstance(net, Net):
        raise TypeError(f"net: expected a Net, or a dimension with a score function, got {net!r} without a function")
    return net


def _dim_of(net: Net | OwnNetwork | int) -> int:
    if isinstance(net, (Net, OwnNetwork)):
        raise TypeError(f"net: expected a dimension, because a score function is given, got a {type(net).__name__}")
    return net
