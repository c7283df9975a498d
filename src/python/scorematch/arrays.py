"""Views of the caller's arrays for the library: where they are, their type, shape and strides. Nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_int64
from typing import Any, NamedTuple, Protocol, Union

import numpy as np

from . import dlpack, structs

DTYPES = {"float32": 0, "float64": 1, "int64": 2}
DTYPE_NAMES = ("float32", "float64", "int64")


class SupportsDataPtr(Protocol):
    """A PyTorch tensor, or an object with the same attributes."""

    def data_ptr(self) -> int:
        """The address of the first element."""
        ...


class SupportsDLPack(Protocol):
    """An array of CuPy, JAX and others."""

    def __dlpack_device__(self) -> Any: ...


class SupportsCudaArray(Protocol):
    """An array of Numba, or another with the CUDA array interface."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...


class SupportsArray(Protocol):
    """An array with NumPy's array interface, a Buffer on the host for example."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Array = Union[np.ndarray[Any, Any], SupportsDataPtr, SupportsDLPack, SupportsCudaArray, SupportsArray]
"""What a plan takes and writes: float32, float64 or int64, one to three axes, the last one without gaps."""


class Place(Protocol):
    """A queue: where its engine computes, and on which stream."""

    on_host: bool
    stream: int | None


class Memory(NamedTuple):
    """An array as its library describes it. Strides are in elements; None: without gaps."""

    data: int
    dtype: str
    shape: tuple[int, ...]
    strides: Sequence[int] | None
    read_only: bool = False
    owner: Any = None


def view_of(array: Array | None, name: str, place: Place, written: bool = False) -> Any:
    """A view of the caller's array, empty for None. It must not outlive the array.

    name: of the argument, for errors.
    Raises TypeError for an object that is no array, or another element type; ValueError for memory that the engine
    cannot use, a read-only array that would be written, strides that are no whole elements, no or more than three axes.
    """
    if array is None:
        return structs.View()
    memory = _memory_of(array, name, place)
    if memory.dtype not in DTYPES:
        raise TypeError(f"{name}: expected float32, float64 or int64, got {memory.dtype}")
    if written and memory.read_only:
        raise ValueError(f"{name}: expected a writable array, got a read-only one")
    if not 1 <= len(memory.shape) <= 3:
        raise ValueError(f"{name}: expected one to three axes, got {len(memory.shape)}")
    view = dense_view(memory.data, memory.dtype, memory.shape)
    if memory.strides is not None:
        for axis, extent in enumerate(memory.shape):  # the stride of an axis of one element is arbitrary
            if extent > 1:
                view.stride[axis] = memory.strides[axis]
    view.owner = memory.owner
    return view


def dense_view(data: int | None, dtype: str, shape: tuple[int, ...]) -> Any:
    """A view of memory without gaps."""
    view = structs.View(data, DTYPES[dtype], structs.Shape(len(shape), (c_int64 * 3)(*shape)))
    stride = 1
    for axis in reversed(range(len(shape))):
        view.stride[axis] = stride
        stride *= shape[axis]
    return view


def _memory_of(array: Any, name: str, place: Place) -> Memory:
    if isinstance(array, np.ndarray):
        _check_place(True, name, place)
        return _described(array.__array_interface__, name)
    if hasattr(array, "data_ptr"):
        device = str(array.device).partition(":")[0]
        _check_place({"cpu": True, "cuda": False}.get(device), name, place, device)
        dtype = str(array.dtype).rpartition(".")[2]
        return Memory(array.data_ptr(), dtype, tuple(array.shape), tuple(array.stride()))
    if hasattr(array, "__dlpack__"):
        _check_place(dlpack.is_on_host(array), name, place, "that of another device")
        try:
            given = dlpack.read(array, None if place.on_host else place.stream or _DEFAULT_STREAM)
        except BufferError as error:
            raise ValueError(f"{name}: expected an array that DLPack can export, got one that it cannot: {error}")
        return Memory(given.data, given.dtype, given.shape, given.strides, given.read_only, given.capsule)
    if hasattr(array, "__cuda_array_interface__"):
        _check_place(False, name, place)
        interface = array.__cuda_array_interface__
        of_array, of_queue = interface.get("stream"), place.stream or _DEFAULT_STREAM
        if of_array is not None and of_array != of_queue:
            raise ValueError(
                f"{name}: expected an array of the queue's stream, {of_queue}, got one of stream {of_array}; give the "
                f"queue the array's stream, or synchronize"
            )
        return _described(interface, name)
    if hasattr(array, "__array_interface__"):
        _check_place(True, name, place)
        return _described(array.__array_interface__, name)
    raise TypeError(
        f"{name}: expected a NumPy array, a PyTorch tensor, a Buffer or an array with DLPack, got "
        f"{type(array).__name__}"
    )


_DEFAULT_STREAM = 1  # CUDA's default stream, in DLPack and in the CUDA array interface
_PLACES = {True: "host memory", False: "device memory"}


def _check_place(is_on_host: bool | None, name: str, place: Place, device: str = "") -> None:
    if is_on_host != place.on_host:
        got = f"memory of '{device}'" if is_on_host is None else _PLACES[is_on_host]
        raise ValueError(f"{name}: expected {_PLACES[place.on_host]}, like the engine's, got {got}")


def _described(interface: dict[str, Any], name: str) -> Memory:
    """The memory that NumPy's array interface, or CUDA's, describes."""
    data, read_only = interface["data"]
    dtype = np.dtype(interface["typestr"])
    strides = interface.get("strides")
    if strides is not None:
        if any(stride % dtype.itemsize for stride in strides):
            raise ValueError(
                f"{name}: expected strides that are multiples of {dtype.itemsize} bytes, got {tuple(strides)}"
            )
        strides = tuple(stride // dtype.itemsize for stride in strides)
    text = dtype.name if dtype.isnative else dtype.str
    return Memory(data, text, tuple(interface["shape"]), strides, read_only)
