"""Views of the caller's arrays for the library, and the library's own arrays."""

import ctypes
from ctypes import POINTER, c_double, c_float, c_int64, c_void_p

import numpy as np

from . import structs
from .library import Handle, get

DTYPES = {"float32": 0, "float64": 1, "int64": 2}
DTYPE_NAMES = ("float32", "float64", "int64")


def view_of(array, name, on_host, written=False):
    """A view of the caller's array, empty for None. @param on_host whether the engine computes in host memory"""
    if array is None:
        return structs.View()
    lies_on_host = not hasattr(array, "data_ptr") or str(array.device).startswith("cpu")
    if isinstance(array, View):
        lies_on_host = array.on_host
    if lies_on_host != on_host:
        places = {True: "host memory", False: "device memory"}
        raise ValueError(f"{name}: expected {places[on_host]}, like the engine's, got {places[lies_on_host]}")
    if isinstance(array, View):
        return array._view
    if hasattr(array, "data_ptr"):  # a PyTorch tensor
        data, dtype = array.data_ptr(), str(array.dtype).rpartition(".")[2]
        strides = array.stride()
    elif isinstance(array, np.ndarray):
        if written and not array.flags.writeable:
            raise ValueError(f"{name}: expected a writable array, got a read-only one")
        data, dtype = array.ctypes.data, array.dtype.name if array.dtype.isnative else array.dtype.str
        if any(stride % array.itemsize for stride in array.strides):
            raise ValueError(
                f"{name}: expected strides that are multiples of {array.itemsize} bytes, " f"got {array.strides}"
            )
        strides = [stride // array.itemsize for stride in array.strides]
    else:
        raise TypeError(f"{name}: expected a NumPy array, a PyTorch tensor or a Buffer, got {type(array).__name__}")
    if dtype not in DTYPES:
        raise TypeError(f"{name}: expected float32, float64 or int64, got {dtype}")
    shape = tuple(array.shape)
    if not 1 <= len(shape) <= 3:
        raise ValueError(f"{name}: expected one to three axes, got {len(shape)}")
    view = dense_view(data, dtype, shape)
    for axis in reversed(range(len(shape))):  # NumPy's stride of an axis of one element is arbitrary
        if shape[axis] > 1:
            view.stride[axis] = strides[axis]
    return view


def dense_view(data, dtype, shape):
    view = structs.View(data, DTYPES[dtype], structs.Shape(len(shape), (c_int64 * 3)(*shape)))
    stride = 1
    for axis in reversed(range(len(shape))):
        view.stride[axis] = stride
        stride *= shape[axis]
    return view


class View:
    """Memory that another object owns, such as the arguments of a score function or the average of an Adam."""

    def __init__(self, view, on_host, owner=None):
        self._view, self.on_host, self._owner = view, on_host, owner

    @property
    def shape(self):
        return tuple(self._view.shape.extent[: self._view.shape.rank])

    @property
    def dtype(self):
        return np.dtype(DTYPE_NAMES[self._view.dtype])

    @property
    def address(self):
        """The address of the memory; on the device with the cuda engine."""
        return self._view.data

    def numpy(self):
        """The memory itself as an array. Only for the reference and cpu engines."""
        if not self.on_host:
            raise ValueError("expected host memory, got device memory; Queue.read copies it to the host")
        kind = {0: c_float, 1: c_double, 2: c_int64}[self._view.dtype]
        flat = np.ctypeslib.as_array(ctypes.cast(self._view.data, POINTER(kind)), shape=(1,))
        strides = [self._view.stride[axis] * flat.itemsize for axis in range(self._view.shape.rank)]
        return np.lib.stride_tricks.as_strided(flat, self.shape, strides)


class Buffer(View, Handle):
    """An array in engine memory; Engine.zeros and Engine.upload make it."""

    def __init__(self, create, engine, shape, dtype, *arguments):
        Handle.__init__(self, "buffer", create, engine._handle, *arguments)
        View.__init__(self, dense_view(get("buffer_data", self._handle, c_void_p), dtype, shape), engine.on_host)
