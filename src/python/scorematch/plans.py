"""Plans of the library's networks: losses with their gradients, and scores. parts.py has those of other networks."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import byref, c_size_t, c_void_p
from typing import Any

from . import structs
from .arrays import Array, Place, view_of
from .engine import Engine, Queue, estimate_place
from .library import Handle, call, encoded, get
from .net import Net
from .noise import NoiseLike, noise_ref


def filled(struct: Any, place: Place, written: bool, values: Mapping[str, Any]) -> Any:
    """The In or Out struct with the caller's arrays; those that are None stay zero."""
    result = struct()
    result.owners = owners = []  # what keeps the arrays' memory alive as long as the struct
    for name, kind in struct._fields_:
        value = values.get(name)
        if name == "struct_size":
            result.struct_size = ctypes.sizeof(struct)
        elif kind is structs.Batch:
            result.batch = batch = filled(kind, place, written, values)
            owners.append(batch.owners)
        elif kind is structs.View:
            view = view_of(value, name, place, written)
            owners.append(view)
            setattr(result, name, view)
        elif kind is structs.NoiseRef:
            setattr(result, name, noise_ref(value))
        elif kind is c_void_p:
            setattr(result, name, estimate_place(value, name, place))
        elif value is not None:
            setattr(result, name, value)
    return result


def reduction_of(normaliser: int, accumulate: bool, loss_scale: float) -> Any:
    """How a call's batch is part of a larger one."""
    return structs.Reduction(ctypes.sizeof(structs.Reduction), normaliser, accumulate, loss_scale)


class Plan(Handle):
    """Immutable: it has validated what it computes, and any number of threads may run it, each on its own queue.

    run() computes the outputs that are given and writes them into the caller's arrays. N is the number of samples, at
    most max_batch, d their dimension, M the number of directions, P the number of parameters. Arrays are float32; the
    reference engine takes float64, too. Enqueued work on a GPU uses its arrays until you wait for the queue. run()
    raises Error invalid_argument, with nothing computed, for an array of a wrong shape or type, a missing or a
    superfluous input, too small a workspace, or a queue of another engine.
    """

    _kind = ""
    _in: Any = None
    _out: Any = None

    def _run(self, queue: Queue, inputs: Mapping[str, Any], outputs: Mapping[str, Any], *more: Any) -> None:
        given = filled(self._in, queue, False, inputs)
        wanted = filled(self._out, queue, True, outputs)
        call(self._kind + "_run", self._handle, queue._handle, byref(given), byref(wanted), *more)

    @property
    def workspace_bytes(self) -> int:
        """The scratch memory that run() needs from its queue, in bytes."""
        return int(get(self._kind + "_workspace_bytes", self._handle, c_size_t))


class _Reporting(Plan):
    def report(self, batch: int) -> str:
        """Describes in one line how a call with `batch` samples is computed."""
        report = structs.Report(ctypes.sizeof(structs.Report))
        call(self._kind + "_report", self._handle, batch, byref(report))
        text: bytes = report.text
        return text.decode(errors="replace")


