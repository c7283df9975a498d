"""Reads the arrays of other libraries through DLPack, https://dmlc.github.io/dlpack."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any, NamedTuple

# DLDeviceType: memory that the host can read, and memory of a GPU (allocated by cudaMalloc or managed).
_HOST_DEVICES, _CUDA_DEVICES = (1, 3), (2, 13)
_KINDS = {0: "int", 1: "uint", 2: "float", 4: "bfloat", 5: "complex", 6: "bool"}  # DLDataTypeCode
_READ_ONLY, _IS_COPIED = 1, 2  # the flags of a DLManagedTensorVersioned


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class _VersionedTensor(ctypes.Structure):
    _fields_ = [
        ("major", c_uint32),
        ("minor", c_uint32),
        ("manager", c_void_p),
        ("deleter", c_void_p),
        ("flags", c_uint64),
        ("tensor", _Tensor),
    ]


_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.argtypes, _pointer_of.restype = (ctypes.py_object, c_char_p), c_size_t
_is_capsule = ctypes.pythonapi.PyCapsule_IsValid
_is_capsule.argtypes, _is_capsule.restype = (ctypes.py_object, c_char_p), c_int32


class Exported(NamedTuple):
    """What an array exports."""

    data: int
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    """In elements; None: without gaps."""
    read_only: bool
    capsule: Any
    """The memory lives at least as long as this."""


def is_on_host(array: Any) -> bool | None:
    """Whether the array is in host memory; None if it is neither there nor on a GPU."""
    device = int(array.__dlpack_device__()[0])
    return True if device in _HOST_DEVICES else False if device in _CUDA_DEVICES else None


def read(array: Any, stream: int | None) -> Exported:
    """The memory of an array, without a copy.

    stream: the CUDA stream that will use it, on which its library then makes it ready; None for host memory.
    Raises what the array's library raises if it cannot export it, a BufferError for example.
    """
    given = {} if stream is None else {"stream": stream}
    try:
        capsule = array.__dlpack__(max_version=(1, 0), **given)
    except TypeError:  # a library without DLPack 1.0
        capsule = array.__dlpack__(**given)
    # The capsule is not marked as used, so its own destructor releases the memory.
    if _is_capsule(capsule, b"dltensor_versioned"):
        versioned = _VersionedTensor.from_address(_pointer_of(capsule, b"dltensor_versioned"))
        tensor, flags = versioned.tensor, versioned.flags
    else:
        tensor, flags = _Tensor.from_address(_pointer_of(capsule, b"dltensor")), 0
    kind = _KINDS.get(tensor.code, f"type {tensor.code} of DLPack with bits ")
    dtype = f"{kind}{tensor.bits}" + (f"x{tensor.lanes}" if tensor.lanes != 1 else "")
    axes = range(tensor.ndim)
    return Exported(
        (tensor.data or 0) + tensor.byte_offset,
        dtype,
        tuple(tensor.shape[axis] for axis in axes),
        tuple(tensor.strides[axis] for axis in axes) if tensor.strides else None,
        bool(flags & (_READ_ONLY | _IS_COPIED)),  # what is written to a copy would be lost
        capsule,
    )
