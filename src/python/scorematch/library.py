"""The shared library: its functions, its errors, its handles."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any, TypeVar

from . import structs
from .files import find_library

H = TypeVar("H", bound="Handle")


class Error(Exception):
    """What the library refused, or could not do, with its text, which names the argument, what was expected and what
    was given.

    kind: the name of the status, one of "invalid_argument", "unsupported", "out_of_memory", "device_unavailable",
    "device_fault", "io", "callback_failed" and "internal_error".
    argument: the name of the argument at fault, or "".
    """

    def __init__(self, kind: str, argument: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.argument = kind, argument


_H, _S, _V = c_void_p, c_char_p, POINTER(structs.View)  # a handle or memory, a string, an array
_OUT = POINTER(c_void_p)
_SIGNATURES = {  # the name after scorematch_: the types of its arguments; all of these return a status
    "engine_best": (c_int32, _OUT),
    "engine_reference": (_OUT,),
    "engine_cpu": (c_int32, _OUT),
    "engine_cpu_with": (POINTER(structs.CpuExecutor), _OUT),
    "engine_cuda": (c_int32, _OUT),
    "engine_kind": (_H, POINTER(c_int32)),
    "engine_description": (_H, POINTER(_S)),
    "buffer_create": (_H, c_size_t, _OUT),
    "buffer_upload": (_H, _H, c_size_t, _OUT),
    "buffer_data": (_H, _OUT),
    "queue_create": (_H, c_size_t, _H, _OUT),
    "queue_write": (_H, _V, _H, c_size_t),
    "queue_read": (_H, _V, _H, c_size_t),
    "queue_read_estimate": (_H, _H, POINTER(structs.Estimate)),
    "queue_synchronize": (_H,),
    "estimate_merge": (POINTER(structs.Estimate), POINTER(structs.Estimate), POINTER(structs.Estimate)),
    "noise_create": (_H, POINTER(structs.Position), _OUT),
    "noise_advance": (_H, _H),
    "noise_set": (_H, _H, POINTER(structs.Position)),
    "noise_read": (_H, _H, POINTER(structs.Position)),
    "net_create": (_S, _OUT),
    "net_text": (_H, POINTER(_S)),
    "net_dim": (_H, POINTER(c_int32)),
    "net_param_count": (_H, POINTER(c_int64)),
    "net_layer_count": (_H, POINTER(c_int32)),
    "net_layer": (_H, c_int32, POINTER(structs.Layer)),
    "net_initial_params": (_H, _S, c_uint64, _H, c_int64),
    "loss_plan_create": (_H, _H, _S, c_int64, _S, _OUT),
    "loss_plan_run": (_H, _H, POINTER(structs.LossIn), POINTER(structs.LossOut), POINTER(structs.Reduction)),
    "loss_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "loss_plan_report": (_H, c_int64, POINTER(structs.Report)),
    "head_plan_create": (_H, c_int32, _S, c_int64, _OUT),
    "head_plan_run": (_H, _H, POINTER(structs.HeadIn), POINTER(structs.HeadOut), POINTER(structs.Reduction)),
    "head_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "perturb_plan_create": (_H, c_int32, _S, c_int64, _OUT),
    "perturb_plan_run": (_H, _H, POINTER(structs.PerturbIn), POINTER(structs.PerturbOut)),
    "direction_plan_create": (_H, c_int32, _S, c_int64, _OUT),
    "direction_plan_run": (_H, _H, structs.NoiseRef, _V),
    "score_plan_create": (_H, _H, c_int64, _S, _S, _OUT),
    "score_plan_run": (_H, _H, POINTER(structs.ScoreIn), POINTER(structs.ScoreOut)),
    "score_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "score_plan_report": (_H, c_int64, POINTER(structs.Report)),
    "gradient_variance_create": (_H, _H, _S, c_int64, c_int32, _S, _OUT),
    "gradient_variance_measure": (
        _H,
        _H,
        POINTER(structs.GradientVarianceIn),
        POINTER(structs.GradientMoments),
    ),
    "gradient_variance_workspace_bytes": (_H, POINTER(c_size_t)),
    "sampler_plan_create": (_H, _H, _S, c_int64, _OUT),
    "sampler_plan_create_with": (_H, c_int32, structs.ScoreFunction, _H, _S, c_int64, _OUT),
    "sampler_plan_create_with_network": (_H, POINTER(structs.OwnNetwork), _S, c_int64, _OUT),
    "sampler_plan_run": (_H, _H, _V, structs.NoiseRef, POINTER(structs.SamplerOut)),
    "sampler_plan_run_with": (_H, _H, POINTER(structs.SamplerIn), POINTER(structs.SamplerOut)),
    "sampler_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "likelihood_plan_create": (_H, _H, _S, c_int64, _S, _OUT),
    "likelihood_plan_create_with": (_H, c_int32, structs.ScoreDivergenceFunction, _H, _S, c_int64, _OUT),
    "likelihood_plan_create_with_network": (_H, POINTER(structs.OwnNetwork), _S, c_int64, _OUT),
    "likelihood_plan_run": (_H, _H, POINTER(structs.LikelihoodIn), POINTER(structs.LikelihoodOut)),
    "likelihood_plan_workspace_bytes": (_H, POINTER(c_size_t)),
    "adam_create": (_H, c_int64, _S, _OUT),
    "adam_step": (_H, _H, _V, _V, c_double),
    "adam_set_learning_rate": (_H, _H, c_double),
    "adam_ema": (_H, _V),
    "adam_get_progress": (_H, _H, POINTER(structs.Progress)),
    "adam_take_snapshot": (_H, _H, _OUT),
    "adam_restore": (_H, _H, _H),
    "ema_create": (_H, c_int64, c_double, _OUT),
    "ema_start": (_H, _H, _V),
    "ema_update": (_H, _H, _V),
    "ema_average": (_H, _V),
    "adam_snapshot_options": (_H, POINTER(_S)),
    "adam_snapshot_progress": (_H, POINTER(structs.Progress)),
    "checkpoint_create": (_H, _H, c_int64, _OUT),
    "checkpoint_load": (_S, _OUT),
    "checkpoint_save": (_H, _S),
    "checkpoint_net": (_H, _OUT),
    "checkpoint_params": (_H, _H, c_int64),
    "checkpoint_sampling_params": (_H, _H, c_int64),
    "checkpoint_set_adam": (_H, _H),
    "checkpoint_adam": (_H, _OUT),
    "checkpoint_set_noise": (_H, POINTER(structs.Position)),
    "checkpoint_noise": (_H, POINTER(structs.Position)),
    "checkpoint_set_standardization": (_H, _H, _H, _H, _H, c_int32),
    "checkpoint_standardization": (_H, _OUT, _OUT, _OUT, _OUT, POINTER(c_int32)),
    "checkpoint_set_loss": (_H, _S),
    "checkpoint_loss": (_H, POINTER(_S)),
    "checkpoint_set_metadata": (_H, _S, _S),
    "checkpoint_metadata": (_H, _S, POINTER(_S)),
    "checkpoint_set_array": (_H, _S, _H, c_int64),
    "checkpoint_array": (_H, _S, _OUT, POINTER(c_int64)),
    "checkpoint_array_key": (_H, c_int32, POINTER(_S)),
}


def _load() -> ctypes.CDLL:
    path = find_library()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"the library {path} cannot be loaded: {error}; set SCOREMATCH_LIBRARY to the path of libscorematch.so"
        ) from None
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, "scorematch_" + name)
        function.argtypes, function.restype = arguments, c_int32
    for kind in (
        "engine",
        "buffer",
        "queue",
        "noise",
        "net",
        "loss_plan",
        "head_plan",
        "perturb_plan",
        "direction_plan",
        "score_plan",
        "gradient_variance",
        "sampler_plan",
        "likelihood_plan",
        "adam",
        "adam_snapshot",
        "checkpoint",
    ):
        destroy = getattr(library, f"scorematch_{kind}_destroy")
        destroy.argtypes, destroy.restype = (c_void_p,), None
    for name in ("version", "last_error", "last_error_argument"):
        getattr(library, "scorematch_" + name).restype = c_char_p
    library.scorematch_status_name.argtypes, library.scorematch_status_name.restype = (c_int32,), c_char_p
    library.scorematch_estimate_standard_error.argtypes = (POINTER(structs.Estimate),)
    library.scorematch_estimate_standard_error.restype = c_double
    return library


library = _load()
version: str = library.scorematch_version().decode()


_thread = threading.local()  # raised: by a function of the caller, in the call of the library that this thread makes


def raise_after_call(error: BaseException) -> None:
    """Makes the call of the library that is running on this thread raise this, once it has failed. For functions that
    the library calls, through which no exception may pass."""
    _thread.raised = error


def call(name: str, *arguments: Any) -> None:
    """Calls scorematch_<name>. Raises Error if it fails, or what a function of the caller has raised."""
    status = getattr(library, "scorematch_" + name)(*arguments)
    if status != 0:
        raised: BaseException | None = _thread.__dict__.pop("raised", None)
        if raised is not None:
            raise raised
        raise Error(
            library.scorematch_status_name(status).decode(),
            library.scorematch_last_error_argument().decode(),
            library.scorematch_last_error().decode(),
        )


def get(name: str, handle: Any, kind: Any, *arguments: Any) -> Any:
    """The value that a getter writes into its last argument."""
    value = kind()
    call(name, handle, *arguments, byref(value))
    return value if isinstance(value, ctypes.Structure) else value.value


def encoded(value: str | None) -> bytes | None:
    """A text for the library; None is a null pointer."""
    return None if value is None else value.encode()


class Handle:
    """Owns a handle of the library, which is destroyed with this object."""

    _handle: c_void_p

    def __init__(self, kind: str, create: str, *arguments: Any) -> None:
        handle = c_void_p()
        call(create, *arguments, byref(handle))
        self._adopt(kind, handle)

    @classmethod
    def _of(cls: type[H], kind: str, handle: c_void_p) -> H:
        """An object for a handle that the library has made."""
        made = cls.__new__(cls)
        made._adopt(kind, handle)
        return made

    def _adopt(self, kind: str, handle: c_void_p) -> None:
        self._handle = handle
        self._destroy = weakref.finalize(self, getattr(library, f"scorematch_{kind}_destroy"), handle)
        self._destroy.atexit = False  # the end of the process frees everything