class LossPlan(_Reporting):
    """Loss and gradients of a net."""

    _kind, _in, _out = "loss_plan", structs.LossIn, structs.LossOut

    def __init__(self, engine: Engine, net: Net, loss: str, max_batch: int, compute: str | None = None) -> None:
        """
        loss: "objective=dsm schedule=log_normal weighting=edm", for example; docs/c-interface.md lists the keys.
        max_batch: the most samples of a call.
        compute: None, or a text with `precision` (fp32, tf32, bf16) and `route` (automatic, fused,
            layered, narrow).
        Raises Error invalid_argument that names the key at fault, or unsupported if the engine cannot compute so.
        """
        super().__init__(
            "loss_plan", "loss_plan_create", engine._handle, net._handle, encoded(loss), max_batch, encoded(compute)
        )

    def run(
        self,
        queue: Queue,
        *,
        params: Array,
        x: Array,
        noise: NoiseLike = None,
        sigma: Array | None = None,
        eps: Array | None = None,
        directions: Array | None = None,
        true_score: Array | None = None,
        rows: Array | None = None,
        draw_rows: int = 0,
        weight: Array | None = None,
        context: Array | None = None,
        present: Array | None = None,
        labels: Array | None = None,
        loss: Array | None = None,
        grad: Array | None = None,
        grad_x: Array | None = None,
        loss_per_sample: Array | None = None,
        rows_out: Array | None = None,
        loss_per_direction: Array | None = None,
        grad_context: Array | None = None,
        normaliser: int = 0,
        accumulate: bool = False,
        loss_scale: float = 0.0,
    ) -> None:
        """Computes the outputs that are given.

        Inputs:
        params: [P]. x: [N, d]; or all the data [R, d] if its rows are selected by rows or draw_rows.
        noise: draws what is needed and not given below.
        sigma: [N], or [1] for all, noise levels, in the units of x. eps: [N, d], standard normal noise.
        directions: [M, N, d]. true_score: [N, d], the gradient of the log-density, in 1 / (units of x); for esm.
        rows: [N] int64, rows of x. draw_rows: or N, the number of rows to draw.
        weight: [N], multiplies the loss of each sample and its gradients.
        context: [N, c], or [1, c] for all, for a net with a context; [R, c] if rows of x are selected. labels: [N]
        int64, or [1], or [R], classes in [0, c) in its place. present: [N] or [R], 0 for samples without a context,
        which must be optional.

        Outputs:
        loss: float64 [3], Engine.estimate(): the mean over the samples, as an Estimate.
        grad: [P], of the sum over the samples / normaliser * loss_scale. grad_x: [N, d], of the same.
        loss_per_sample: [N]. rows_out: [N] int64, which row of x each sample is, for draw_rows.
        loss_per_direction: [M, N], the loss with each direction alone; for ssm and ssm_vr.
        grad_context: [N, c], as grad_x; zero for samples without a context.

        A part of a batch:
        normaliser: the number of samples of the whole batch; 0: of this call. accumulate: whether to add to grad and
        merge into loss. loss_scale: a factor of the gradients; 0: 1.
        """
        self._run(
            queue,
            {
                "params": params,
                "x": x,
                "noise": noise,
                "sigma": sigma,
                "eps": eps,
                "directions": directions,
                "true_score": true_score,
                "rows": rows,
                "draw_rows": draw_rows,
                "weight": weight,
                "context": context,
                "present": present,
                "labels": labels,
            },
            {
                "loss": loss,
                "grad": grad,
                "grad_x": grad_x,
                "loss_per_sample": loss_per_sample,
                "rows": rows_out,
                "loss_per_direction": loss_per_direction,
                "grad_context": grad_context,
            },
            byref(reduction_of(normaliser, accumulate, loss_scale)),
        )


class ScorePlan(_Reporting):
    """Scores, Jacobian products, divergences and log-densities of a net."""

    _kind, _in, _out = "score_plan", structs.ScoreIn, structs.ScoreOut

    def __init__(
        self, engine: Engine, net: Net, max_batch: int, directions: str | None = None, compute: str | None = None
    ) -> None:
        """
        directions: None, or "projections=4 distribution=gaussian", for example; M is at most `projections`.
        max_batch, compute: as of LossPlan.
        Raises Error invalid_argument that names the key at fault, or unsupported if the engine cannot compute so.
        """
        super().__init__(
            "score_plan",
            "score_plan_create",
            engine._handle,
            net._handle,
            max_batch,
            encoded(directions),
            encoded(compute),
        )

    def run(
        self,
        queue: Queue,
        *,
        params: Array,
        x: Array,
        noise: NoiseLike = None,
        sigma: Array | None = None,
        directions: Array | None = None,
        context: Array | None = None,
        present: Array | None = None,
        labels: Array | None = None,
        score: Array | None = None,
        jvp: Array | None = None,
        divergence: Array | None = None,
        divergence_estimate: Array | None = None,
        log_density: Array | None = None,
    ) -> None:
        """Computes the outputs that are given, at x itself.

        Inputs:
        params: [P]. x: [N, d]. sigma: [N], or [1] for all, in the units of x; unless the net ignores it.
        directions: [M, N, d], or noise to draw them, for the outputs that need them.
        context, present, labels: as of LossPlan.run.

        Outputs:
        score: [N, d], in 1 / (units of x). jvp: [M, N, d], the products of its Jacobian with the directions.
        divergence: [N], exact. divergence_estimate: [N], from the directions (Hutchinson 1990).
        log_density: [N], in nats, up to a constant; energy nets only.
        """
        self._run(
            queue,
            {
                "params": params,
                "x": x,
                "noise": noise,
                "sigma": sigma,
                "directions": directions,
                "context": context,
                "present": present,
                "labels": labels,
            },
            {
                "score": score,
                "jvp": jvp,
                "divergence": divergence,
                "divergence_estimate": divergence_estimate,
                "log_density": log_density,
            },
        )
