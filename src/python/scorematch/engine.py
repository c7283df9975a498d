"""Engines, queues, the noise, networks, and estimates."""

from ctypes import byref, c_char_p, c_int32, c_int64
from typing import NamedTuple

import numpy as np

from . import structs
from .library import Handle, call, encoded, get, library
from .memory import DTYPE_NAMES, DTYPES, Buffer, view_of


class Estimate(NamedTuple):
    """A mean over samples, in a form that merges."""

    count: float
    mean: float
    m2: float

    @property
    def standard_error(self):
        """Sample standard deviation over sqrt(count); NaN for fewer than two samples."""
        return library.scorematch_estimate_standard_error(byref(structs.Estimate(*self)))

    def merged(self, other):
        """Both together. Merge the estimates of ranks in the same order everywhere, so that the results are
        bit-identical."""
        both = structs.Estimate()
        call("estimate_merge", byref(structs.Estimate(*self)), byref(structs.Estimate(*other)), byref(both))
        return Estimate(both.count, both.mean, both.m2)


class Position(NamedTuple):
    """A position in the noise."""

    seed: int
    step: int = 0
    first_sample: int = 0


class Layer(NamedTuple):
    """Offsets, in elements of the parameters, of weight [outputs, inputs] and bias [outputs]."""

    inputs: int
    outputs: int
    weight: int
    bias: int


class Engine(Handle):
    """Computes everything. Use Engine.best() unless you have a reason not to."""

    @classmethod
    def best(cls, threads=0):
        """The cuda engine if it works, else the cpu engine with this many threads (0: one per available processor)."""
        return cls("engine", "engine_best", threads)

    @classmethod
    def reference(cls):
        """The reference engine: computes in double, with float32 or float64 arrays."""
        return cls("engine", "engine_reference")

    @classmethod
    def cpu(cls, threads=0):
        return cls("engine", "engine_cpu", threads)

    @classmethod
    def cuda(cls, device=0):
        return cls("engine", "engine_cuda", device)

    @property
    def kind(self):
        return ("reference", "cpu", "cuda")[get("engine_kind", self._handle, c_int32)]

    @property
    def on_host(self):
        """Whether it computes in host memory."""
        return self.kind != "cuda"

    @property
    def description(self):
        return get("engine_description", self._handle, c_char_p).decode()

    def zeros(self, shape, dtype="float32"):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        dtype = np.dtype(dtype)
        return Buffer("buffer_create", self, shape, dtype.name, dtype.itemsize * int(np.prod(shape)))

    def upload(self, array):
        """A copy of a host array in engine memory."""
        host = np.ascontiguousarray(array)
        if host.dtype.name not in DTYPES:
            raise TypeError(f"array: expected float32, float64 or int64, got {host.dtype}")
        return Buffer("buffer_upload", self, host.shape, host.dtype.name, host.ctypes.data, host.nbytes)

    def estimate(self):
        """Memory for a loss; Queue.read_estimate copies it to the host."""
        return self.zeros(3, "float64")


class Queue(Handle):
    """Orders calls, and holds the scratch memory that its plans share: the largest workspace_bytes of them.

    `stream` is a cudaStream_t as a number, torch.cuda.current_stream().cuda_stream for example.
    """

    def __init__(self, engine, workspace_bytes=0, stream=None):
        super().__init__("queue", "queue_create", engine._handle, workspace_bytes, stream)
        self.on_host = engine.on_host

    @classmethod
    def _lent(cls, handle, on_host):
        queue = cls.__new__(cls)
        queue._handle, queue.on_host = handle, on_host
        return queue

    def read(self, array):
        """Returns a copy on the host. Waits."""
        view = view_of(array, "array", self.on_host)
        host = np.empty(tuple(view.shape.extent[: view.shape.rank]), DTYPE_NAMES[view.dtype])
        call("queue_read", self._handle, byref(view), host.ctypes.data, host.nbytes)
        return host

    def write(self, to, array):
        """Copies a host array to a dense array of the same type."""
        view, host = view_of(to, "to", self.on_host, written=True), np.ascontiguousarray(array)
        if host.dtype.name != DTYPE_NAMES[view.dtype]:
            raise TypeError(f"array: expected {DTYPE_NAMES[view.dtype]}, got {host.dtype}")
        call("queue_write", self._handle, byref(view), host.ctypes.data, host.nbytes)

    def read_estimate(self, loss):
        """Returns a loss that a plan wrote. Waits."""
        value = structs.Estimate()
        call("queue_read_estimate", self._handle, estimate_place(loss), byref(value))
        return Estimate(value.count, value.mean, value.m2)

    def synchronize(self):
        call("queue_synchronize", self._handle)


def estimate_place(loss):
    if loss is None:
        return None
    if not isinstance(loss, Buffer) or loss.shape != (3,) or loss.dtype != np.float64:
        raise TypeError("loss: expected a Buffer from Engine.estimate()")
    return loss.address


class Noise(Handle):
    """The position of a training run in the noise, in the engine's memory."""

    def __init__(self, engine, position):
        """@param position a Position, or a seed"""
        place = position if isinstance(position, Position) else Position(position)
        super().__init__("noise", "noise_create", engine._handle, byref(structs.Position(*place)))

    def advance(self, queue):
        """Advances to the noise of the next step. Call it once per optimizer step."""
        call("noise_advance", self._handle, queue._handle)

    def set(self, queue, position):
        call("noise_set", self._handle, queue._handle, byref(structs.Position(*position)))

    def read(self, queue):
        at = structs.Position()
        call("noise_read", self._handle, queue._handle, byref(at))
        return Position(at.seed, at.step, at.first_sample)

    def starting_at(self, sample):
        """The same noise with row 0 at sample `sample`, for a micro-batch."""
        return _NoisePlace(self, sample)


class _NoisePlace(NamedTuple):
    noise: Noise
    sample: int


def noise_ref(noise):
    if noise is None:
        return structs.NoiseRef()
    place = noise if isinstance(noise, _NoisePlace) else _NoisePlace(noise, 0)
    return structs.NoiseRef(place.noise._handle, place.sample)


class Net(Handle):
    """A network described by text: "dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma", for example."""

    def __init__(self, text):
        super().__init__("net", "net_create", encoded(text))

    @property
    def text(self):
        return get("net_text", self._handle, c_char_p).decode()

    @property
    def dim(self):
        return get("net_dim", self._handle, c_int32)

    @property
    def param_count(self):
        return get("net_param_count", self._handle, c_int64)

    @property
    def layers(self):
        """The positions of weights and biases in the parameters, in torch.nn.Linear's layout and order."""
        each = [
            get("net_layer", self._handle, structs.Layer, k)
            for k in range(get("net_layer_count", self._handle, c_int32))
        ]
        return [Layer(layer.inputs, layer.outputs, layer.weight, layer.bias) for layer in each]

    def initial_params(self, seed, initialization="variance_preserving"):
        """`initialization`: "variance_preserving" or "torch". float32 [param_count]"""
        params = np.empty(self.param_count, np.float32)
        call("net_initial_params", self._handle, initialization.encode(), seed, params.ctypes.data, params.size)
        return params
