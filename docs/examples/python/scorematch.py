"""scorematch from Python: its C interface (docs/c-interface.md) by ctypes, for NumPy arrays and PyTorch tensors.

The library is the file that SCOREMATCH_LIBRARY names, else libscorematch.so where the system's linker finds it.

Arrays are NumPy arrays, PyTorch tensors or Buffers, float32 (and float64 on the reference engine), passed in place:
an engine on the host computes in the memory of the array itself. Rows may be apart, as those of columns of a wider table
are; elements of a row may not. What is enqueued on a GPU uses its arrays until the queue is waited for, so keep them.
"""
import ctypes
import os
import weakref
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import NamedTuple

import numpy as np


class Error(Exception):
    """What the library refuses or fails in, in its words. `kind` is the status's name, `argument` the one at fault."""

    def __init__(self, kind, argument, text):
        super().__init__(text)
        self.kind, self.argument = kind, argument


class Estimate(NamedTuple):
    """A mean over samples, in a form that merges."""

    count: float
    mean: float
    m2: float

    @property
    def standard_error(self):
        """Sample standard deviation over sqrt(count); NaN for fewer than two samples."""
        return _library.scorematch_estimate_standard_error(byref(_Estimate(*self)))

    def merged(self, other):
        """Both together: merge the ranks' in the same order everywhere, for the same bits."""
        both = _Estimate()
        _check(_library.scorematch_estimate_merge(byref(_Estimate(*self)), byref(_Estimate(*other)), byref(both)))
        return Estimate(both.count, both.mean, both.m2)


class Position(NamedTuple):
    """Where in the noise a training stands."""

    seed: int
    step: int = 0
    first_sample: int = 0


class Layer(NamedTuple):
    """Offsets, in elements of the parameters, of weight [outputs, inputs] and bias [outputs]."""

    inputs: int
    outputs: int
    weight: int
    bias: int


class Progress(NamedTuple):
    """Of an Adam: rate, the last gradient's norm, steps taken, steps skipped."""

    learning_rate: float
    grad_norm: float
    step: int
    skipped: int


# ---- the C structs ----------------------------------------------------------------------------------------------------


def _struct(name, **fields):
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


_Shape = _struct("_Shape", rank=c_int32, extent=c_int64 * 3)
_View = _struct("_View", data=c_void_p, dtype=c_int32, shape=_Shape, stride=c_int64 * 3)
_Estimate = _struct("_Estimate", count=c_double, mean=c_double, m2=c_double)
_Layer = _struct("_Layer", inputs=c_int32, outputs=c_int32, weight=c_int64, bias=c_int64)
_Position = _struct("_Position", seed=c_uint64, step=c_int64, first_sample=c_int64)
_Progress = _struct("_Progress", learning_rate=c_double, grad_norm=c_double, step=c_int64, skipped=c_int64)
_NoiseRef = _struct("_NoiseRef", noise=c_void_p, sample_offset=c_int64)
_Reduction = _struct("_Reduction", struct_size=c_size_t, normaliser=c_int64, accumulate=c_int32, loss_scale=c_double)
_Report = _struct("_Report", struct_size=c_size_t, route=c_int32, launches=c_int32, text=ctypes.c_char * 256)
_LossIn = _struct("_LossIn", struct_size=c_size_t, params=_View, x=_View, noise=_NoiseRef, sigma=_View, eps=_View,
                  directions=_View, true_score=_View, rows=_View, draw_rows=c_int64)
_LossOut = _struct("_LossOut", struct_size=c_size_t, loss=c_void_p, grad=_View, grad_x=_View, loss_per_sample=_View)
_HeadIn = _struct("_HeadIn", struct_size=c_size_t, output=_View, x=_View, noise=_NoiseRef, sigma=_View, eps=_View,
                  directions=_View, jvp=_View, trace=_View, true_score=_View, rows=_View, draw_rows=c_int64)
_HeadOut = _struct("_HeadOut", struct_size=c_size_t, loss=c_void_p, grad_output=_View, grad_jvp=_View,
                   grad_trace=_View, loss_per_sample=_View)
_PerturbIn = _struct("_PerturbIn", struct_size=c_size_t, x=_View, noise=_NoiseRef, sigma=_View, eps=_View, rows=_View,
                     draw_rows=c_int64)
