"""An average of parameters, for an optimizer of your own."""

from __future__ import annotations

from ctypes import byref

from . import structs
from .arrays import Array, view_of
from .engine import Engine, Queue
from .library import Handle, call, get
from .memory import View


class Ema(Handle):
    """An exponential moving average of parameters. Float32 on every engine. Adam has one itself."""

    def __init__(self, engine: Engine, param_count: int, decay: float) -> None:
        """
        param_count: P. decay: in (0, 1).
        Raises Error invalid_argument that names what is wrong.
        """
        super().__init__("ema", "ema_create", engine._handle, param_count, decay)
        self._on_host = engine.on_host

    def start(self, queue: Queue, params: Array) -> None:
        """Sets the average to params, float32 [P]: at the start, or from a checkpoint."""
        call("ema_start", self._handle, queue._handle, byref(view_of(params, "params", queue)))

    def update(self, queue: Queue, params: Array) -> None:
        """Adds (1 - decay) (params - average) to the average. params: float32 [P].

        Raises Error invalid_argument before start(), or for another shape or type.
        """
        call("ema_update", self._handle, queue._handle, byref(view_of(params, "params", queue)))

    @property
    def average(self) -> View:
        """The average, [P], in place."""
        return View(get("ema_average", self._handle, structs.View), self._on_host, owner=self)
