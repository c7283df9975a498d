"""Adam, and its state on the host."""

from __future__ import annotations

from ctypes import byref, c_char_p, c_void_p
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import structs
from .arrays import Array, view_of
from .engine import Engine, Queue
from .library import Handle, call, encoded, get
from .memory import View
from .net import Net


class Progress(NamedTuple):
    """The progress of an Adam: its rate, the last gradient's norm before clipping, steps taken, steps skipped because
    their gradient was not finite."""

    learning_rate: float
    grad_norm: float
    step: int
    skipped: int


def _progress_of(function: str, *handles: Any) -> Progress:
    value = structs.Progress()
    call(function, *handles, byref(value))
    return Progress(value.learning_rate, value.grad_norm, value.step, value.skipped)


class ParamGroup(NamedTuple):
    """Parameters begin, ..., begin + count - 1, with factors of Adam's learning rate and weight decay. Where groups
    overlap, their factors multiply."""

    begin: int
    count: int
    learning_rate: float = 1.0
    weight_decay: float = 1.0


def layer_group(net: Net, layer: int, learning_rate: float, weight_decay: float = 1.0) -> ParamGroup:
    """The weight and the bias of one layer, counted from 0. Raises IndexError for a layer that the net does not have."""
    at = net.layers[layer]
    return ParamGroup(at.weight, at.inputs * at.outputs + at.outputs, learning_rate, weight_decay)


def bias_groups(net: Net, learning_rate: float = 1.0, weight_decay: float = 0.0) -> list[ParamGroup]:
    """The biases of all layers, which are usually left out of the weight decay."""
    return [ParamGroup(layer.bias, layer.outputs, learning_rate, weight_decay) for layer in net.layers]


class Snapshot(Handle):
    """The whole state of an Adam, on the host. Adam.snapshot and Checkpoint.adam make it."""

    @property
    def options(self) -> str:
        """A text with every option, which makes an Adam like the one of the snapshot."""
        text: bytes = get("adam_snapshot_options", self._handle, c_char_p)
        return text.decode()

    @property
    def progress(self) -> Progress:
        """The progress of the Adam when the snapshot was taken."""
        return _progress_of("adam_snapshot_progress", self._handle)


class Adam(Handle):
    """Adam with decoupled weight decay, clipping and an average of the parameters. Float32 on every engine."""

    def __init__(
        self, engine: Engine, param_count: int, options: str | None = None, groups: Sequence[ParamGroup] = ()
    ) -> None:
        """
        param_count: P.
        options: None, or "learning_rate=1e-3 ema_decay=0.999", for example; docs/c-interface.md lists the keys.
        groups: parameters with another learning rate or weight decay. Options of a snapshot contain them.
        Raises Error invalid_argument that names the key at fault.
        """
        if groups:
            numbers = ",".join(repr(number) for group in groups for number in group)
            options = f"{options or ''} groups={numbers}"
        super().__init__("adam", "adam_create", engine._handle, param_count, encoded(options))
        self._on_host = engine.on_host

    def step(self, queue: Queue, params: Array, grad: Array, loss_scale: float = 0.0) -> None:
        """Takes one step. A step whose gradient is not finite is skipped and counted.

        params: float32 [P], written. grad: float32 [P]. loss_scale: what the gradient was scaled by; 0: 1.
        Raises Error invalid_argument for another shape or type.
        """
        to = view_of(params, "params", queue, written=True)
        by = view_of(grad, "grad", queue)
        call("adam_step", self._handle, queue._handle, byref(to), byref(by), loss_scale)

    def set_learning_rate(self, queue: Queue, learning_rate: float) -> None:
        """For the steps that follow. Raises Error invalid_argument if it is negative or not finite."""
        call("adam_set_learning_rate", self._handle, queue._handle, learning_rate)

    @property
    def ema(self) -> View:
        """The average of the parameters, [P], in place. Raises Error invalid_argument if ema_decay is 0."""
        return View(get("adam_ema", self._handle, structs.View), self._on_host, owner=self)

    def progress(self, queue: Queue) -> Progress:
        """The progress so far. Waits for the queue."""
        return _progress_of("adam_get_progress", self._handle, queue._handle)

    def snapshot(self, queue: Queue) -> Snapshot:
        """The whole state, for a checkpoint. Waits for the queue."""
        handle = c_void_p()
        call("adam_take_snapshot", self._handle, queue._handle, byref(handle))
        return Snapshot._of("adam_snapshot", handle)

    def restore(self, queue: Queue, snapshot: Snapshot) -> None:
        """Takes the moments, the average and the numbers of steps. The options and the learning rate stay: to go on
        unchanged, make the Adam with snapshot.options and set the rate of snapshot.progress.

        Raises Error invalid_argument if the number of parameters differs, or only one of the two has an average.
        """
        call("adam_restore", self._handle, queue._handle, snapshot._handle)