_PerturbOut = _struct("_PerturbOut", struct_size=c_size_t, net_input=_View, sigma=_View, x_tilde=_View, eps=_View)
_ScoreIn = _struct("_ScoreIn", struct_size=c_size_t, params=_View, x=_View, sigma=_View, directions=_View,
                   noise=_NoiseRef)
_ScoreOut = _struct("_ScoreOut", struct_size=c_size_t, score=_View, jvp=_View, divergence=_View,
                    divergence_estimate=_View, log_density=_View)
_ScoreFunction = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(_View), POINTER(_View), POINTER(_View))

# ---- the library ------------------------------------------------------------------------------------------------------

_H, _S, _V = c_void_p, c_char_p, POINTER(_View)  # a handle or memory, a text, an array
_OUT = POINTER(c_void_p)
_SIGNATURES = {  # what follows scorematch_: its arguments; all of these return a status
    "engine_best": (c_int32, _OUT), "engine_reference": (_OUT,), "engine_cpu": (c_int32, _OUT),
    "engine_cuda": (c_int32, _OUT), "engine_kind": (_H, POINTER(c_int32)), "engine_description": (_H, POINTER(_S)),
    "buffer_create": (_H, c_size_t, _OUT), "buffer_upload": (_H, _H, c_size_t, _OUT), "buffer_data": (_H, _OUT),
    "queue_create": (_H, c_size_t, _H, _OUT), "queue_write": (_H, _V, _H, c_size_t),
    "queue_read": (_H, _V, _H, c_size_t), "queue_read_estimate": (_H, _H, POINTER(_Estimate)),
    "queue_synchronize": (_H,),
    "estimate_merge": (POINTER(_Estimate), POINTER(_Estimate), POINTER(_Estimate)),
    "noise_create": (_H, POINTER(_Position), _OUT), "noise_advance": (_H, _H),
    "noise_set": (_H, _H, POINTER(_Position)), "noise_read": (_H, _H, POINTER(_Position)),
    "net_create": (_S, _OUT), "net_text": (_H, POINTER(_S)), "net_dim": (_H, POINTER(c_int32)),
    "net_param_count": (_H, POINTER(c_int64)), "net_layer_count": (_H, POINTER(c_int32)),
    "net_layer": (_H, c_int32, POINTER(_Layer)), "net_initial_params": (_H, c_uint64, _H, c_int64),
    "loss_plan_create": (_H, _H, _S, c_int64, _S, _OUT),
    "loss_plan_run": (_H, _H, POINTER(_LossIn), POINTER(_LossOut), POINTER(_Reduction)),
    "loss_plan_workspace_bytes": (_H, POINTER(c_size_t)), "loss_plan_report": (_H, c_int64, POINTER(_Report)),
    "head_plan_create": (_H, c_int32, _S, c_int64, _OUT),
    "head_plan_run": (_H, _H, POINTER(_HeadIn), POINTER(_HeadOut), POINTER(_Reduction)),
    "head_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "perturb_plan_create": (_H, c_int32, _S, c_int64, _OUT),
    "perturb_plan_run": (_H, _H, POINTER(_PerturbIn), POINTER(_PerturbOut)),
    "direction_plan_create": (_H, c_int32, _S, c_int64, _OUT), "direction_plan_run": (_H, _H, _NoiseRef, _V),
    "score_plan_create": (_H, _H, c_int64, _S, _S, _OUT),
    "score_plan_run": (_H, _H, POINTER(_ScoreIn), POINTER(_ScoreOut)),
    "score_plan_workspace_bytes": (_H, POINTER(c_size_t)), "score_plan_report": (_H, c_int64, POINTER(_Report)),
    "sampler_plan_create": (_H, _H, _S, c_int64, _OUT),
    "sampler_plan_create_with": (_H, c_int32, _ScoreFunction, _H, _S, c_int64, _OUT),
    "sampler_plan_run": (_H, _H, _V, _NoiseRef, _V), "sampler_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "adam_create": (_H, c_int64, _S, _OUT), "adam_step": (_H, _H, _V, _V, c_double),
    "adam_set_learning_rate": (_H, _H, c_double), "adam_ema": (_H, _V),
    "adam_get_progress": (_H, _H, POINTER(_Progress)), "adam_take_snapshot": (_H, _H, _OUT),
    "adam_restore": (_H, _H, _H), "adam_snapshot_options": (_H, POINTER(_S)),
    "checkpoint_create": (_H, _H, c_int64, _OUT), "checkpoint_load": (_S, _OUT), "checkpoint_save": (_H, _S),
    "checkpoint_net": (_H, _OUT), "checkpoint_params": (_H, _H, c_int64),
    "checkpoint_sampling_params": (_H, _H, c_int64), "checkpoint_set_adam": (_H, _H), "checkpoint_adam": (_H, _OUT),
    "checkpoint_set_noise": (_H, POINTER(_Position)), "checkpoint_noise": (_H, POINTER(_Position)),
    "checkpoint_set_metadata": (_H, _S, _S), "checkpoint_metadata": (_H, _S, POINTER(_S)),
}


