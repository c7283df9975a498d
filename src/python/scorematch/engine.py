"""Engines, queues, and the estimates that plans write."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_char_p, c_int32, c_void_p
from typing import Any, NamedTuple

import numpy as np

from . import structs
from .arrays import DTYPE_NAMES, DTYPES, Array, Place, view_of
from .executor import ExecutorLike, executor_struct
from .library import Handle, call, get, library
from .memory import Buffer


class Estimate(NamedTuple):
    """A mean over samples, in a form that merges: count, mean, and the sum of squared deviations from the mean."""

    count: float  # type: ignore[assignment]  # a tuple's count() is not needed
    mean: float
    m2: float

    @property
    def standard_error(self) -> float:
        """Sample standard deviation over sqrt(count); NaN for fewer than two samples."""
        return float(library.scorematch_estimate_standard_error(byref(structs.Estimate(*self))))

    def merged(self, other: Estimate) -> Estimate:
        """Both together. Merge the estimates of ranks in the same order everywhere, so that the results are
        bit-identical."""
        both = structs.Estimate()
        call("estimate_merge", byref(structs.Estimate(*self)), byref(structs.Estimate(*other)), byref(both))
        return Estimate(both.count, both.mean, both.m2)


class Engine(Handle):
    """Computes everything. Use Engine.best() unless you have a reason not to. Any number of threads may use one."""

    @classmethod
    def best(cls, threads: int = 0) -> Engine:
        """The cuda engine if it works, else the cpu engine with this many threads (0: one per available processor),
        else the reference engine."""
        return cls("engine", "engine_best", threads)

    @classmethod
    def reference(cls) -> Engine:
        """The reference engine: one thread; computes in float64, with float32 or float64 arrays."""
        return cls("engine", "engine_reference")

    @classmethod
    def cpu(cls, threads: int = 0, executor: ExecutorLike | None = None) -> Engine:
        """The cpu engine: float32, with SIMD and this many threads (0: one per available processor).

        executor: your threads in place of the library's, with the same results: a concurrent.futures.Executor, or a
        function run(count, part) that calls part(0) ... part(count - 1) once each, at once or not, on any threads.
        `threads` is then how many parts may run at once, 1 to 4096. A call of the library raises what the executor
        raises; the calling thread first does the work that is left of the loop, so that an Adam step is made completely
        or not at all, as Adam.progress says; other outputs are undefined then.
        Raises Error unsupported if the library was built without it, invalid_argument for another number of threads;
        TypeError for another executor.
        """
        if executor is None:
            return cls("engine", "engine_cpu", threads)
        return cls("engine", "engine_cpu_with", byref(executor_struct(executor, threads)))

    @classmethod
    def cuda(cls, device: int = 0) -> Engine:
        """The cuda engine on the GPU with this number: float32 arrays in device memory.

        Raises Error unsupported if the library was built without it, device_unavailable if there is no such GPU.
        """
        return cls("engine", "engine_cuda", device)

    @property
    def kind(self) -> str:
        """ "reference", "cpu" or "cuda"."""
        return ("reference", "cpu", "cuda")[get("engine_kind", self._handle, c_int32)]

    @property
    def on_host(self) -> bool:
        """Whether it computes in host memory, so that its work is done when a call returns."""
        return self.kind != "cuda"

    @property
    def description(self) -> str:
        """One line for people: the kind, the device, the threads."""
        text: bytes = get("engine_description", self._handle, c_char_p)
        return text.decode()

    def zeros(self, shape: int | Sequence[int], dtype: Any = "float32") -> Buffer:
        """An array of zeros in engine memory. For setup: on a GPU it synchronizes.

        shape: one to three extents. dtype: float32, float64 or int64.
        Raises ValueError for another number of axes, TypeError for another type, Error out_of_memory.
        """
        extents = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if not 1 <= len(extents) <= 3:
            raise ValueError(f"shape: expected one to three axes, got {len(extents)}")
        kind = np.dtype(dtype)
        if kind.name not in DTYPES:
            raise TypeError(f"dtype: expected float32, float64 or int64, got {kind}")
        return Buffer("buffer_create", self, extents, kind.name, kind.itemsize * int(np.prod(extents)))

    def upload(self, array: Any) -> Buffer:
        """A copy of a host array in engine memory.

        array: what numpy.asarray takes, with one to three axes; float32, float64 or int64, and no conversion.
        Raises ValueError for another number of axes, TypeError for another type, Error out_of_memory.
        """
        host = np.asarray(array)
        if host.dtype.name not in DTYPES:
            raise TypeError(f"array: expected float32, float64 or int64, got {host.dtype}")
        if not 1 <= host.ndim <= 3:
            raise ValueError(f"array: expected one to three axes, got {host.ndim}")
        host = np.ascontiguousarray(host)
        return Buffer("buffer_upload", self, host.shape, host.dtype.name, host.ctypes.data, host.nbytes)

    def estimate(self) -> Buffer:
        """Memory for the loss of a plan, float64 [3]; Queue.read_estimate copies it to the host."""
        return self.zeros(3, "float64")


class Queue(Handle):
    """Orders calls, and holds the scratch memory that its plans share. It belongs to one thread at a time."""

    def __init__(self, engine: Engine, workspace_bytes: int = 0, stream: int | None = None) -> None:
        """
        workspace_bytes: the largest workspace_bytes of the plans that run on it.
        stream: a cudaStream_t as a number, torch.cuda.current_stream().cuda_stream for example, which must outlive the
        queue; None: CUDA's default stream. Only for the cuda engine.
        Raises Error out_of_memory, or invalid_argument for a stream that is not of the engine's device.
        """
        super().__init__("queue", "queue_create", engine._handle, workspace_bytes, stream)
        self.on_host, self.stream = engine.on_host, stream

    @classmethod
    def _lent(cls, handle: c_void_p, place: Place) -> Queue:
        queue = cls.__new__(cls)
        queue._handle, queue.on_host, queue.stream = handle, place.on_host, place.stream
        return queue

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        """Returns a copy on the host, of the same shape and type. Waits for the queue.

        array: engine memory without gaps.
        Raises Error device_fault if earlier work has failed.
        """
        view = view_of(array, "array", self)
        host = np.empty(tuple(view.shape.extent[: view.shape.rank]), DTYPE_NAMES[view.dtype])
        call("queue_read", self._handle, byref(view), host.ctypes.data, host.nbytes)
        return host

    def write(self, to: Array, array: Any) -> None:
        """Copies a host array to engine memory without gaps, of the same type and number of bytes.

        Raises TypeError for another type, Error invalid_argument for another number of bytes.
        """
        view, host = view_of(to, "to", self, written=True), np.ascontiguousarray(array)
        if host.dtype.name != DTYPE_NAMES[view.dtype]:
            raise TypeError(f"array: expected {DTYPE_NAMES[view.dtype]}, got {host.dtype}")
        call("queue_write", self._handle, byref(view), host.ctypes.data, host.nbytes)

    def read_estimate(self, loss: Array) -> Estimate:
        """Returns a loss that a plan wrote. Waits for the queue.

        loss: what the plan was given as `loss`, Engine.estimate() for example.
        Raises Error device_fault if earlier work has failed.
        """
        value = structs.Estimate()
        call("queue_read_estimate", self._handle, estimate_place(loss, "loss", self), byref(value))
        return Estimate(value.count, value.mean, value.m2)

    def synchronize(self) -> None:
        """Waits for the queue. Raises Error device_fault if its work has failed."""
        call("queue_synchronize", self._handle)


def estimate_place(array: Array | None, name: str, place: Place) -> int | None:
    """The address of the array for an estimate. Raises TypeError unless it is float64 [3] without gaps."""
    if array is None:
        return None
    view = view_of(array, name, place, written=True)
    shape, dtype = tuple(view.shape.extent[: view.shape.rank]), DTYPE_NAMES[view.dtype]
    if shape != (3,) or dtype != "float64" or view.stride[0] != 1:
        raise TypeError(
            f"{name}: expected Engine.estimate(), or another float64 array of shape (3,) without gaps, got {dtype} of "
            f"shape {shape} with stride {view.stride[0]}"
        )
    return int(view.data)
