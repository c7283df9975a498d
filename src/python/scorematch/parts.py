"""The parts of a loss, for networks of your own: the perturbation, directions, and the head."""

from __future__ import annotations

from ctypes import byref

from . import structs
from .arrays import Array, view_of
from .engine import Engine, Queue
from .library import Handle, call, encoded
from .noise import NoiseLike, noise_ref
from .plans import Plan, reduction_of


class HeadPlan(Plan):
    """Turns the output of your own network into a loss and the gradients for its backward pass."""

    _kind, _in, _out = "head_plan", structs.HeadIn, structs.HeadOut

    def __init__(self, engine: Engine, dim: int, head: str, max_batch: int) -> None:
        """
        dim: d. head: the keys of a loss, and `parameterization`; docs/c-interface.md lists them.
        max_batch: the most samples of a call.
        Raises Error invalid_argument that names the key at fault; unsupported for the variance reductions of dsm, which
        evaluate the network twice.
        """
        super().__init__("head_plan", "head_plan_create", engine._handle, dim, encoded(head), max_batch)

    def run(
        self,
        queue: Queue,
        *,
        output: Array,
        jvp: Array | None = None,
        trace: Array | None = None,
        x: Array | None = None,
        noise: NoiseLike = None,
        sigma: Array | None = None,
        eps: Array | None = None,
        directions: Array | None = None,
        true_score: Array | None = None,
        rows: Array | None = None,
        draw_rows: int = 0,
        weight: Array | None = None,
        loss: Array | None = None,
        grad_output: Array | None = None,
        grad_jvp: Array | None = None,
        grad_trace: Array | None = None,
        loss_per_sample: Array | None = None,
        loss_per_direction: Array | None = None,
        normaliser: int = 0,
        accumulate: bool = False,
        loss_scale: float = 0.0,
    ) -> None:
        """Computes the outputs that are given.

        Inputs:
        output: [N, d], of your network. jvp: [M, N, d], the products of its Jacobian with the directions; for ssm and
        ssm_vr. trace: [N], of its Jacobian; for ism.
        x to weight: as of LossPlan.run, and as given to PerturbPlan.run; without x if the parameterization does not
        need it. What was drawn there is drawn again from the same noise.

        Outputs:
        loss: float64 [3], Engine.estimate(). grad_output: [N, d], grad_jvp: [M, N, d], grad_trace: [N], the
        gradients with respect to output, jvp and trace. loss_per_sample: [N]. loss_per_direction: [M, N], as of
        LossPlan.run.

        normaliser, accumulate, loss_scale: as of LossPlan.run.
        """
        self._run(
            queue,
            {
                "output": output,
                "jvp": jvp,
                "trace": trace,
                "x": x,
                "noise": noise,
                "sigma": sigma,
                "eps": eps,
                "directions": directions,
                "true_score": true_score,
                "rows": rows,
                "draw_rows": draw_rows,
                "weight": weight,
            },
            {
                "loss": loss,
                "grad_output": grad_output,
                "grad_jvp": grad_jvp,
                "grad_trace": grad_trace,
                "loss_per_sample": loss_per_sample,
                "loss_per_direction": loss_per_direction,
            },
            byref(reduction_of(normaliser, accumulate, loss_scale)),
        )


class PerturbPlan(Plan):
    """Perturbed samples, their noise levels and noise."""

    _kind, _in, _out = "perturb_plan", structs.PerturbIn, structs.PerturbOut

    def __init__(self, engine: Engine, dim: int, perturb: str | None, max_batch: int) -> None:
        """
        dim: d. perturb: None, or "schedule=log_normal conditioning=log_sigma", for example; docs/c-interface.md lists
        the keys. max_batch: the most samples of a call.
        Raises Error invalid_argument that names the key at fault.
        """
        super().__init__("perturb_plan", "perturb_plan_create", engine._handle, dim, encoded(perturb), max_batch)

    @property
    def workspace_bytes(self) -> int:
        """0: it needs no scratch memory."""
        return 0

    def run(
        self,
        queue: Queue,
        *,
        x: Array,
        noise: NoiseLike = None,
        sigma: Array | None = None,
        eps: Array | None = None,
        rows: Array | None = None,
        draw_rows: int = 0,
        context: Array | None = None,
        present: Array | None = None,
        labels: Array | None = None,
        net_input: Array | None = None,
        x_tilde: Array | None = None,
        sigma_out: Array | None = None,
        eps_out: Array | None = None,
        rows_out: Array | None = None,
    ) -> None:
        """Computes the outputs that are given.

        Inputs: x, noise, sigma, eps, rows, draw_rows, context, present, labels: as of LossPlan.run.

        Outputs:
        net_input: [N, d + features + context], the input of your network: scaled perturbed samples, features of sigma,
        and the context with, if it is optional, a column that is 1 where there is one.
        x_tilde: [N, d], the perturbed samples, x + sigma eps. sigma_out: [N], the noise levels. eps_out: [N, d].
        rows_out: [N] int64, which row of x each sample is, for draw_rows.
        """
        self._run(
            queue,
            {
                "x": x,
                "noise": noise,
                "sigma": sigma,
                "eps": eps,
                "rows": rows,
                "draw_rows": draw_rows,
                "context": context,
                "present": present,
                "labels": labels,
            },
            {"net_input": net_input, "x_tilde": x_tilde, "sigma": sigma_out, "eps": eps_out, "rows": rows_out},
        )


class DirectionPlan(Handle):
    """Random directions."""

    workspace_bytes = 0

    def __init__(self, engine: Engine, dim: int, directions: str | None, max_batch: int) -> None:
        """
        dim: d. directions: None, or "projections=4 distribution=rademacher", for example.
        max_batch: the most samples of a call.
        Raises Error invalid_argument that names the key at fault.
        """
        super().__init__("direction_plan", "direction_plan_create", engine._handle, dim, encoded(directions), max_batch)

    def run(self, queue: Queue, noise: NoiseLike, directions: Array) -> None:
        """Draws from the noise. directions: [M, N, d], written. Raises Error invalid_argument for another shape."""
        view = view_of(directions, "directions", queue, written=True)
        call("direction_plan_run", self._handle, queue._handle, noise_ref(noise), byref(view))