def _load():
    library = ctypes.CDLL(os.environ.get("SCOREMATCH_LIBRARY", "libscorematch.so"))
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, "scorematch_" + name)
        function.argtypes, function.restype = arguments, c_int32
    for kind in ("engine", "buffer", "queue", "noise", "net", "loss_plan", "head_plan", "perturb_plan", "direction_plan",
                 "score_plan", "sampler_plan", "adam", "adam_snapshot", "checkpoint"):
        destroy = getattr(library, f"scorematch_{kind}_destroy")
        destroy.argtypes, destroy.restype = (c_void_p,), None
    for name in ("version", "last_error", "last_error_argument"):
        getattr(library, "scorematch_" + name).restype = c_char_p
    library.scorematch_status_name.argtypes, library.scorematch_status_name.restype = (c_int32,), c_char_p
    library.scorematch_estimate_standard_error.argtypes = (POINTER(_Estimate),)
    library.scorematch_estimate_standard_error.restype = c_double
    return library


_library = _load()
version = _library.scorematch_version().decode()


def _check(status):
    if status != 0:
        raise Error(_library.scorematch_status_name(status).decode(),
                    _library.scorematch_last_error_argument().decode(),
                    _library.scorematch_last_error().decode())


def _call(name, *arguments):
    _check(getattr(_library, "scorematch_" + name)(*arguments))


def _get(name, handle, kind, *arguments):
    """The value that a getter writes into its last argument."""
    value = kind()
    _call(name, handle, *arguments, byref(value))
    return value if isinstance(value, ctypes.Structure) else value.value


def _text(value):
    return None if value is None else value.encode()


class _Handle:
    """What owns a handle of the library's: destroyed with this object."""

    def __init__(self, kind, create, *arguments):
        handle = c_void_p()
        _call(create, *arguments, byref(handle))
        self._adopt(kind, handle)

    def _adopt(self, kind, handle):
        self._handle = handle
        self._destroy = weakref.finalize(self, getattr(_library, f"scorematch_{kind}_destroy"), handle)
        self._destroy.atexit = False  # the process's end frees everything


# ---- arrays -----------------------------------------------------------------------------------------------------------

_DTYPES = {"float32": 0, "float64": 1, "int64": 2}
_NAMES = ("float32", "float64", "int64")


