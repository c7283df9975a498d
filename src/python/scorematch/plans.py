"""Plans: losses, heads, noise, scores."""

import ctypes
from ctypes import byref, c_size_t, c_void_p

from . import structs
from .engine import estimate_place, noise_ref
from .library import Handle, call, encoded, get
from .memory import view_of


def filled(struct, on_host, written, values):
    """The In or Out struct with the caller's arrays; those that are not given stay zero."""
    result = struct()
    for name, kind in struct._fields_:
        if name == "struct_size":
            result.struct_size = ctypes.sizeof(struct)
            continue
        if kind is structs.Batch:
            result.batch = filled(kind, on_host, written, values)
            continue
        value = values.pop(name, None)
        if kind is structs.View:
            setattr(result, name, view_of(value, name, on_host, written))
        elif kind is structs.NoiseRef:
            setattr(result, name, noise_ref(value))
        elif kind is c_void_p:
            setattr(result, name, estimate_place(value))
        elif value is not None:
            setattr(result, name, value)
    return result


def names_of(struct):
    """The names of the fields of a struct and of its batch."""
    fields = dict(struct._fields_)
    return {*fields, *(names_of(structs.Batch) if "batch" in fields else ())} - {"struct_size", "batch"}


class _Plan(Handle):
    """run(queue, name=array, ...): inputs and outputs have the names of the C++ headers. Others are omitted.

    A loss also takes `loss`, from Engine.estimate(), and normaliser, accumulate and loss_scale for a part of a batch.
    """

    _kind, _in, _out = "", None, None
    _reduces = False

    def _run(self, queue, inputs, outputs, values):
        reduction = None
        if self._reduces:
            reduction = structs.Reduction(
                ctypes.sizeof(structs.Reduction),
                values.pop("normaliser", 0),
                values.pop("accumulate", False),
                values.pop("loss_scale", 0),
            )
        if values:
            raise TypeError(f"{type(self).__name__}.run: expected only fields of the C structs, got {sorted(values)}")
        more = (byref(reduction),) if reduction is not None else ()
        call(self._kind + "_run", self._handle, queue._handle, byref(inputs), byref(outputs), *more)

    def run(self, queue, **arrays):
        values = dict(arrays)
        # If an input and an output have the same name (PerturbPlan's sigma and eps), "_out" marks the output.
        shared = names_of(self._in) & names_of(self._out)
        written = {name: values.pop(name + "_out", None) for name in shared}
        inputs = filled(self._in, queue.on_host, False, values)
        outputs = filled(self._out, queue.on_host, True, {**values, **written})
        for name, _ in self._out._fields_:
            values.pop(name, None)
        self._run(queue, inputs, outputs, values)

    @property
    def workspace_bytes(self):
        return get(self._kind + "_workspace_bytes", self._handle, c_size_t)


class _Reporting(_Plan):
    def report(self, batch):
        """Describes in one line how a call with `batch` samples is computed."""
        report = structs.Report(ctypes.sizeof(structs.Report))
        call(self._kind + "_report", self._handle, batch, byref(report))
        return report.text.decode(errors="replace")


class LossPlan(_Reporting):
    """Loss and gradients of a net: "objective=dsm schedule=log_normal weighting=edm", for example."""

    _kind, _in, _out, _reduces = "loss_plan", structs.LossIn, structs.LossOut, True

    def __init__(self, engine, net, loss, max_batch, compute=None):
        super().__init__(
            "loss_plan", "loss_plan_create", engine._handle, net._handle, encoded(loss), max_batch, encoded(compute)
        )


class HeadPlan(_Plan):
    """Turns the output of your own network into a loss and the gradients for its backward pass."""

    _kind, _in, _out, _reduces = "head_plan", structs.HeadIn, structs.HeadOut, True

    def __init__(self, engine, dim, head, max_batch):
        super().__init__("head_plan", "head_plan_create", engine._handle, dim, encoded(head), max_batch)


class PerturbPlan(_Plan):
    """Perturbed samples, their noise levels and noise; the outputs sigma and eps are named sigma_out and eps_out."""

    _kind, _in, _out = "perturb_plan", structs.PerturbIn, structs.PerturbOut
    workspace_bytes = 0

    def __init__(self, engine, dim, perturb, max_batch):
        super().__init__("perturb_plan", "perturb_plan_create", engine._handle, dim, encoded(perturb), max_batch)


class DirectionPlan(Handle):
    """Random directions: "projections=4 distribution=rademacher", for example."""

    workspace_bytes = 0

    def __init__(self, engine, dim, directions, max_batch):
        super().__init__("direction_plan", "direction_plan_create", engine._handle, dim, encoded(directions), max_batch)

    def run(self, queue, noise, directions):
        """@param directions [M, N, d], written"""
        view = view_of(directions, "directions", queue.on_host, written=True)
        call("direction_plan_run", self._handle, queue._handle, noise_ref(noise), byref(view))


class ScorePlan(_Reporting):
    """Scores, Jacobian products, divergences, log-densities of a net."""

    _kind, _in, _out = "score_plan", structs.ScoreIn, structs.ScoreOut

    def __init__(self, engine, net, max_batch, directions=None, compute=None):
        super().__init__(
            "score_plan",
            "score_plan_create",
            engine._handle,
            net._handle,
            max_batch,
            encoded(directions),
            encoded(compute),
        )
