"""Samplers and likelihoods, of a net or of your own function."""

import weakref
from ctypes import byref, c_size_t, c_void_p

from . import structs
from .engine import Queue, noise_ref
from .library import Error, Handle, call, encoded, get
from .memory import View, view_of
from .plans import filled


class _Calling(Handle):
    """A plan that may call the caller's function. run() raises what the function raises."""

    _kind = ""

    def _function(self, kind, function, on_host):
        """Wraps the function for the library. An array that does not exist is None."""
        plan = weakref.ref(self)  # the wrapper must not keep its own plan alive

        def evaluate(_, queue, *given):
            try:
                views = (View(each.contents, on_host) if each.contents.data else None for each in given)
                function(Queue._lent(c_void_p(queue), on_host), *views)
                return 0
            except BaseException as error:  # no exception may pass through the library
                plan()._raised = error
                return 1

        self._kept = kind(evaluate)
        return self._kept

    def _run(self, *arguments):
        self._raised = None
        try:
            call(self._kind + "_run", self._handle, *arguments)
        except Error:
            if self._raised is not None:
                raise self._raised
            raise

    @property
    def workspace_bytes(self):
        return get(self._kind + "_workspace_bytes", self._handle, c_size_t)


class SamplerPlan(_Calling):
    """Turns noise into samples: "sampler=flow sigma_min=0.01 sigma_max=10 steps=24", for example.

    For a net, or for a dimension and your function score(queue, x, sigma, out), which writes the score at x [N, d] and
    sigma [1] (None if the sampler has no level) into `out`. These are Views, float64 on the reference engine. On the
    host, .numpy() is their memory. run() raises what the function raises.
    """

    _kind = "sampler_plan"

    def __init__(self, engine, net, sampler, max_batch, score=None):
        text = encoded(sampler)
        if score is None:
            super().__init__(self._kind, "sampler_plan_create", engine._handle, net._handle, text, max_batch)
        else:
            function = self._function(structs.ScoreFunction, score, engine.on_host)
            super().__init__(
                self._kind, "sampler_plan_create_with", engine._handle, net, function, None, text, max_batch
            )

    def run(self, queue, noise, x, params=None, acceptance=None, acceptance_per_sample=None):
        """@param x [N, d], written @param params [P] of the net @param acceptance an Engine.estimate() and
        acceptance_per_sample [N], both of a chain with metropolis=true"""
        out = {"x": x, "acceptance": acceptance, "acceptance_per_sample": acceptance_per_sample}
        given = view_of(params, "params", queue.on_host)
        self._run(
            queue._handle,
            None if params is None else byref(given),
            noise_ref(noise),
            byref(filled(structs.SamplerOut, queue.on_host, True, out)),
        )


class LikelihoodPlan(_Calling):
    """Log-likelihoods in nats: "sigma_min=0.01 sigma_max=20 prior_deviation=1", for example.

    For a net, or for a dimension and your function score(queue, x, sigma, out, divergence), like SamplerPlan's, which
    also writes the score's divergence [N], or an unbiased estimate of it.
    """

    _kind = "likelihood_plan"

    def __init__(self, engine, net, likelihood, max_batch, compute=None, score=None):
        text = encoded(likelihood)
        if score is None:
            super().__init__(
                self._kind,
                "likelihood_plan_create",
                engine._handle,
                net._handle,
                text,
                max_batch,
                encoded(compute),
            )
        else:
            function = self._function(structs.ScoreDivergenceFunction, score, engine.on_host)
            super().__init__(
                self._kind, "likelihood_plan_create_with", engine._handle, net, function, None, text, max_batch
            )

    def run(self, queue, x, params=None, noise=None, log_likelihood=None, latent=None, mean=None):
        """@param x [N, d] @param noise draws the directions, if there are any @param log_likelihood [N], latent [N, d],
        mean an Engine.estimate(): written, each if it is given"""
        inputs = {"params": params, "x": x, "noise": noise}
        outputs = {"log_likelihood": log_likelihood, "latent": latent, "mean": mean}
        self._run(
            queue._handle,
            byref(filled(structs.LikelihoodIn, queue.on_host, False, inputs)),
            byref(filled(structs.LikelihoodOut, queue.on_host, True, outputs)),
        )