def _view(array, name, written=False):
    """An array of the caller's as the library takes it; None is not given."""
    if array is None:
        return _View()
    if isinstance(array, View):
        return array._view
    if hasattr(array, "data_ptr"):  # a PyTorch tensor
        data, dtype = array.data_ptr(), str(array.dtype).rpartition(".")[2]
        strides = array.stride()
    elif isinstance(array, np.ndarray):
        if written and not array.flags.writeable:
            raise ValueError(f"{name}: expected an array that may be written, got a read-only one")
        data, dtype = array.ctypes.data, array.dtype.name if array.dtype.isnative else array.dtype.str
        if any(stride % array.itemsize for stride in array.strides):
            raise ValueError(f"{name}: expected strides that are multiples of {array.itemsize} bytes, "
                             f"got {array.strides}")
        strides = [stride // array.itemsize for stride in array.strides]
    else:
        raise TypeError(f"{name}: expected a NumPy array, a PyTorch tensor or a Buffer, got {type(array).__name__}")
    if dtype not in _DTYPES:
        raise TypeError(f"{name}: expected float32, float64 or int64, got {dtype}")
    shape = tuple(array.shape)
    if not 1 <= len(shape) <= 3:
        raise ValueError(f"{name}: expected one to three axes, got {len(shape)}")
    view, dense = _dense(data, dtype, shape), 1
    for axis in reversed(range(len(shape))):  # of an axis without a second element NumPy says any stride
        if shape[axis] > 1:
            view.stride[axis] = strides[axis]
    return view


def _dense(data, dtype, shape):
    view = _View(data, _DTYPES[dtype], _Shape(len(shape), (c_int64 * 3)(*shape)))
    stride = 1
    for axis in reversed(range(len(shape))):
        view.stride[axis] = stride
        stride *= shape[axis]
    return view


class View:
    """Memory of the library's that somebody else owns: what a score function of yours is given, an Adam's average."""

    def __init__(self, view, owner=None):
        self._view, self._owner = view, owner

    @property
    def shape(self):
        return tuple(self._view.shape.extent[: self._view.shape.rank])

    @property
    def dtype(self):
        return np.dtype(_NAMES[self._view.dtype])

    @property
    def address(self):
        """Where it lies: on a device, with the cuda engine."""
        return self._view.data

    def numpy(self):
        """The memory itself as an array: with the reference and cpu engines alone."""
        kind = {0: c_float, 1: c_double, 2: c_int64}[self._view.dtype]
        flat = np.ctypeslib.as_array(ctypes.cast(self._view.data, POINTER(kind)), shape=(1,))
        strides = [self._view.stride[axis] * flat.itemsize for axis in range(self._view.shape.rank)]
        return np.lib.stride_tricks.as_strided(flat, self.shape, strides)


class Buffer(View, _Handle):
    """An array where the engine computes; Engine.zeros and Engine.upload make it."""

    def __init__(self, create, engine, shape, dtype, *arguments):
        _Handle.__init__(self, "buffer", create, engine._handle, *arguments)
        View.__init__(self, _dense(_get("buffer_data", self._handle, c_void_p), dtype, shape))


class Engine(_Handle):
    """Where things are computed. Engine.best() unless you have a reason."""

    @classmethod
    def best(cls, threads=0):
        """cuda if it works, else cpu, of as many threads or as there are cores."""
        return cls("engine", "engine_best", threads)

    @classmethod
    def reference(cls):
        """The oracle: double inside, float32 or float64 outside."""
        return cls("engine", "engine_reference")

    @classmethod
    def cpu(cls, threads=0):
        return cls("engine", "engine_cpu", threads)

    @classmethod
    def cuda(cls, device=0):
        return cls("engine", "engine_cuda", device)

    @property
    def kind(self):
        return ("reference", "cpu", "cuda")[_get("engine_kind", self._handle, c_int32)]

    @property
    def description(self):
        return _get("engine_description", self._handle, c_char_p).decode()

    def zeros(self, shape, dtype="float32"):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        dtype = np.dtype(dtype)
        return Buffer("buffer_create", self, shape, dtype.name, dtype.itemsize * int(np.prod(shape)))

    def upload(self, array):
        """A copy of the host's array."""
        host = np.ascontiguousarray(array)
        if host.dtype.name not in _DTYPES:
            raise TypeError(f"array: expected float32, float64 or int64, got {host.dtype}")
        return Buffer("buffer_upload", self, host.shape, host.dtype.name, host.ctypes.data, host.nbytes)

    def estimate(self):
        """A place for a loss; Queue.read_estimate brings it here."""
        return self.zeros(3, "float64")


class Queue(_Handle):
    """An ordered line of work with the scratch its plans share: the largest workspace_bytes of them.

    `stream` is a cudaStream_t as a number, torch.cuda.current_stream().cuda_stream for example.
    """

    def __init__(self, engine, workspace_bytes=0, stream=None):
        super().__init__("queue", "queue_create", engine._handle, workspace_bytes, stream)

    @classmethod
    def _lent(cls, handle):
        queue = cls.__new__(cls)
        queue._handle = handle
        return queue

    def read(self, array):
        """A copy on the host; waits."""
        view = _view(array, "array")
        host = np.empty(tuple(view.shape.extent[: view.shape.rank]), _NAMES[view.dtype])
        _call("queue_read", self._handle, byref(view), host.ctypes.data, host.nbytes)
        return host

    def write(self, to, array):
        """Copies the host's array to a dense one of the same type."""
        view, host = _view(to, "to", written=True), np.ascontiguousarray(array)
        if host.dtype.name != _NAMES[view.dtype]:
            raise TypeError(f"array: expected {_NAMES[view.dtype]}, got {host.dtype}")
        _call("queue_write", self._handle, byref(view), host.ctypes.data, host.nbytes)

    def read_estimate(self, loss):
        """A loss that a plan wrote; waits."""
        value = _Estimate()
        _call("queue_read_estimate", self._handle, _estimate_place(loss), byref(value))
        return Estimate(value.count, value.mean, value.m2)

    def synchronize(self):
        _call("queue_synchronize", self._handle)


def _estimate_place(loss):
    if loss is None:
        return None
    if not isinstance(loss, Buffer) or loss.shape != (3,) or loss.dtype != np.float64:
        raise TypeError("loss: expected what Engine.estimate() makes")
    return loss.address


class Noise(_Handle):
    """Where in the noise a training stands, kept where the engine reads it."""

    def __init__(self, engine, position):
        """@param position a Position, or a seed"""
        place = position if isinstance(position, Position) else Position(position)
        super().__init__("noise", "noise_create", engine._handle, byref(_Position(*place)))

    def advance(self, queue):
        """The next step's noise: once an optimiser step."""
        _call("noise_advance", self._handle, queue._handle)

    def set(self, queue, position):
        _call("noise_set", self._handle, queue._handle, byref(_Position(*position)))

    def read(self, queue):
        at = _Position()
        _call("noise_read", self._handle, queue._handle, byref(at))
        return Position(at.seed, at.step, at.first_sample)

    def starting_at(self, sample):
        """The same noise with row 0 being its sample `sample`: the place of a micro-batch."""
        return _NoisePlace(self, sample)


class _NoisePlace(NamedTuple):
    noise: Noise
    sample: int


def _noise_ref(noise):
    if noise is None:
        return _NoiseRef()
    place = noise if isinstance(noise, _NoisePlace) else _NoisePlace(noise, 0)
    return _NoiseRef(place.noise._handle, place.sample)


class Net(_Handle):
    """A network described by text: "dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma", for example."""

    def __init__(self, text):
        super().__init__("net", "net_create", _text(text))

    @classmethod
    def _from(cls, handle):
        net = cls.__new__(cls)
        net._adopt("net", handle)
        return net

    @property
    def text(self):
        return _get("net_text", self._handle, c_char_p).decode()

    @property
    def dim(self):
        return _get("net_dim", self._handle, c_int32)

    @property
    def param_count(self):
        return _get("net_param_count", self._handle, c_int64)

    @property
    def layers(self):
        """Where weights and biases lie in the parameters, in torch.nn.Linear's layout and order."""
        each = [_get("net_layer", self._handle, _Layer, k)
                for k in range(_get("net_layer_count", self._handle, c_int32))]
        return [Layer(layer.inputs, layer.outputs, layer.weight, layer.bias) for layer in each]

    def initial_params(self, seed):
        params = np.empty(self.param_count, np.float32)
        _call("net_initial_params", self._handle, seed, params.ctypes.data, params.size)
        return params


# ---- plans ------------------------------------------------------------------------------------------------------------


def _filled(struct, written, values):
    """The In or Out struct with the caller's arrays; those that are not given stay zero."""
    result = struct(struct_size=ctypes.sizeof(struct))
    for name, kind in struct._fields_[1:]:
        value = values.pop(name, None)
        if kind is _View:
            setattr(result, name, _view(value, name, written))
        elif kind is _NoiseRef:
            setattr(result, name, _noise_ref(value))
        elif name == "loss":
            result.loss = _estimate_place(value)
        elif value is not None:
            setattr(result, name, value)
    return result


class _Plan(_Handle):
    """run(queue, name=array, ...): inputs and outputs by the names the C++ headers have; what is not named is not given.

    A loss takes `loss`, of Engine.estimate(), and of a part of a batch normaliser, accumulate and loss_scale.
    """

    _kind, _in, _out = "", None, None
    _reduces = False

    def _run(self, queue, inputs, outputs, values):
        reduction = None
        if self._reduces:
            reduction = _Reduction(ctypes.sizeof(_Reduction), values.pop("normaliser", 0),
                                   values.pop("accumulate", False), values.pop("loss_scale", 0))
        if values:
            raise TypeError(f"{type(self).__name__}.run: expected the fields of the C structs, got {sorted(values)}")
        more = (byref(reduction),) if reduction is not None else ()
        _call(self._kind + "_run", self._handle, queue._handle, byref(inputs), byref(outputs), *more)

    def run(self, queue, **arrays):
        values = dict(arrays)
        # An input and an output of one name, PerturbPlan's sigma and eps, are told apart by "_out".
        shared = {name for name, _ in self._in._fields_[1:]} & {name for name, _ in self._out._fields_[1:]}
        written = {name: values.pop(name + "_out", None) for name in shared}
        inputs = _filled(self._in, False, values)
        outputs = _filled(self._out, True, {**values, **written})
        for name, _ in self._out._fields_:
            values.pop(name, None)
        self._run(queue, inputs, outputs, values)

    @property
    def workspace_bytes(self):
        return _get(self._kind + "_workspace_bytes", self._handle, c_size_t)


class _Reporting(_Plan):
    def report(self, batch):
        """How a call with `batch` samples computes, in a line."""
        report = _Report(ctypes.sizeof(_Report))
        _call(self._kind + "_report", self._handle, batch, byref(report))
        return report.text.decode(errors="replace")


class LossPlan(_Reporting):
    """Loss and gradients of a net: "objective=dsm schedule=lognormal weighting=edm", for example."""

    _kind, _in, _out, _reduces = "loss_plan", _LossIn, _LossOut, True

    def __init__(self, engine, net, loss, max_batch, compute=None):
        super().__init__("loss_plan", "loss_plan_create", engine._handle, net._handle, _text(loss), max_batch,
                         _text(compute))


class HeadPlan(_Plan):
    """From your own network's output to a loss and the adjoints to send back."""

    _kind, _in, _out, _reduces = "head_plan", _HeadIn, _HeadOut, True

    def __init__(self, engine, dim, head, max_batch):
        super().__init__("head_plan", "head_plan_create", engine._handle, dim, _text(head), max_batch)


class PerturbPlan(_Plan):
    """Perturbed samples, their noise levels and noise; the outputs sigma and eps are named sigma_out and eps_out."""

    _kind, _in, _out = "perturb_plan", _PerturbIn, _PerturbOut
    workspace_bytes = 0

    def __init__(self, engine, dim, perturb, max_batch):
        super().__init__("perturb_plan", "perturb_plan_create", engine._handle, dim, _text(perturb), max_batch)


class DirectionPlan(_Handle):
    """Random directions: "projections=4 law=rademacher", for example."""

    workspace_bytes = 0

    def __init__(self, engine, dim, directions, max_batch):
        super().__init__("direction_plan", "direction_plan_create", engine._handle, dim, _text(directions), max_batch)

    def run(self, queue, noise, directions):
        """@param directions [M, N, d], written"""
        view = _view(directions, "directions", written=True)
        _call("direction_plan_run", self._handle, queue._handle, _noise_ref(noise), byref(view))


class ScorePlan(_Reporting):
    """Scores, Jacobian products, divergences, log-densities of a net."""

    _kind, _in, _out = "score_plan", _ScoreIn, _ScoreOut

    def __init__(self, engine, net, max_batch, directions=None, compute=None):
        super().__init__("score_plan", "score_plan_create", engine._handle, net._handle, max_batch, _text(directions),
                         _text(compute))


class SamplerPlan(_Handle):
    """From noise to samples: "sampler=flow sigma_min=0.01 sigma_max=10 steps=24", for example.

    Of a net, or of a dimension and a function of yours, score(queue, x, sigma, out), which writes the score at x [N, d]
    and sigma [1] into `out`: Views, of float64 on the reference engine; .numpy() of each is its memory on the host. What
    it raises, run() raises.
    """

    def __init__(self, engine, net, sampler, max_batch, score=None):
        self._raised = None
        if score is None:
            super().__init__("sampler_plan", "sampler_plan_create", engine._handle, net._handle, _text(sampler),
                             max_batch)
            return
        plan = weakref.ref(self)  # the library's function must not keep the plan that it belongs to

        def call(_, queue, x, sigma, out):
            try:
                score(Queue._lent(c_void_p(queue)), View(x.contents), View(sigma.contents), View(out.contents))
                return 0
            except BaseException as error:  # nothing may be raised through the library
                plan()._raised = error
                return 1

        self._function = _ScoreFunction(call)
        super().__init__("sampler_plan", "sampler_plan_create_with", engine._handle, net, self._function, None,
                         _text(sampler), max_batch)

    def run(self, queue, noise, x, params=None):
        """@param x [N, d], written @param params [P] of the net"""
        samples, given = _view(x, "x", written=True), _view(params, "params")
        self._raised = None
        try:
            _call("sampler_plan_run", self._handle, queue._handle, None if params is None else byref(given),
                  _noise_ref(noise), byref(samples))
        except Error:
            if self._raised is not None:
                raise self._raised
            raise

    @property
    def workspace_bytes(self):
        return _get("sampler_plan_workspace_bytes", self._handle, c_size_t)


# ---- training ---------------------------------------------------------------------------------------------------------


class Snapshot(_Handle):
    """All of an Adam, on the host."""

    @classmethod
    def _from(cls, handle):
        snapshot = cls.__new__(cls)
        snapshot._adopt("adam_snapshot", handle)
        return snapshot

    @property
    def options(self):
        return _get("adam_snapshot_options", self._handle, c_char_p).decode()


class Adam(_Handle):
    """Adam with decoupled decay, clipping and an average: "learning_rate=1e-3 ema_decay=0.999", for example."""

    def __init__(self, engine, param_count, options=None):
        super().__init__("adam", "adam_create", engine._handle, param_count, _text(options))

    def step(self, queue, params, grad, loss_scale=0):
        to, by = _view(params, "params", written=True), _view(grad, "grad")
        _call("adam_step", self._handle, queue._handle, byref(to), byref(by), loss_scale)

    def set_learning_rate(self, queue, learning_rate):
        _call("adam_set_learning_rate", self._handle, queue._handle, learning_rate)

    @property
    def ema(self):
        """Where the average of the parameters lies."""
        return View(_get("adam_ema", self._handle, _View), owner=self)

    def progress(self, queue):
        value = _Progress()
        _call("adam_get_progress", self._handle, queue._handle, byref(value))
        return Progress(value.learning_rate, value.grad_norm, value.step, value.skipped)

    def snapshot(self, queue):
        handle = c_void_p()
        _call("adam_take_snapshot", self._handle, queue._handle, byref(handle))
        return Snapshot._from(handle)

    def restore(self, queue, snapshot):
        _call("adam_restore", self._handle, queue._handle, snapshot._handle)


class Checkpoint(_Handle):
    """A model, and what it takes to go on training it."""

    def __init__(self, net, params):
        host = np.ascontiguousarray(params, np.float32)
        super().__init__("checkpoint", "checkpoint_create", net._handle, host.ctypes.data, host.size)

    @classmethod
    def load(cls, path):
        checkpoint = cls.__new__(cls)
        handle = c_void_p()
        _call("checkpoint_load", os.fsencode(path), byref(handle))
        checkpoint._adopt("checkpoint", handle)
        return checkpoint

    def save(self, path):
        _call("checkpoint_save", self._handle, os.fsencode(path))

    @property
    def net(self):
        handle = c_void_p()
        _call("checkpoint_net", self._handle, byref(handle))
        return Net._from(handle)

    @property
    def params(self):
        return self._values("checkpoint_params")

    @property
    def sampling_params(self):
        """Adam's average if there is one, else the parameters."""
        return self._values("checkpoint_sampling_params")

    def _values(self, getter):
        values = np.empty(self.net.param_count, np.float32)
        _call(getter, self._handle, values.ctypes.data, values.size)
        return values

    @property
    def adam(self):
        """A Snapshot, or None."""
        handle = c_void_p()
        _call("checkpoint_adam", self._handle, byref(handle))
        return Snapshot._from(handle) if handle.value else None

    @adam.setter
    def adam(self, snapshot):
        _call("checkpoint_set_adam", self._handle, None if snapshot is None else snapshot._handle)

    @property
    def noise(self):
        at = _get("checkpoint_noise", self._handle, _Position)
        return Position(at.seed, at.step, at.first_sample)

    @noise.setter
    def noise(self, position):
        _call("checkpoint_set_noise", self._handle, byref(_Position(*position)))

    def __getitem__(self, key):
        """A string of your own, or None."""
        value = _get("checkpoint_metadata", self._handle, c_char_p, _text(key))
        return None if value is None else value.decode()

    def __setitem__(self, key, value):
        _call("checkpoint_set_metadata", self._handle, _text(key), _text(value))
